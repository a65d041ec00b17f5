"""How the cost of every merge grows with the values of one key: as n log n at most. Work is counted, never timed."""

from __future__ import annotations

import json
import pkgutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import crawlmill.reducers
from crawlmill import wire
from crawlmill.contract import Reducer
from crawlmill.partial import merged, reducers_of
from crawlmill.reducers import distinct, earliest, histogram, latest, rows, total, vector_total

SMALL, FACTOR = 1500, 4
GROWTH = 1.7 * FACTOR
"""n log n grows by 4 * 1.2 from 1,500 to 6,000 values (more than `distinct` keeps themselves), n * n by 16."""
DAMAGE = reducers_of([])[wire.DAMAGE]
GIVEN: dict[Any, Callable[[int], object]] = {
    total: lambda number: number,
    vector_total: lambda number: (number, 1),
    rows: lambda number: (Text(f"{number * 7919 % 10007}"), number),
    distinct: lambda number: f"{number * 7919 % 10007}",
    histogram: lambda number: number,
    earliest: lambda number: (Text(f"{number * 7919 % 10007}"), number),
    latest: lambda number: (Text(f"{number * 7919 % 10007}"), number),
    DAMAGE: lambda number: Row([number * 7919 % 10007, "the same message", 0]),
}
EACH = pytest.mark.parametrize("reducer", GIVEN, ids=lambda reducer: reducer.__name__.rpartition(".")[2])


class Text(str):
    """A text whose comparisons are calls of Python, so that they are counted."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)  # type: ignore[no-any-return]

    def __lt__(self, other: str) -> bool:
        return str.__lt__(self, other)


class Row(list[object]):
    """A row whose comparisons are counted."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return list.__eq__(self, other)

    def __lt__(self, other: Any) -> bool:
        return list.__lt__(self, other)


def work(action: Callable[[], object]) -> int:
    """The calls, of Python and of C, that something makes."""
    count = 0

    def see(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def states(reducer: Reducer, count: int, of: int = 1) -> list[Any]:
    """``count`` states of ``of`` values each."""
    found = []
    for at in range(0, count * of, of):
        state = reducer.start(GIVEN[reducer](at))
        for number in range(at + 1, at + of):
            state = reducer.merge(state, reducer.start(GIVEN[reducer](number)))
        found.append(state)
    return found


def one_by_one(reducer: Reducer, count: int) -> int:
    """The work of a map side: states come one by one, and the merged one is written."""
    first, *rest = states(reducer, count)

    def fold() -> None:
        state = first
        for other in rest:
            state = reducer.merge(state, other)
        reducer.finish(reducer.load(json.loads(wire.value(reducer.dump(state)))))

    return work(fold)


def from_lines(reducer: Reducer, count: int, of: int) -> int:
    """The work of a reduce side: lines of one key, of some values each."""
    lines = [wire.encode("a", "k", reducer.dump(state)) for state in states(reducer, count // of, of)]
    return work(lambda: list(merged(lines, {"a": reducer})))


def test_every_reducer_is_measured() -> None:
    modules = {module.name for module in pkgutil.iter_modules(crawlmill.reducers.__path__)} - {"__main__"}
    assert {reducer.__name__.rpartition(".")[2] for reducer in GIVEN} == {*modules, "damage"}


@EACH
def test_one_value_after_the_other(reducer: Reducer) -> None:
    assert one_by_one(reducer, SMALL * FACTOR) < GROWTH * one_by_one(reducer, SMALL)


@EACH
@pytest.mark.parametrize("of", [1, 20])
def test_one_line_after_the_other(reducer: Reducer, of: int) -> None:
    assert from_lines(reducer, SMALL * FACTOR, of) < GROWTH * from_lines(reducer, SMALL, of)


@EACH
def test_what_grows_is_merged_in_place(reducer: Reducer) -> None:
    """A state that grows with its values is not copied for each of them: its size is that of a few, or it stays itself."""
    small, large = (states(reducer, 1, count)[0] for count in (100, 800))
    if _size(large) > 2 * _size(small):
        before = _size(large)
        (one,) = states(reducer, 1)
        assert reducer.merge(large, one) is large
        assert _size(large) >= before


def _size(state: object) -> int:
    return len(state) if isinstance(state, (list, dict, set, bytearray)) else 1


def _counted() -> Iterator[int]:
    """The counter counts what it is there for: comparisons of a sort, a search of a list, a key function."""
    texts = [Text(number) for number in range(64)]
    yield work(lambda: sorted(texts, reverse=True))
    yield work(lambda: Row([3]) in [Row([number]) for number in range(4)])
    yield work(lambda: sorted(range(64), key=lambda number: -number))


def test_the_counter_counts() -> None:
    sort, search, key = _counted()
    assert sort >= 63 and search >= 4 and key >= 64
