"""Words with term and document frequency, from WET or from the text of WARC pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from crawlmill import Record, analysis
from crawlmill.records import text
from crawlmill.reducers import vector_total
from crawlmill.warc.damage import BodyDamage

PART = 1 << 16
"""Words that are counted at once."""
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
    for word, count in _counted(text.words(record.text, min_length, cjk), record.max_body >> 5).items():
        yield word, (count, 1)


def _counted(words: Iterator[str], most: int) -> Counter[str]:
    """How often each word occurs. Raises :class:`BodyDamage` for more different words than `most`: no language has as many in
    a text of that size, but a hostile page does."""
    counts: Counter[str] = Counter()
    while True:
        part = list(islice(words, PART))
        if not part:
            return counts
        counts.update(part)
        if len(counts) > most:
            raise BodyDamage("oversized")


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("words")
