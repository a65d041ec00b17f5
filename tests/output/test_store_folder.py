"""A folder of a store as output: kept on this machine until it is whole, and resumed from there; the store is a small server
of the tests that speaks WebHDFS (a real one: ``tests/engines/test_hadoop_faults.py``)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import crawlmill
from crawlmill.errors import CrawlmillError, UsageError
from web_hdfs import WebHdfsServer, web_hdfs

STOPS = f"{Path(__file__).parents[1]}/plan/stops.py:stops"
OUT = "hdfs:///results/a"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[WebHdfsServer]:
    with web_hdfs() as made:
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", f"127.0.0.1:{made.port}")
        monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "0")
        monkeypatch.setenv("CRAWLMILL_CACHE", str(tmp_path / "cache"))
        yield made


def run(samples: Path, **options: object) -> crawlmill.api.Run:  # type: ignore[name-defined]
    settings = {"output": OUT, "workers": 1, "pool": "thread", "format": "jsonl", "split_size": 4096, **options}
    return crawlmill.run(STOPS, str(samples / "*.warc.gz"), **settings)  # type: ignore[arg-type]


def stop(samples: Path, monkeypatch: pytest.MonkeyPatch, **options: object) -> None:
    """Begin a run that a failure ends."""
    monkeypatch.setenv("STOPS", "1")
    with pytest.raises(CrawlmillError, match="told to stop"):
        run(samples, **options)
    monkeypatch.delenv("STOPS")


def there(server: WebHdfsServer, folder: str = "/results/a") -> dict[str, bytes]:
    """The files of a folder of the store, and nothing else below its own."""
    names = [name for name in server.files if name.startswith("/results") and server.files[name].data is not None]
    assert all(name.startswith(f"{folder}/") for name in names), names
    return {name[len(folder) + 1 :]: server.files[name].data or b"" for name in names}


def works(tmp_path: Path) -> list[str]:
    return sorted(os.listdir(tmp_path / "cache/work")) if (tmp_path / "cache/work").exists() else []


@pytest.mark.parametrize("batch", [None, 3])
def test_a_run_that_was_ended_goes_on(
    batch: int | None, server: WebHdfsServer, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(samples, output=tmp_path / "whole")
    stop(samples, monkeypatch, batch=batch)
    (work,) = works(tmp_path)
    kept = set(os.listdir(tmp_path / "cache/work" / work))
    assert there(server) == {} and any(name.endswith(".part" if batch is None else ".lines") for name in kept)
    with pytest.raises(UsageError, match=f"{OUT}: an unfinished run of this output is in .*{work}; use --resume or"):
        run(samples)
    made = run(samples, resume=True)
    assert made.output == OUT and made["stops"].equals(whole["stops"]) and made.splits > 10
    assert works(tmp_path) == []
    report = json.loads(there(server)["run.json"])
    mine = json.loads((tmp_path / "whole/run.json").read_text())
    assert {**report, "seconds": 0} == {**mine, "seconds": 0}
    for name in ("stops.jsonl", "damage.jsonl"):
        assert there(server)[name] == (tmp_path / "whole" / name).read_bytes()
    again = run(samples, resume=True, format="csv")
    assert set(there(server)) == {"stops.csv", "damage.csv", "run.json"} and again["stops"].equals(whole["stops"])


def test_what_the_store_does_not_take_is_not_lost(
    server: WebHdfsServer, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away while the result is sent, and what was read is not read again."""
    server.at["RENAME", 1] = lambda: setattr(server, "refuse", "page")
    with pytest.raises(CrawlmillError, match="--resume"):
        run(samples)
    server.refuse = ""
    monkeypatch.setattr("crawlmill.engines.local.run_split", None)  # nothing is left to be read
    made = run(samples, resume=True)
    assert json.loads(there(server)["run.json"])["counters"] == dict(made.counters) and works(tmp_path) == []


def test_of_two_that_write_one_folder_the_loser_says_so(server: WebHdfsServer, samples: Path, tmp_path: Path) -> None:
    """The other one runs on another machine: no lock is between them."""
    with pytest.raises(CrawlmillError, match=f"{OUT}: the output exists"):
        run(samples, planned=lambda plan: server.add("/results/a/theirs.txt", b"theirs"))
    assert there(server) == {"theirs.txt": b"theirs"} and len(works(tmp_path)) == 1


def test_a_second_run_of_this_machine_is_refused_at_once(server: WebHdfsServer, samples: Path) -> None:
    said: list[str] = []

    def other(plan: object) -> None:
        for options in ({"resume": True}, {"overwrite": True}):
            with pytest.raises(UsageError) as raised:
                run(samples, **options)
            said.append(raised.value.what)

    run(samples, planned=other)
    assert said == ["another run is writing this output"] * 2 and set(there(server)) >= {"run.json"}


def test_another_run_does_not_go_on_with_it(
    server: WebHdfsServer, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(samples, monkeypatch)
    with pytest.raises(UsageError, match=r"the unfinished run in .* is another one"):
        run(samples, resume=True, where="status=200")
    with pytest.raises(UsageError, match="an unfinished run of this output is in"):
        run(samples, where="status=200")
    run(samples, where="status=200", overwrite=True)
    assert works(tmp_path) == [] and "status=200" in there(server)["run.json"].decode()


def test_a_folder_of_the_users_own_for_what_is_kept(
    server: WebHdfsServer, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "mine"
    work.mkdir()
    (work / "precious").write_text("")
    with pytest.raises(UsageError, match="the folder is not one of a run; use another name for --work"):
        run(samples, work=work)
    assert os.listdir(work) == ["precious"]
    (work / "precious").unlink()
    stop(samples, monkeypatch, work=work)
    assert (work / "plan.json").exists() and works(tmp_path) == []
    run(samples, work=work, resume=True)
    assert "run.json" in there(server) and not work.exists()
