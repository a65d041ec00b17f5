"""Events as JSON lines: written one by one, whole, and read back."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlmill.errors import CrawlmillError, DamageLimit, UsageError
from crawlmill.submit import Event, EventFile, read_events, recorded
from crawlmill.submit.events import KINDS, STATES

texts = st.none() | st.text()
events = st.builds(
    Event, st.sampled_from(KINDS), st.sampled_from(STATES), st.text(), texts, texts, texts, texts,
    st.none() | st.integers(), texts, texts, texts, st.none() | st.floats(0, 1), texts, texts, st.none() | st.integers(),
    texts, texts,
)  # fmt: skip


@given(events)
def test_there_and_back(event: Event) -> None:
    line = event.to_json()
    assert Event.from_json(line) == event and "\n" not in line and line.isascii()
    assert None not in json.loads(line).values()


def test_names_are_as_they_are_documented(root: Path) -> None:
    """The schema is for other programs: a name that changes here changes there."""
    table = (root / "docs/local.md").read_text("utf-8")
    for name in [*(field.name for field in fields(Event)), *KINDS, *STATES]:
        assert f"`{name}`" in table, name


def test_lines_of_later_versions_are_read() -> None:
    assert Event.from_json('{"time":"","kind":"ended","state":"killed","colour":"red"}') == Event("ended", "killed", "")


def test_a_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "events"
    for number in range(3):
        file = EventFile(str(path))
        file.write(Event("progress", "running", fraction=number / 2))
        file.close()
        with open(path, "ab") as torn:
            torn.write(b'{"time":"2026-11-26T16:31:45.123Z","kind":"pro')
    assert [event.fraction for event in read_events(str(path))] == [0.0, 0.5, 1.0]
    assert path.read_bytes().count(b"\n") == 5


@given(st.binary())
def test_any_file_can_be_read(data: bytes) -> None:
    path = f"/dev/shm/events-{os.getpid()}"
    Path(path).write_bytes(data)
    try:
        list(read_events(path))
    finally:
        os.unlink(path)


def test_what_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "no/events", "No such file or directory")):
        with pytest.raises(UsageError, match=f"{path}: events cannot be written: {why}; name another file"):
            EventFile(str(path))
    with pytest.raises(CrawlmillError, match="/dev/full: events cannot be written: No space left on device"):
        EventFile("/dev/full").write(Event("run", "running"))
    with pytest.raises(CrawlmillError, match="cannot read: No such file"):
        list(read_events(str(tmp_path / "no")))


def test_each_line_is_there_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with recorded(str(path), "local") as write:
        assert len(path.read_text().splitlines()) == 1
        write(Event("message", "running", message="here"))
        assert json.loads(path.read_text().splitlines()[1])["message"] == "here"
    assert [json.loads(line)["state"] for line in path.read_text().splitlines()] == ["running"] * 2 + ["succeeded"]


def test_a_pipe_takes_events(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE, text=True)
    with recorded(str(tmp_path / "pipe"), "local"):
        pass
    assert reader.communicate(timeout=60)[0].count("\n") == 2


@pytest.mark.parametrize(
    ("error", "state", "code", "reason"),
    [
        (CrawlmillError("no such file", "/a"), "failed", 1, "/a: no such file"),
        (UsageError("wrong"), "failed", 2, "wrong"),
        (DamageLimit("damage"), "failed", 3, "damage"),
        (KeyboardInterrupt(), "killed", 130, "interrupted"),
        (KeyError("x"), "failed", 1, "KeyError: 'x'"),
    ],
)
def test_the_last_event_says_how_a_run_ended(
    tmp_path: Path, error: BaseException, state: str, code: int, reason: str
) -> None:
    path = str(tmp_path / "events")
    with pytest.raises(type(error)), recorded(path, "local"):
        raise error
    last = list(read_events(path))[-1]
    assert (last.kind, last.state, last.exit_code, last.reason) == ("run", state, code, reason)


def test_an_error_is_seen_also_when_the_events_have_no_room() -> None:
    with pytest.raises(CrawlmillError, match="events cannot be written"), recorded("/dev/full", "local"):
        raise AssertionError("nothing runs without its record")


def test_the_room_knows_no_engine(root: Path) -> None:
    for path in (root / "src/crawlmill/submit").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crawlmill"):
                assert node.module in ("crawlmill.errors",) or node.module.startswith("crawlmill.submit"), path
