"""The Streaming programs, in a real pipe with a real sort: equal to the local engine, line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill import wire
from crawlmill.output.tables import rows_of
from crawlmill.partial import damage_rows, reducers_of
from crawlmill.registry import load
from crawlmill.schema import names

ENVIRONMENT = {**os.environ, "LC_ALL": "C"}


def pipe(commands: list[str], stdin: bytes) -> bytes:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", " | ".join(commands)],
        input=stdin,
        capture_output=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def program(module: str) -> str:
    return f"{sys.executable} -m {module}"


def equal_to_local(lines: bytes, analyses: list[str], inputs: list[str], **options: str) -> None:
    """Keys, values, damage and data counters of reduced lines are those of a local run."""
    run = crawlmill.run(analyses, inputs, workers=1, pool="thread", damage="accept", **options)  # type: ignore[arg-type]
    loaded = {analysis.name: analysis for analysis in load(analyses)}
    reducers = reducers_of(loaded.values())
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in loaded}
    damage, counters, keys = [], {}, []
    for line in lines.splitlines():
        key, value = wire.split(line)
        keys.append(key)
        name = wire.name_of(key)
        state = reducers[name].load(json.loads(value))
        if name == wire.COUNTERS:
            counters[wire.parse_key(key)[1][0]] = state
        elif name == wire.DAMAGE:
            damage += [vars(row) for row in damage_rows(key, json.loads(value))]
        else:
            columns = names(loaded[name].key + loaded[name].value)
            rows[name] += [dict(zip(columns, row, strict=True)) for row in rows_of(loaded[name], key, state)]
    assert keys == sorted(set(keys))
    for name, found in rows.items():
        assert json.loads(json.dumps(found)) == run[name].to_pylist(), name
    assert damage == run.damage.to_pylist()
    assert counters == run.counters


def manifest(inputs: list[Path]) -> bytes:
    return "".join(f"{path}\n" for path in inputs).encode()


def test_the_pipe_of_the_issue(samples: Path) -> None:
    inputs = sorted(samples.glob("*.warc.gz")) + sorted((samples / "damaged").iterdir())
    lines = pipe([program("crawlmill.mappers.origins"), "sort", program("crawlmill.reducers.total")], manifest(inputs))
    equal_to_local(lines, ["origins"], [str(path) for path in inputs])


ALL = ["origins", "domains", "status", "mime", "servers", "ips", "sizes", "records", "languages"]


def test_all_in_one_pass_with_a_combiner(samples: Path) -> None:
    inputs = (
        sorted(samples.glob("*.warc.gz"))
        + sorted((samples / "damaged").iterdir())
        + sorted((samples / "wat").iterdir())
    )
    reduce = program("crawlmill.reducers")
    lines = pipe(
        [f"{program('crawlmill.mappers')} {' '.join(ALL)} --memory 0", "sort", reduce, reduce], manifest(inputs)
    )
    equal_to_local(lines, ALL, [str(path) for path in inputs])


@pytest.mark.parametrize(
    "make", [lambda path: path.read_bytes(), lambda path: pipe(["gzip -dc"], path.read_bytes())], ids=["gzip", "plain"]
)
def test_an_archive_on_standard_input(samples: Path, make: object) -> None:
    path = sorted(samples.glob("*.warc.gz"))[0]
    lines = pipe([program("crawlmill.mappers.status"), "sort", program("crawlmill.reducers")], make(path))  # type: ignore[operator]
    run = crawlmill.run("status", path, workers=1, pool="thread")
    found = {
        json.loads(line.split(b"\t")[0])[1]: int(line.split(b"\t")[1])
        for line in lines.splitlines()
        if line.startswith(b'["status"')
    }
    assert found == dict(zip(run["status"]["status"].to_pylist(), run["status"]["responses"].to_pylist(), strict=True))


def test_manifests_of_hadoop_and_of_plan(samples: Path) -> None:
    paths = sorted(samples.glob("*.warc.gz"))
    bare = pipe([program("crawlmill.mappers.origins")], manifest(paths))
    keyed = b"".join(
        b"%d\t%s\n" % (at * 90, json.dumps({"uri": str(path), "start": 0}).encode()) for at, path in enumerate(paths)
    )
    assert pipe([program("crawlmill.mappers.origins")], keyed) == bare


def test_filters_and_options(samples: Path) -> None:
    inputs = sorted(samples.glob("*.warc.gz"))
    mapper = f"{program('crawlmill.mappers')} origins --where 'status=200 and mime=text/html' --types response"
    lines = pipe([mapper, "sort", program("crawlmill.reducers")], manifest(inputs))
    equal_to_local(
        lines, ["origins"], [str(path) for path in inputs], where="status=200 and mime=text/html", types="response"
    )


@pytest.mark.slow
def test_a_record_that_hangs(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gz([make_record("response", f"http://a.example/{name}", b"x") for name in ("one", "hang", "two")]))
    bad = Path(__file__).parents[1] / "engines" / "analyses.py"
    lines = pipe([f"{program('crawlmill.mappers')} {bad}:hangs --record-timeout 2"], manifest([path]))
    assert b'["hangs","read"]\t2\n' in lines and b'"timeout"]' in lines


def test_reducers_refuse_what_they_do_not_know() -> None:
    for module, line in (
        ("crawlmill.reducers", b'["mine","a"]\t1\n'),
        ("crawlmill.reducers.total", b'["sizes","a"]\t[1]\n'),
    ):
        done = subprocess.run([sys.executable, "-m", module], input=line, capture_output=True, check=False)
        assert done.returncode in (1, 2) and done.stderr.count(b"\n") == 1, done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "crawlmill.reducers", "mine=total"],
        input=b'["mine","a"]\t1\n' * 2,
        capture_output=True,
        check=True,
    )
    assert done.stdout == b'["mine","a"]\t2\n'


def test_signs_of_life_and_counters_on_stderr(samples: Path) -> None:
    inputs = manifest(sorted(samples.glob("*.warc.gz")))
    program_text = (
        "from crawlmill import mapside, streaming; mapside.HEARTBEAT = 0.001; streaming.mapper_main('records')"
    )
    done = subprocess.run([sys.executable, "-c", program_text], input=inputs, capture_output=True, check=True)
    assert b"reporter:counter:crawlmill,records,270\n" in done.stderr
    assert b"reporter:counter:crawlmill,splits,3\n" in done.stderr
    assert b"reporter:status:" in done.stderr
    assert all(line.startswith(b"reporter:") for line in done.stderr.splitlines())


def test_a_reader_that_goes_away_is_no_error(samples: Path) -> None:
    command = f"{program('crawlmill.mappers.records')} 2>/dev/null | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command], input=manifest(sorted(samples.glob("*.warc.gz"))), capture_output=True, check=False
    )
    assert done.returncode == 0 and done.stdout


def test_the_textbook_mapper_is_wrong_by_how_much(samples: Path) -> None:
    """Kept to show it: it counts every record of a page, and lines of bodies, where pages are asked for."""
    answers = json.loads((samples / "answers.json").read_text())
    text = b"".join(pipe(["gzip -dc"], path.read_bytes()) for path in sorted(samples.glob("*.warc.gz")))
    lines = pipe([program("crawlmill.mappers.target_uri_lines")], text).splitlines()
    pages = sum(answers["crawl"]["origins"].values())
    assert len(lines) > 3 * pages


def test_the_node_part_runs_on_a_bare_old_python_from_one_zip(samples: Path, tmp_path: Path) -> None:
    python = old_python()
    if python is None:
        pytest.skip("no Python 3.9 on this machine")
    from crawlmill.shipping import write_zip

    archive = tmp_path / "crawlmill.zip"
    write_zip(archive)
    environment = {"PYTHONPATH": str(archive), "PATH": os.environ["PATH"], "LC_ALL": "C"}
    inputs = sorted(samples.glob("*.warc.gz")) + sorted((samples / "damaged").iterdir())
    header = [name for name in ALL if name != "languages"]
    command = f"{python} -S -m crawlmill.mappers {' '.join(header)} | sort | {python} -S -m crawlmill.reducers"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        input=manifest(inputs),
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    equal_to_local(done.stdout, header, [str(path) for path in inputs])
    words = [python, "-S", "-I", archive, "map", "origins"]
    done = subprocess.run(words, input=manifest(inputs), capture_output=True, check=True)
    assert done.stdout.count(b'["origins",') > 10


def old_python() -> str | None:
    """A Python 3.9 (on PATH, or among pyenv's)."""
    import glob
    import shutil

    roots = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for candidate in [shutil.which("python3.9"), *glob.glob(f"{roots}/versions/3.9.*/bin/python")]:
        if (
            candidate is not None
            and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return candidate
    return None
