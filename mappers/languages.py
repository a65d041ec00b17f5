"""Pages per language, as a crawler noted it or as we detect it."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.errors import UsageError
from crawlmill.records.text import detect_language
from crawlmill.reducers import total


@analysis(
    reduce=total,
    key="language: string",
    value="pages: int64",
    types="conversion metadata response",
    depends="resiliparse?",
)
def languages(record: Record, *, source: str = "declared") -> Iterator[tuple[str, int]]:
    """Pages per language: WET header, metadata record, or detection.

    Rows: ``language, pages``, ISO 639-3. With ``source=declared`` each language that the crawler noted in a WET record or a
    metadata record counts; with ``source=detect`` the language of the text of WET records and HTML pages.
    """
    if source == "detect":
        text = record.text if record.type != "metadata" else ""
        found = detect_language(text) if text.strip() else None
        if found is not None:
            yield found, 1
    elif source == "declared":
        if record.type in ("conversion", "metadata"):
            for language in dict.fromkeys(record.languages):
                yield language, 1
    else:
        raise UsageError(f"languages.source is {source!r}", hint="use declared or detect")


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("languages")
