"""Named pipes, descriptors, devices and sockets as inputs: read once where they are named, and never opened otherwise."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import crawlmill
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.plan.inputs import expand
from crawlmill.plan.planner import make_plan
from crawlmill.records.record import Record
from crawlmill.stores import open_source, pipe, store_of

CRAWLMILL = f"{sys.executable} -m crawlmill"


def shell(text: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What bash makes of a line; a command that waits for ever fails here."""
    words = ["bash", "-c", text.replace("crawlmill ", f"{CRAWLMILL} ")]
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environ},
    )


@pytest.fixture
def archive(samples: Path) -> Path:
    return samples / "formats/members.warc.gz"


WAYS = {
    "substitution": "crawlmill {0} <(cat {1})",
    "stdin": "cat {1} | crawlmill {0} /dev/stdin",
    "descriptor 0": "cat {1} | crawlmill {0} /dev/fd/0",
    "proc": "cat {1} | crawlmill {0} /proc/self/fd/0",
    "file on stdin": "crawlmill {0} /dev/stdin < {1}",
    "file on a descriptor": "crawlmill {0} /dev/fd/9 9< {1}",
    "fifo": "mkfifo $DIR/p; cat {1} > $DIR/p & crawlmill {0} $DIR/p",
    "late fifo": "mkfifo $DIR/p; (sleep 1; cat {1} > $DIR/p) & crawlmill {0} $DIR/p",
    "slow fifo": "mkfifo $DIR/p; (head -c 9 {1}; sleep 1; tail -c +10 {1}) > $DIR/p & crawlmill {0} $DIR/p",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "what", ["run origins,records", "inspect", "run origins --pool thread", "run status --record-timeout 9"]
)
def test_a_pipe_gives_what_the_file_gives(archive: Path, tmp_path: Path, way: str, what: str) -> None:
    command = f"{what} --json"
    done = shell(WAYS[way].format(command, shlex.quote(str(archive))), DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    plain = shell(f"crawlmill {command} {archive}")
    if what == "inspect":
        found, expected = (
            [{**json.loads(line), "uri": ""} for line in one.stdout.splitlines()] for one in (done, plain)
        )
        assert found == expected and len(found) == 22
    else:
        found, expected = (json.loads(one.stdout) for one in (done, plain))
        assert found["counters"] == expected["counters"] and found["damage"]["rows"] == 0
        assert found["inputs"][0]["uri"] in ("-", str(tmp_path / "p")) or found["inputs"][0]["uri"].startswith(
            "/dev/fd/"
        )


def test_two_pipes_of_one_run(archive: Path) -> None:
    done = shell(f"crawlmill run origins <(cat {archive}) <(zcat {archive}) {archive} --json")
    assert json.loads(done.stdout)["counters"]["records"] == 66, done.stderr


@pytest.mark.slow
def test_a_pipe_is_itself_under_all_its_names(archive: Path, tmp_path: Path) -> None:
    """As a file is: by device and inode. To open it twice is to have each record in one of two halves."""
    (tmp_path / "l").symlink_to(tmp_path / "p")
    names = "$DIR/p $DIR/l file://$DIR/p"
    done = shell(
        f"mkfifo $DIR/p; cat {archive} > $DIR/p & sleep 1; crawlmill run origins {names} --json", DIR=str(tmp_path)
    )
    assert json.loads(done.stdout)["counters"]["records"] == 22, done.stderr
    done = shell(f"crawlmill run origins /dev/fd/8 /dev/fd/9 /proc/self/fd/8 --json 8< <(cat {archive}) 9<&8")
    assert json.loads(done.stdout)["counters"]["records"] == 22, done.stderr
    listing = tmp_path / "a.paths"
    listing.write_text("/dev/stdin\n-\nfile:///dev/fd/0\n")
    done = shell(f"cat {archive} | crawlmill run origins {listing} - --json")
    found = json.loads(done.stdout)
    assert (found["counters"]["records"], found["damage"]["rows"], len(found["inputs"])) == (22, 0, 1), done.stderr


@pytest.mark.slow
def test_a_pipe_that_a_manifest_or_an_index_names(archive: Path, tmp_path: Path) -> None:
    """It is read once, whatever size was planned for it; a plan asks nothing of it."""
    pipe_ = str(tmp_path / "p")
    os.mkfifo(pipe_)
    places = [(record.offset, record.length) for record in crawlmill.scan(str(archive)) if isinstance(record, Record)]
    manifest, index = tmp_path / "a.jsonl", tmp_path / "a.cdxj"
    manifest.write_text(json.dumps({"uri": pipe_, "size": 1000, "version": "7"}) + "\n")
    rows = [{"filename": "p", "offset": offset, "length": length} for offset, length in places]
    index.write_text("".join(f"com,a)/ 20260105080011 {json.dumps(row)}\n" for row in rows))
    for path in (manifest, index):
        (split,) = make_plan([str(path)], 100).splits
        assert (split.uri, split.file_size, split.version) == (pipe_, None, None)
        done = shell(f"cat {archive} > {pipe_} & crawlmill run origins {path} --json")
        found = json.loads(done.stdout)
        assert found["counters"]["records"] == 22 and found["damage"]["rows"] == 0, done.stderr
    mapper = f"{sys.executable} -m crawlmill.mappers.origins"
    done = shell(f"cat {archive} > {pipe_} & cat {manifest} | {mapper}")
    assert '["!counters","records"]\t22' in done.stdout and "!damage" not in done.stdout, done.stderr
    spans = "".join(json.dumps({"uri": pipe_, "start": start, "end": start + 50}) + "\n" for start in (0, 700))
    manifest.write_text(spans)
    said = f"{pipe_}: a pipe is read once, and several parts of it are named; name it alone\n"
    assert shell(f"crawlmill run origins {manifest}").stderr == "crawlmill: " + said
    assert shell(f"cat {manifest} | {mapper}").stderr.endswith(said)
    assert {store_of(name).tell(name).size for name in (pipe_, "-", "/dev/fd/0", str(tmp_path))} == {None}
    assert store_of(str(archive)).tell(str(archive)).size == archive.stat().st_size
    with pytest.raises(UsageError, match="a device"):
        store_of("/dev/null").tell("/dev/null")


@pytest.mark.slow
def test_other_commands_read_them(archive: Path, tmp_path: Path) -> None:
    assert shell(f"crawlmill verify <(cat {archive})").stdout.startswith("22 records")
    assert shell(f"crawlmill get <(cat {archive}) --offset 0 --what headers").stdout.startswith("WARC/1.0")
    assert shell(f"crawlmill subset <(cat {archive}) -o {tmp_path}/new.warc.gz").stdout.startswith("22 records")
    assert json.loads(shell(f"crawlmill plan <(cat {archive})").stdout)["end"] is None
    assert "6 of 6 rows" in shell(f"crawlmill show <(crawlmill run origins {archive} --format csv)").stdout
    for number, option in enumerate(("", "--record-timeout 9")):
        pipe_, mapper = f"{tmp_path}/p{number}", f"{sys.executable} -m crawlmill.mappers.origins {option}"
        done = shell(f"mkfifo {pipe_}; cat {archive} > {pipe_} & echo {pipe_} | {mapper}")
        assert '["!counters","records"]\t22' in done.stdout, done.stderr


@pytest.mark.slow
def test_a_run_over_a_pipe_is_not_resumed(samples: Path, archive: Path, tmp_path: Path) -> None:
    """What it held is gone, whatever the pipe holds now."""
    stops = f"{Path(__file__).parents[1]}/plan/stops.py:stops"
    (sample,) = samples.glob("*-00001.warc.gz")
    rest = f"{sample} -o {tmp_path}/out"
    first = shell(f"crawlmill run {stops} <(cat {archive}) {rest}", STOPS="1")
    assert first.returncode == 1 and "told to stop" in first.stderr
    assert len(list((tmp_path / "out/_work").glob("*.part"))) == 1
    again = shell(f"crawlmill run {stops} <(cat {samples}/formats/v1.arc.gz) {rest} --resume")
    assert (again.returncode, again.stdout, again.stderr.count("\n")) == (2, "", 1)
    assert "what was read of standard input or a pipe is gone: it cannot be resumed" in again.stderr


def test_a_pipe_that_nobody_writes_to_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "PATIENCE", 0.2)
    os.mkfifo(tmp_path / "p")
    with pytest.raises(CrawlmillError, match="nobody writes to this pipe; start what writes to it first"):
        crawlmill.run("origins", tmp_path / "p")
    with pytest.raises(FileNotFoundError):
        open_source("/dev/fd/987")
    lost = crawlmill.run("origins", "/dev/fd/987", damage="accept", workers=1).damage.to_pylist()
    assert [(row["uri"], row["kind"]) for row in lost] == [("/dev/fd/987", "missing")]
    assert make_plan([str(tmp_path / "p")]).inputs[0].size is None, "nothing is asked of it before"


