"""Tasks: any split points, any workers and any set of analyses in the pass give the same rows and the same damage."""

from __future__ import annotations

import random
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import gz, make_record
from crawlmill import registry
from crawlmill.mapside import map_side
from crawlmill.partial import key_of, merged, reducers_of
from crawlmill.plan.split import Split
from crawlmill.task import Job
from crawlmill.wire import COUNTERS, DAMAGE, name_of, parse_key
from strategies import LAYOUTS, damaged, records

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BAD = str(Path(__file__).parent / "engines" / "analyses.py")
NAMES = ["origins", "status", "sizes", "records", f"{BAD}:table", f"{BAD}:raises", "words"]


def lines_of(
    names: list[str], splits: list[Split], workers: int, memory: int = 1 << 20, full: bool = False
) -> list[bytes]:
    """The merged lines of a job whose splits some workers share out."""
    job = Job(tuple(registry.load(names)), full=full)
    lines: list[bytes] = []
    for worker in range(workers):
        lines.extend(chain.from_iterable(map_side(job, splits[worker::workers], memory=memory)))
    return list(merged(sorted(lines, key=key_of), reducers_of(job.analyses)))


def about(lines: list[bytes], name: str) -> list[bytes]:
    """What the lines say about one analysis: its pairs, the damage that it met, and the damage of the file."""
    kept = []
    for line in lines:
        key = key_of(line)
        whose = name_of(key)
        if whose in (name, COUNTERS) or (whose == DAMAGE and parse_key(key)[1][3] in ("", name)):
            kept.append(line)
    return kept


def check(layout: str, folder: Path, data: st.DataObject) -> None:
    archive = data.draw(damaged(LAYOUTS[layout](data.draw(records()))))
    path = folder / "a.warc.gz"
    path.write_bytes(archive)
    full = data.draw(st.booleans())
    cuts = data.draw(st.lists(st.integers(1, max(1, len(archive))), max_size=4))
    splits = [Split(str(path), start or 0, end) for start, end in pairwise([0, *sorted(set(cuts)), None])]
    random.Random(len(archive)).shuffle(splits)
    company = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    together = lines_of(company, splits, data.draw(st.integers(1, 3)), data.draw(st.sampled_from((0, 1 << 20))), full)
    for name in company:
        alone = lines_of([name], [Split(str(path))], 1, full=full)
        base = registry.load([name])[0].name
        assert about(together, base) == about(alone, base)


@pytest.mark.slow
@settings(parent=relaxed, max_examples=5)
@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_splits_workers_and_company_change_nothing(
    layout: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check(layout, tmp_path_factory.mktemp("task"), data)


@pytest.mark.slow
@settings(parent=relaxed, max_examples=80)
@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_splits_workers_and_company_change_nothing_at_length(
    layout: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check(layout, tmp_path_factory.mktemp("task"), data)


def test_max_body_travels_with_a_job_and_names_its_run() -> None:
    from crawlmill import jobspec
    from crawlmill.api import make_job
    from crawlmill.identity import identity_of

    usual, small = make_job("tags"), make_job("tags", max_body=1 << 20)
    assert usual.max_body == 8 << 20 and jobspec.from_json(jobspec.to_json(small)) == small
    assert small.reading().max_body == 1 << 20
    assert identity_of(usual) != identity_of(small)


@pytest.mark.parametrize("name", ["records", "hosts"])
def test_memory_is_full_by_the_length_of_keys(name: str, tmp_path: Path) -> None:
    """Spills come as pairs come in, not after so many records."""
    path = tmp_path / "long.warc.gz"
    path.write_bytes(gz([make_record("response", f"http://a{n}{'x' * 100_000}/") for n in range(100)]))
    job = Job(tuple(registry.load([name])))
    spills = [len(lines) for lines in map_side(job, [Split(str(path))], memory=1 << 20)]
    assert len(spills) > 2 and max(spills) < 90


def test_memory_is_full_by_many_small_splits(tmp_path: Path) -> None:
    """None of them would fill it, all together do."""
    splits = []
    for number in range(40):
        path = tmp_path / f"{number}.warc.gz"
        path.write_bytes(gz([make_record("response", f"http://{number}.{n}.{'x' * 20_000}/") for n in range(5)]))
        splits.append(Split(str(path)))
    spills = [len(lines) for lines in map_side(Job(tuple(registry.load(["hosts"]))), splits, memory=1 << 20)]
    assert len(spills) > 2
