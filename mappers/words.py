"""Words with term and document frequency, from WET or from the text of WARC pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.records import text
from crawlmill.reducers import vector_total

Pair = tuple[str, tuple[int, int]]


@analysis(
    reduce=vector_total,
    key="word: string",
    value="occurrences: int64, documents: int64",
    types="conversion response",
    depends="unicode resiliparse?",
)
def words(record: Record, *, min_length: int = 1, cjk: bool = False) -> Iterator[Pair]:
    """Words: how often, and in how many documents (WET, or text of WARC pages).

    Rows: ``word, occurrences, documents``. A word is a run of letters and digits, lower-cased, of at least ``min_length``
    characters; ``cjk`` cuts scripts without blanks into overlapping pairs.
    """
    for word, count in Counter(text.words(record.text, min_length, cjk)).items():
        yield word, (count, 1)


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("words")