@pytest.fixture
def special(tmp_path: Path, archive: Path) -> Iterator[Path]:
    """A folder with an archive, and with what is none under the names of archives, manifests and indexes."""
    folder = tmp_path / "special"
    folder.mkdir()
    (folder / "a.warc.gz").write_bytes(archive.read_bytes())
    for name in ("p.warc.gz", "p.paths", "p.parquet", "p.cdxj", "p"):
        os.mkfifo(folder / name)
    (folder / "null.warc.gz").symlink_to("/dev/null")
    (folder / "tty.warc.gz").symlink_to("/dev/tty")
    (folder / "fifo.warc.gz").symlink_to(folder / "p")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(folder / "s.warc.gz"))
        yield folder


def test_folders_and_patterns_pass_over_them(special: Path, tmp_path: Path) -> None:
    for inputs in ([str(special)], [f"{special}/*"], [f"{tmp_path}/**"]):
        given, _ = expand(inputs)
        assert [one.split.uri for one in given] == [f"{special}/a.warc.gz"]
    (special / "gone.warc.gz").symlink_to("nowhere")
    assert len(expand([f"{special}/*"])[0]) == 2, "a link to nothing is reported as missing"
    (special / "a.warc.gz").unlink()
    for inputs in ([f"{special}/*.paths"], [f"{special}/s*"]):
        with pytest.raises(UsageError, match="nothing matches"):
            expand(inputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["null.warc.gz", "tty.warc.gz", "s.warc.gz", "/dev/zero", "/dev/full"])
