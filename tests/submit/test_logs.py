"""What an engine understands of logs that real programs wrote, replayed through a handle."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlmill.engines import mrjob, spark
from crawlmill.hadoop import mapreduce
from crawlmill.hadoop.failures import reason
from crawlmill.submit import Event, Patterns, Reason, Seen, start
from crawlmill.submit.logs import KEPT, Cutter

LOGS = Path(__file__).with_name("logs")


def explain(application: str | None, lines: Sequence[str]) -> Reason:
    return reason(list(lines))


def replayed(name: str, read: Callable[[str], Seen | None], code: int = 0) -> list[Event]:
    """The events of a program that prints a recorded log."""
    with start(["sh", "-c", f"cat {LOGS / name}; exit {code}"], os.environ, Patterns(read, explain=explain)) as handle:
        return list(handle.events())


def test_a_streaming_job() -> None:
    events = replayed("hadoop_ok.log", mapreduce.read)
    url = "http://localhost:34615/proxy/application_1795710946035_0001/"
    assert [(event.kind, event.state, event.message) for event in events] == [
        ("started", "submitted", None),
        ("application", "submitted", None),
        ("application", "submitted", f"tracking: {url}"),
        ("progress", "running", "map 0 %, reduce 0 %"),
        ("progress", "running", "map 33 %, reduce 0 %"),
        ("progress", "running", "map 67 %, reduce 0 %"),
        ("progress", "running", "map 100 %, reduce 0 %"),
        ("progress", "running", "map 100 %, reduce 100 %"),
        ("ended", "succeeded", None),
    ]
    assert [event.fraction for event in events[3:]] == [0.0, 0.165, 0.335, 0.5, 1.0, 1.0]
    assert [event.stage for event in events[3:8]] == ["map", "map", "map", "reduce", "reduce"]
    assert (events[-1].application, events[-1].url) == ("application_1795710946035_0001", url)
    assert {event.program for event in events} == {events[0].program}


def test_a_streaming_job_that_fails_leaves_nothing_to_kill() -> None:
    events = replayed("hadoop_fail.log", mapreduce.read, code=5)
    assert events[-1].state == "failed" and events[-1].exit_code == 5
    assert events[-1].reason == "Task failed task_1795710946035_0003_m_000000"
    assert not [event for event in events if event.message and event.message.startswith("killing")]


def test_mrjob_on_hadoop_prints_what_hadoop_does() -> None:
    events = replayed("mrjob_hadoop.log", mapreduce.read)
    assert [event.fraction for event in events if event.kind == "progress"] == [0.0, 0.165, 0.335, 0.5, 1.0]
    assert events[-1].application == "application_1795710946035_0004" and events[-1].url


def test_mrjob_here_tells_its_steps() -> None:
    (progress,) = [event for event in replayed("mrjob_local.log", mrjob._read) if event.kind == "progress"]
    assert (progress.stage, progress.fraction, progress.state) == ("step 1 of 1", 0.0, "running")


def test_spark_on_yarn() -> None:
    events = replayed("spark_yarn.log", spark.read)
    found = [(event.kind, event.application) for event in events]
    assert found[:3] == [("started", None), *[("application", "application_1795710946035_0005")] * 2]
    assert events[2].message == "tracking: http://localhost:34615/proxy/application_1795710946035_0005/"
    assert events[3].kind == "progress" and len(events) == 5  # repeated reports are told once


def test_the_id_is_known_before_anything_is_submitted() -> None:
    """What makes cancelling safe: a program that was ended before this line has submitted nothing."""
    for name, read, submitted in (
        ("hadoop_ok.log", mapreduce.read, "Submitted application application_"),
        ("spark_yarn.log", spark.read, "Submitting application application_"),
    ):
        lines = (LOGS / name).read_text().splitlines()
        named = next(at for at, line in enumerate(lines) if (seen := read(line)) and seen.application)
        assert named < next(at for at, line in enumerate(lines) if submitted in line)


# ---- the log itself


@given(st.binary(), st.lists(st.integers(1, 9)))
def test_lines_do_not_depend_on_how_bytes_come(data: bytes, sizes: list[int]) -> None:
    whole, cut = Cutter(), Cutter()
    expected = [*whole.feed(data), *whole.rest()]
    found, at = [], 0
    for size in sizes:
        found += cut.feed(data[at : at + size])
        at += size
    assert [*found, *cut.feed(data[at:]), *cut.rest()] == expected


@pytest.mark.slow
@pytest.mark.parametrize("line", [r"line after line, and each of them is printed as it is\n", "no line end "])
def test_a_program_that_prints_megabytes_takes_no_memory(line: str) -> None:
    """24 MB; of the middle the lines that say something are kept."""
    program = f"yes '{line}' | head -c 12000000 | tr -d '\\n'" if "end" in line else f"yes '{line}' | head -c 12000000"
    tracemalloc.start()
    try:
        words = ["sh", "-c", f"echo first; {program}; echo; echo an Error; {program}; echo; echo last; exit 1"]
        with start(words, os.environ, Patterns(explain=explain)) as handle:
            assert handle.wait() == "failed"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    assert handle.tail[-1] == "last" and len(handle.tail) <= KEPT
    assert handle.reason and handle.reason.what == "an Error"
