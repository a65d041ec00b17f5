"""``crawlmill run --events``: what happens, as JSON lines in a file or on standard output, whatever the engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archives import gz, make_record
from clusters import HEEDS_CTRL_C
from submit_programs import wait_for

CRAWLMILL = [sys.executable, "-m", "crawlmill"]
BAD = str(Path(__file__).resolve().parent.parent / "engines/analyses.py")


def crawlmill(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CRAWLMILL, *words], capture_output=True, text=True, check=False, timeout=120)


def told(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--pool", "thread"), ("--split-size", "1")])
def test_here(samples: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    done = crawlmill("run", "origins", str(samples / "*.warc.gz"), "--events", str(tmp_path / "events"), *more)
    events = told((tmp_path / "events").read_text())
    assert done.returncode == 0 and "21 rows" in done.stdout
    assert [(event["kind"], event["state"]) for event in events if event["kind"] != "progress"] == [
        ("run", "running"), ("started", "running"), ("ended", "succeeded"), ("run", "succeeded"),
    ]  # fmt: skip
    fractions = [event["fraction"] for event in events if event["kind"] == "progress"]
    assert fractions == sorted(set(fractions)) and len(fractions) >= 3 and fractions[-1] == 1.0
    assert events[-1]["exit_code"] == 0 and {event.get("engine", "local") for event in events} == {"local"}


@pytest.mark.slow
def test_standard_output_takes_events_alone(samples: Path) -> None:
    inputs = str(samples / "*.warc.gz")
    done = crawlmill("run", "origins", inputs, "--events", "-", "--top", "1")
    assert [event["kind"] for event in told(done.stdout)][-1] == "run"
    assert "https://cdn.example.net       7\n1 of 21 rows" in done.stderr and "damage: none" in done.stderr
    for more in (["--json"], ["--format", "tsv"], ["--dry-run"], ["--json", "-o", "out"]):
        done = crawlmill("run", "origins", inputs, "--events", "-", *more)
        assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
        assert "--events - is all that standard output takes; name a file: --events FILE" in done.stderr


@pytest.mark.slow
def test_rows_go_to_standard_output_beside_events_in_a_file(samples: Path, tmp_path: Path) -> None:
    events = str(tmp_path / "events")
    done = crawlmill("run", "origins", str(samples / "*.warc.gz"), "--events", events, "--format", "tsv")
    assert done.stdout.count("\n") == 22 and told((tmp_path / "events").read_text())[-1]["state"] == "succeeded"


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", pytest.param("local", marks=pytest.mark.slow)])
def test_mrjob(samples: Path, tmp_path: Path, runner: str) -> None:
    words = ["run", "origins", str(samples / "*.warc.gz"), "--on", "mrjob", "--runner", runner]
    done = crawlmill(*words, "--events", "-")
    events = told(done.stdout)
    assert done.returncode == 0
    assert [event["kind"] for event in events] == ["run", "starting", "started", "progress", "ended", "run"]
    assert len({event["program"] for event in events[1:-1]}) == 1
    (tmp_path / "no.warc.gz").write_bytes(b"no archive")
    failed = crawlmill(*words, "-D", "no-setting", "--events", "-")
    last = told(failed.stdout)[-1]
    assert failed.returncode == last["exit_code"] == 1 and last["state"] == "failed"
    assert f"crawlmill: {last['reason']}" in failed.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["orgins", "a.warc.gz"], 2, "no analysis is called 'orgins'"),
        (["origins", "nothing.warc.gz"], 3, "no record was read"),
        (["origins", "{samples}", "-o", "/proc/out"], None, ""),
    ],
)
def test_a_run_that_fails_says_why(samples: Path, words: list[str], code: int | None, reason: str) -> None:
    done = crawlmill("run", *[word.format(samples=samples / "*.warc.gz") for word in words], "--events", "-")
    last = told(done.stdout)[-1]
    assert last["kind"] == "run" and last["state"] == "failed" and last["exit_code"] == done.returncode != 0
    assert code in (None, done.returncode) and reason in last["reason"]


def test_events_are_there_while_it_runs_and_say_that_it_was_interrupted(tmp_path: Path) -> None:
    path, events = tmp_path / "slow.warc.gz", tmp_path / "events"
    path.write_bytes(gz([make_record("response", f"http://a.example/{at}", b"x" * 99) for at in range(9000)]))
    words = ["run", f"{BAD}:slow_bodies", str(path), "--events", str(events)]
    process = subprocess.Popen(
        [*HEEDS_CTRL_C, *CRAWLMILL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: events.exists() and '"progress"' in events.read_text())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    last = told(events.read_text())
    assert process.returncode == 130
    assert [(event["kind"], event["state"]) for event in last[-2:]] == [("ended", "killed"), ("run", "killed")]
    assert last[-1]["exit_code"] == 130 and all("fraction" not in event for event in last[-2:])


def test_a_reader_that_leaves_ends_the_run(samples: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    words = [*CRAWLMILL, "run", "origins", str(samples / "*.warc.gz"), "--events", "-"]
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(write)
    assert done.returncode != 0 and done.stderr == ""


def test_a_full_disk_is_one_clear_line(samples: Path) -> None:
    done = crawlmill("run", "origins", str(samples / "*.warc.gz"), "--events", "/dev/full")
    assert done.returncode == 1
    assert done.stderr == "crawlmill: /dev/full: events cannot be written: No space left on device\n"
