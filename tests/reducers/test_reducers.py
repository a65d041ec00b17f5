"""The laws that every merge obeys: any order, any grouping, and through JSON and back."""

from __future__ import annotations

import base64
import copy
import json
import pkgutil
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crawlmill.reducers
from crawlmill import analysis, wire
from crawlmill.contract import Reducer
from crawlmill.errors import UsageError
from crawlmill.partial import reducers_of
from crawlmill.reducers import distinct, earliest, histogram, latest, rows, total, vector_total

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
LISTS = st.lists(NUMBERS, max_size=3)
DAMAGE = reducers_of([])[wire.DAMAGE]
VALUES: dict[Any, st.SearchStrategy[Any]] = {  # what each may be given
    total: NUMBERS,
    vector_total: st.tuples(NUMBERS, NUMBERS),
    rows: st.tuples(TEXTS | st.none(), NUMBERS, st.booleans()) | TEXTS,
    distinct: TEXTS,
    histogram: st.integers(0, 2**63 - 1),
    earliest: st.tuples(TEXTS | st.none(), LISTS | LISTS.map(tuple)) | NUMBERS | st.booleans() | st.none(),
    latest: st.tuples(TEXTS | st.none(), LISTS | LISTS.map(tuple)) | NUMBERS | st.booleans() | st.none(),
    DAMAGE: st.tuples(NUMBERS, TEXTS, NUMBERS).map(list),
}
EACH = pytest.mark.parametrize("reducer", VALUES, ids=lambda reducer: reducer.__name__.rpartition(".")[2])


def test_no_reducer_is_forgotten() -> None:
    modules = {module.name for module in pkgutil.iter_modules(crawlmill.reducers.__path__)} - {"__main__"}
    assert {*modules, "damage"} == {reducer.__name__.rpartition(".")[2] for reducer in VALUES}


def merged(reducer: Reducer, *states: object) -> Any:
    """The states merged from left to right, each in a copy: a merge may use up its first."""
    first, *rest = copy.deepcopy(states)
    for state in rest:
        first = reducer.merge(first, state)
    return first


def dumped(reducer: Reducer, state: object) -> str:
    """The text of a state: what has to be equal. The state itself may hold its parts in any order."""
    return wire.value(reducer.dump(state))


def loaded(reducer: Reducer, state: object) -> Any:
    """The state through JSON and back."""
    return reducer.load(json.loads(dumped(reducer, state)))


@EACH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_laws(reducer: Reducer, data: st.DataObject) -> None:
    values = data.draw(st.lists(VALUES[reducer], min_size=3, max_size=8))
    a, b, *more = (reducer.start(value) for value in values)
    c = merged(reducer, *more)
    whole = merged(reducer, a, b, c)
    text = dumped(reducer, whole)
    assert dumped(reducer, merged(reducer, b, a)) == dumped(reducer, merged(reducer, a, b))
    assert dumped(reducer, merged(reducer, a, merged(reducer, b, c))) == text
    assert dumped(reducer, merged(reducer, c, a, b)) == text
    assert reducer.finish(merged(reducer, c, a, b)) == reducer.finish(whole)

    for state in (a, b, c, whole):
        again = loaded(reducer, state)
        assert type(again) is type(state)
        assert dumped(reducer, again) == dumped(reducer, state)
        assert reducer.finish(again) == reducer.finish(state)
    assert dumped(reducer, merged(reducer, *[loaded(reducer, state) for state in (a, b, c)])) == text


@EACH
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_merge_leaves_its_second_state_as_it_is(reducer: Reducer, data: st.DataObject) -> None:
    values = data.draw(st.lists(VALUES[reducer], min_size=3, max_size=6))
    first, *rest = (reducer.start(value) for value in values)
    second = merged(reducer, *rest)
    before = copy.deepcopy(second)
    reducer.merge(first, second)
    assert second == before


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(VALUES[DAMAGE], min_size=1, max_size=8))
def test_equal_damage_rows_are_one(rows: list[list[object]]) -> None:
    once = merged(DAMAGE, *map(DAMAGE.start, rows))
    assert dumped(DAMAGE, merged(DAMAGE, once, *map(DAMAGE.start, rows))) == dumped(DAMAGE, once)
    assert DAMAGE.finish(once) == sorted(map(list, {tuple(row) for row in rows}), key=wire.value)


