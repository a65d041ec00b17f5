"""HTML elements by name, from a real parse."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.records import html
from crawlmill.reducers import total


@analysis(reduce=total, key="tag: string", value="elements: int64", types="response", depends="resiliparse")
def tags(record: Record) -> Iterator[tuple[str, int]]:
    """HTML elements by name, from a real parse.

    Rows: ``tag, elements``. What looks like a tag in a script or a comment is none.
    """
    tree = record.html
    if tree is not None:
        yield from html.tags(tree).items()


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("tags")