def test_devices_and_sockets_are_one_line(special: Path, name: str) -> None:
    path = special / name
    manifest = special / "m.jsonl"
    manifest.write_text(json.dumps({"uri": str(path)}) + "\n")
    for named in (path, manifest):
        done = shell(f"crawlmill run origins {named}")
        what = "a socket" if name.startswith("s") else "a device"
        assert done.returncode == 2 and done.stdout == ""
        assert (
            done.stderr
            == f"crawlmill: {path}: {what}, not an archive; name a file, a named pipe, or - for standard input\n"
        )
    for command in ("inspect {}", "get {} --offset 0", "verify {}"):
        done = shell(f"crawlmill {command.format(path)}")
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and "not an archive" in done.stderr


def test_a_folder_in_a_manifest_is_one_line(special: Path, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(json.dumps({"uri": str(special)}) + "\n")
    done = shell(f"crawlmill run origins {tmp_path}/m.jsonl")
    assert done.returncode == 1 and "a folder, not an archive" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("engine", ["mrjob", "spark"])
def test_engines_that_cannot_read_pipes_say_so(archive: Path, engine: str) -> None:
    done = shell(f"crawlmill run origins <(cat {archive}) --on {engine}")
    assert (
        done.returncode == 2
        and done.stderr.startswith("crawlmill: /dev/fd/")
        and "standard input or a pipe" in done.stderr
    )


def test_spark_tables_refuse_them(special: Path) -> None:
    from crawlmill.spark.options import partitions_of, paths_of

    for call in (
        lambda: paths_of(special / "p"),
        lambda: paths_of("/dev/stdin"),
        lambda: partitions_of({"path": str(special / "p")}),
    ):
        with pytest.raises(UsageError, match="cannot read our standard input or a pipe"):
            call()