WRONG_COUNTS: list[object] = [[], [0], [1, 0], [True], [1.0], [-1, 1], 3, [1] * 65]
WRONG_REGISTERS: list[object] = ["", "AA==", "!", 3, "A" * 5464]
WRONG_STATES: list[object] = [[], "a", {}, {"exact": ["a"], "registers": ""}]
WRONG_SETS: list[object] = [[], ["a", "a"], [1], "a", [str(number) for number in range(1001)]]


@pytest.mark.parametrize(
    "reducer, wrong",
    [
        *[(total, value) for value in (True, 1.0, "1", None, (1,))],
        *[(vector_total, value) for value in (3, (1, True), (1, 2.0), [1, 2])],
        *[(distinct, value) for value in (1, True, None, b"a", ("a",), "\ud800")],
        *[(histogram, value) for value in (True, -1, 1.0, "1", None, 2**63)],
        *[(reducer, value) for value in (1.5, (1.5, "a"), (), ["a"], (["a"], 1)) for reducer in (earliest, latest)],
    ],
)
def test_what_start_refuses(reducer: Reducer, wrong: object) -> None:
    with pytest.raises(TypeError):
        reducer.start(wrong)


@pytest.mark.parametrize(
    "reducer, wrong",
    [
        *[(histogram, value) for value in WRONG_COUNTS],
        *[(distinct, {"exact": value}) for value in WRONG_SETS],
        *[(distinct, value) for value in WRONG_STATES],
        *[(distinct, {"registers": value}) for value in WRONG_REGISTERS],
        (distinct, {"registers": base64.b64encode(bytes([54]) * 4096).decode()}),
        (earliest, 1.5),
        (latest, [[1], 2]),
    ],
)
def test_what_load_refuses(reducer: Reducer, wrong: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        reducer.load(wrong)


@pytest.mark.parametrize(
    "reducer, fits, wrong",
    [
        (total, "n: int64", "n: string"),
        (vector_total, "n: int64, m: int64", "n: int64"),
        (distinct, "n: int64", "n: string"),
        (histogram, "n: list<int64>", "n: int64"),
        (earliest, "date: string?, url: string, tags: list<string>", "n: list<int64>"),
        (latest, "n: int64", "n: list<string>, m: int64"),
    ],
)
def test_value_columns_that_fit(reducer: Reducer, fits: str, wrong: str) -> None:
    def job(record: object) -> None: ...

    assert analysis(reduce=reducer, key="k: string", value=fits)(job).reducer is reducer
    with pytest.raises(UsageError, match="job: "):
        analysis(reduce=reducer, key="k: string", value=wrong)(job)


# ---- histogram


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1))
def test_a_bin_holds_the_numbers_of_so_many_bits(numbers: list[int]) -> None:
    counts = merged(histogram, *map(histogram.start, numbers))
    assert sum(counts) == len(numbers) and counts[-1]
    assert counts[0] == numbers.count(0)
    for at in range(1, len(counts)):
        assert counts[at] == sum(2 ** (at - 1) <= number < 2**at for number in numbers)


# ---- earliest, latest


@pytest.mark.parametrize(
    "values, first, last",
    [
        (["b", "a", "c"], "a", "c"),
        ([10, 9, -1], -1, 10),  # as numbers, not as texts
        (["é", "z", "\U0001f600", "\uffff"], "z", "\U0001f600"),  # by code point, not as UTF-16
        ([("b", 1), ("a", 9), (None, 0)], ("a", 9), ("b", 1)),  # null is nobody's first or last
        ([("a", 10), ("a", 9)], ("a", 10), ("a", 9)),  # a tie: by the JSON
        ([None, None], None, None),
        ([True, False], False, True),
    ],
)
def test_earliest_and_latest(values: list[Any], first: object, last: object) -> None:
    assert earliest.finish(merged(earliest, *map(earliest.start, values))) == [first]
    assert latest.finish(merged(latest, *map(latest.start, values))) == [last]


