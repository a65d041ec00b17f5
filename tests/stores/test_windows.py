"""A remote file as few large reads: the same bytes, whatever is asked in whatever order, and never more memory than said."""

from __future__ import annotations

import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from crawlmill.stores.patience import Away
from crawlmill.stores.windows import HELD, LEAST, WINDOW, Windows

DATA = bytes(range(251)) * (40 << 12)  # 41 MB, of which no two places near each other look alike


class File:
    """A file that notes how it is read."""

    def __init__(self, size: int = len(DATA)) -> None:
        self.size, self.reads = size, [(0, 0)][:0]
        self.read_ahead = threading.Event()

    def read(self, offset: int, count: int) -> bytes:
        self.reads.append((offset, count))
        if threading.current_thread().name == "crawlmill-ahead":
            self.read_ahead.set()
        return DATA[: self.size][offset : offset + count]


places = st.integers(0, len(DATA) + 10)
parts = st.lists(st.tuples(places, st.sampled_from([0, 1, 16, 5000, 1 << 20, 9 << 20])), max_size=12)
rows = st.tuples(places, st.integers(1, 30), st.sampled_from([1 << 20, 3 << 20, 100_001]))
spans = st.lists(st.tuples(places, places).map(lambda ab: (min(ab), max(ab))), max_size=3)


@settings(deadline=None, max_examples=60)
@given(parts=parts, row=rows, spans=spans, known=st.booleans())
def test_any_reads_give_the_bytes_of_the_file(
    parts: list[tuple[int, int]], row: tuple[int, int, int], spans: list[tuple[int, int]], known: bool
) -> None:
    file = File()
    made = Windows(file.read, "x://h/a", file.size if known else None, spans)
    start, count, step = row
    for offset, size in [*parts, *((start + number * step, step) for number in range(count)), *parts]:
        assert made.read_at(offset, size) == DATA[offset : offset + size]
        assert sum(len(data) for _, data in made._blocks) <= HELD
    made.close()
    assert all(count <= WINDOW for _, count in file.reads)
    if known:
        assert all(
            count >= LEAST or offset + count in (len(DATA), *(end for _, end in spans)) for offset, count in file.reads
        )


def test_the_next_window_is_read_ahead_after_the_second_and_never_behind_the_span() -> None:
    file, end = File(), 30 << 20
    made = Windows(file.read, "x://h/a", file.size, [(0, end)])
    made.read_at(0, 100)
    assert not file.read_ahead.is_set() and file.reads == [(0, WINDOW)]
    made.read_at(WINDOW, 100)
    assert file.read_ahead.wait(60) and made.read_at(WINDOW + 5, 100) == DATA[WINDOW + 5 :][:100]
    for at in range(0, end, 1 << 20):
        assert made.read_at(at, 1 << 20) == DATA[at : at + (1 << 20)]
    made.close()
    assert max(offset + count for offset, count in file.reads) == end
    assert sorted(set(file.reads)) == [(0, WINDOW), (WINDOW, WINDOW), (2 * WINDOW, WINDOW), (3 * WINDOW, 6 << 20)]


def test_a_small_look_elsewhere_keeps_what_is_read_ahead() -> None:
    file = File()
    made = Windows(file.read, "x://h/a", file.size, [(0, 40 << 20)])
    for at in (0, WINDOW, 2 * WINDOW):
        made.read_at(at, 100)
    made.read_at(len(DATA) - 100, 100)
    made.read_at(3 * WINDOW, 100)
    made.close()
    assert sorted(count for offset, count in file.reads if offset == 3 * WINDOW) == [WINDOW]


def test_a_file_that_was_cut_ends_where_it_ends() -> None:
    file = File()
    made = Windows(file.read, "x://h/a", file.size, [(0, file.size)])
    made.read_at(0, 10)
    file.size = WINDOW + 50
    assert made.read_at(WINDOW + 40, 100) == DATA[WINDOW + 40 : WINDOW + 50]
    assert made.size == WINDOW + 50 and made.read_at(WINDOW + 50, 1) == b""
    made.close()


def test_a_read_ahead_that_fails_is_asked_for_again() -> None:
    file, real = File(), File.read

    def read(offset: int, count: int) -> bytes:
        data = real(file, offset, count)
        if threading.current_thread().name == "crawlmill-ahead":
            raise Away("it broke")
        return data

    made = Windows(read, "x://h/a", file.size, [(0, 40 << 20)])
    for at in range(0, 40 << 20, 1 << 20):
        assert made.read_at(at, 1 << 20) == DATA[at : at + (1 << 20)]
    made.close()
