"""The map side of every engine: what it hands on, what it tells, and that it stands once."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path

import pytest

import crawlmill
from crawlmill import jobs, mappers, reducers, registry, spark_apps
from crawlmill.mapside import SHOWN, Reports, map_side
from crawlmill.partial import key_of, merged, reducers_of
from crawlmill.plan.split import Split
from crawlmill.task import Job
from crawlmill.where import parse_where


def job_of(*names: str, where: str | None = None) -> Job:
    return Job(tuple(registry.load(names)), where=None if where is None else parse_where(where))


@pytest.fixture(scope="module")
def splits(samples: Path) -> list[Split]:
    return [Split(str(path)) for path in sorted(samples.glob("*.warc.gz"))]


@pytest.mark.parametrize("limit", [None, 60.0])
def test_counters_are_told_at_the_end_with_a_time_limit_or_without(splits: list[Split], limit: float | None) -> None:
    """Those that ride in the lines, not those of this process: a split that is watched is read in another one."""
    told: list[tuple[str, int]] = []
    reports = Reports(lambda text: None, lambda name, count: told.append((name, count)))
    job = job_of("status", where="status=200")
    lines = list(chain.from_iterable(map_side(job, splits, record_timeout=limit, reports=reports)))
    run = crawlmill.run("status", [split.uri for split in splits], where="status=200", workers=1)
    expected = {name: run.counters[name] for name in SHOWN if run.counters.get(name)}
    assert dict(told) == {"splits": 3, **expected}
    assert "rejected" in expected
    whole = list(merged(sorted(lines, key=key_of), reducers_of(job.analyses)))
    once = chain.from_iterable(map_side(job, splits))
    assert whole == list(merged(sorted(once, key=key_of), reducers_of(job.analyses)))


def test_lines_come_sorted_and_are_gone_when_the_next_come(splits: list[Split]) -> None:
    given = []
    for lines in map_side(job_of("hosts", "records"), splits, memory=1):
        assert lines == sorted(lines, key=key_of)
        assert not any(given)
        given.append(lines)
    assert len(given) > 3 and not any(given)


def test_splits_are_taken_as_they_are_read(splits: list[Split]) -> None:
    left = iter(splits)
    side = map_side(job_of("records"), left, memory=1)
    next(side)
    assert list(left) == splits[1:]


def test_the_map_side_and_the_reading_of_a_split_stand_once() -> None:
    """Only :mod:`crawlmill.mapside` runs a task, and only :mod:`crawlmill.plan.read` opens an archive to walk over it."""
    users: dict[str, set[str]] = {"Task": set(), "read_span": set(), "Collector": set()}
    for package in (crawlmill, jobs, mappers, reducers, spark_apps):
        folder = Path(package.__path__[0])
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    for name in node.names:
                        users.get(name.name, set()).add(path.relative_to(folder).with_suffix("").as_posix())
    assert users == {"Task": {"mapside"}, "read_span": {"plan/read"}, "Collector": {"task"}}