# ---- distinct


def state_of(texts: list[str], parts: int = 1) -> distinct.State:
    """The state of texts that came in so many parts, merged one by one."""
    states = []
    for part in range(parts):
        state: distinct.State | None = None
        for text in texts[part::parts]:
            state = distinct.start(text) if state is None else distinct.merge(state, distinct.start(text))
        if state is not None:
            states.append(state)
    found: distinct.State = merged(distinct, *states)
    return found


@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 3000])
def test_a_state_is_one_of_the_set_alone(count: int) -> None:
    texts = [f"text {number}" for number in range(count)]
    expected = distinct.dump(state_of(texts))
    assert ("exact" in expected) == (count <= 1000)
    shuffle: Callable[[list[str]], None] = random.Random(7).shuffle
    for parts in (1, 2, 3, 7):
        again = texts + texts[: count // 2]  # some come twice
        shuffle(again)
        assert distinct.dump(state_of(again, parts)) == expected


def test_laws_across_the_border_of_exact() -> None:
    few, some, many = (
        state_of([f"{name} {n}" for n in range(count)]) for name, count in (("a", 3), ("b", 999), ("c", 2500))
    )
    for a, b, c in ((few, some, many), (many, few, some), (some, many, few)):
        assert merged(distinct, a, b) == merged(distinct, b, a)
        assert merged(distinct, merged(distinct, a, b), c) == merged(distinct, a, merged(distinct, b, c))
    for a in (few, many):
        for b in (some, many):
            before = copy.deepcopy(b)
            distinct.merge(copy.deepcopy(a), b)
            assert b == before
    assert type(merged(distinct, few, some)) is bytearray and merged(distinct, many, many) == many


def test_exact_up_to_a_thousand() -> None:
    for count in (1, 10, 1000):
        assert distinct.finish(state_of([str(number) for number in range(count)] * 2)) == [count]


@pytest.mark.parametrize("count", [1001, 2000, 5000, 10_000, 12_000, 20_000, 50_000])
def test_estimates(count: int) -> None:
    """Within four standard errors of 1.04 / sqrt(4096), and without a bias where small sets become large ones."""
    errors = []
    for seed in range(4):
        registers = distinct._add(bytearray(distinct.REGISTERS), (f"{seed}:{number}" for number in range(count)))
        errors.append(distinct.estimate(registers) / count - 1)
    assert max(map(abs, errors)) < 4 * 1.04 / 64
    assert abs(sum(errors) / len(errors)) < 4 * 1.04 / 64 / 2


def test_estimates_are_the_same_on_every_machine() -> None:
    """Written down: these may change only with a reason, since they stand in results."""
    assert distinct.finish(state_of([str(number) for number in range(5000)])) == [4906]
    assert distinct.estimate(bytearray(4096)) == 0
    assert distinct.estimate(bytearray([1]) + bytearray(4095)) == 1
    assert distinct.estimate(bytearray([53]) * 4096) > 2**60


# ---- as programs


@pytest.mark.parametrize("name, key", [("distinct", "ips"), ("histogram", "sizes")])
def test_a_reducer_is_a_program(name: str, key: str) -> None:
    module: Any = getattr(crawlmill.reducers, name)
    values: dict[str, tuple[object, ...]] = {"distinct": ("a", "b"), "histogram": (5, 0)}
    states = [module.start(value) for value in values[name]]
    lines = b"".join(wire.encode(key, "k", module.dump(state)) for state in states)
    done = subprocess.run(
        [sys.executable, "-m", f"crawlmill.reducers.{name}"], input=lines, capture_output=True, check=True, timeout=60
    )
    assert done.stdout == wire.encode(key, "k", module.dump(merged(module, *states)))
