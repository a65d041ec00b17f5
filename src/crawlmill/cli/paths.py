"""``crawlmill path``: where the programs of an installed crawlmill are, for those who start them by file name."""

from __future__ import annotations

from typing import Annotated

import typer

FOLDERS = ("mappers", "reducers", "jobs", "spark_apps")


def path(
    name: Annotated[
        str, typer.Argument(help="A folder (mappers, reducers, jobs, spark_apps), or a file in one: FOLDER/FILE.py.")
    ],
) -> None:
    """Print where a program of crawlmill is installed.

    Example: [bold]crawlmill path spark_apps/analyze.py[/bold]
    """
    from crawlmill.errors import UsageError
    from crawlmill.shipping import folder_of

    folder, _, rest = name.partition("/")
    if folder not in FOLDERS:
        raise UsageError(f"no folder is called {folder!r}", hint=f"there are {', '.join(FOLDERS)}")
    found = folder_of(f"crawlmill.{folder}") / rest
    if not found.exists():
        names = sorted(file.name for file in folder_of(f"crawlmill.{folder}").glob("[!_]*.py"))
        raise UsageError(f"no file is called {rest!r}", folder, f"there are {', '.join(names)}")
    print(found)
