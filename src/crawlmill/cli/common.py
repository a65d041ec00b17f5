"""What the commands share: types of options, and the way to say something beside the output."""

from __future__ import annotations

from typing import Annotated

import typer

from crawlmill.drawing import note as note

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
