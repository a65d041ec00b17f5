"""What the commands share: types of options, and where a terminal is told apart from a pipe."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Inputs = Annotated[
    list[str], typer.Argument(help="Files, folders, globs, manifests, *.paths.gz listings, indexes, or - for stdin.")
]
Types = Annotated[
    str | None, typer.Option(help="Record types to take, e.g. response,revisit (in place of the analyses' own).")
]
WhereText = Annotated[
    str | None,
    typer.Option(
        "--where", help="A condition on the headers, e.g. 'status=200 and mime=text/html and domain=example.org'."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]


def note(line: str) -> None:
    """Say something beside the output."""
    print(line, file=sys.stderr, flush=True)
