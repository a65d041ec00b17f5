"""The identity of a run: what changes it, what does not, and that nothing is merged with rows of other code."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import types
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crawlmill
from archives import gz, make_record
from crawlmill import analysis, jobspec, registry
from crawlmill.api import make_job
from crawlmill.engines.local import Local
from crawlmill.engines.mrjob import MrJob
from crawlmill.errors import CrawlmillError, MissingPackage, UsageError
from crawlmill.hadoop.failures import ours
from crawlmill.identity import difference, identity_of, own_sources
from crawlmill.reducers import total
from crawlmill.shipping import ship
from own_project import FILES, ROWS, TRAVEL, write, write_late
from own_project import crawlmill as command


def identity(folder: Path) -> dict[str, Any]:
    """The identity of a run of the project in a folder, read back from JSON."""
    found: dict[str, Any] = json.loads(
        json.dumps(identity_of(make_job(str(folder / "job.py"), ship=[folder / "lists/words.txt"])))
    )
    return found


PRINT = """
import json, sys
from crawlmill.api import make_job
from crawlmill.identity import identity_of
print(json.dumps(identity_of(make_job(sys.argv[1], ship=sys.argv[2:])), sort_keys=True))
"""


def printed(*words: object, cwd: Path | None = None, **environment: str) -> dict[str, Any]:
    """The identity of a run, by another process."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# ---- the fault: a run that was killed goes on with other code


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of several splits."""
    path = tmp_path_factory.mktemp("long") / "long.warc.gz"
    body = hashlib.shake_128(b"x").digest(40_000)
    path.write_bytes(gz([make_record("response", f"http://a.example/{at}", body) for at in range(60)], 1))
    return path


def killed(words: list[object], out: Path, python: list[str], environment: dict[str, str]) -> None:
    """Start a run and kill it when its first partial is there."""
    process = subprocess.Popen(
        [*python, *map(str, words), "-o", str(out)],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SLEEP": "0.05", **environment},
    )
    while process.poll() is None and not list(out.glob("_work/*.part")):
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert (out / "_work").is_dir() and not (out / "run.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        "sums.py",
        "helper.py",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("job.py", "pack/constants.py", "inner.py")),
        pytest.param("lists/words.txt", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_does_not_go_on_with_other_code(long: Path, tmp_path: Path, changed: str) -> None:
    project, out = write(tmp_path / "project"), tmp_path / "out"
    words = ["run", project / "job.py", long, "--workers", 1, "--split-size", 1, "--ship", project / "lists/words.txt"]
    killed(words, out, [sys.executable, "-m", "crawlmill"], {})
    before = (project / changed).read_text()
    (project / changed).write_text({"sums.py": before.replace("a + b", "a + 2 * b")}.get(changed, before + "\n#"))
    kept = sorted(path.name for path in out.rglob("*"))
    refused = command(*words, "-o", out, "--resume")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1, refused.stderr
    assert sorted(path.name for path in out.rglob("*")) == kept
    (project / changed).write_text(before)
    resumed = command(*words, "-o", out, "--resume", "--format", "jsonl")
    assert resumed.returncode == 0, resumed.stderr
    assert [json.loads(line)["pages"] for line in (out / "mine.jsonl").open()] == [60]
    (project / changed).write_text(before + "\n#")
    assert command(*words, "-o", out, "--resume").returncode == 2  # of a run that is done, too


def copied(folder: Path) -> Path:
    """Crawlmill as a wheel lays it out, to be imported from a folder."""
    for name, path in own_sources().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    return folder


@pytest.mark.slow
def test_a_killed_run_does_not_go_on_with_another_crawlmill(long: Path, tmp_path: Path) -> None:
    site, out = copied(tmp_path / "site"), tmp_path / "out"
    project = write(tmp_path / "project")
    here = {"PYTHONPATH": str(site)}
    words = ["run", project / "job.py", long, "--workers", 1, "--split-size", 1, "--ship", project / "lists/words.txt"]
    killed(words, out, [sys.executable, "-m", "crawlmill"], here)
    path = site / "crawlmill/reducers/total.py"
    path.write_text(path.read_text().replace("a + b", "a + b + 0"))
    refused = command(*words, "-o", out, "--resume", **here)
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1, refused.stderr


# ---- what changes it


def test_it_is_short_and_names_the_files(tmp_path: Path) -> None:
    found = identity(write(tmp_path))
    assert sorted(found["files"]) == TRAVEL and not found["undigested"] and not found["packages"]
    assert {len(digest) for digest in found["files"].values()} == {16}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("project"))


@pytest.mark.slow
@given(data=st.data())
def test_a_byte_of_any_file_changes_it_and_the_same_bytes_do_not(project: Path, data: st.DataObject) -> None:
    """Also within one second and with the same length, where a compiled file would still be taken for the source."""
    before = identity(project)
    name = data.draw(st.sampled_from(sorted(set(FILES) - {"unused.py"})))
    place = data.draw(st.integers(0, len(FILES[name])))
    comment = "\n#" + FILES[name][:place].replace("\n", "")
    (project / name).write_text(FILES[name] + comment)
    changed = identity(project)
    (project / name).write_text(FILES[name])
    shown = "words.txt" if name == "lists/words.txt" else name
    assert difference(before, changed) == f"the file {shown} changed"
    assert identity(project) == before


def test_what_runs_is_what_was_digested(samples: Path, tmp_path: Path) -> None:
    """A helper of the same length, written within the same second, in a process that has imported it."""
    project = write(tmp_path)
    for pool in ("thread", "process"):
        for kind in ("html", "HTML", "text"):
            (project / "helper.py").write_text(FILES["helper.py"].replace('"html" if', f'"{kind}" if'))
            run = crawlmill.run(
                str(project / "job.py"),
                str(samples / "*.warc.gz"),
                pool=pool,
                workers=1,
                ship=[project / "lists/words.txt"],
            )
            assert f"{kind} deep inner alpha beta" in run["mine"]["key"].to_pylist()


def test_it_is_the_same_in_every_process_and_place(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    found = identity(one)
    assert printed("job.py", "lists/words.txt", cwd=one, PYTHONHASHSEED="1") == found
    assert printed(two / "job.py", two / "lists/words.txt", cwd=tmp_path, PYTHONHASHSEED="2") == found


@pytest.mark.slow
def test_it_is_the_same_from_a_wheel_and_knows_every_byte_of_ours(tmp_path: Path) -> None:
    site = copied(tmp_path / "site")
    here = printed("domains")
    assert printed("domains", PYTHONPATH=str(site)) == here
    for name in ("task.py", "reducers/distinct.py", "mappers/domains.py", "records/public_suffix_list.dat", "api.py"):
        path = site / "crawlmill" / name
        data = path.read_bytes()
        path.write_bytes(data + b"\n")
        assert difference(here, printed("domains", PYTHONPATH=str(site))) == "crawlmill itself changed", name
        path.write_bytes(data)
    (site / "crawlmill/records/more.py").touch()
    assert printed("domains", PYTHONPATH=str(site)) != here


def test_a_link_finds_the_neighbours_of_both_folders(tmp_path: Path) -> None:
    project = write(tmp_path / "project")
    links = tmp_path / "links"
    links.mkdir()
    (links / "job.py").symlink_to(project / "job.py")
    (links / "inner.py").write_text('NAME = "linked"\n')
    (links / "lists").symlink_to(project / "lists")
    found = identity(links)
    assert sorted(found["files"]) == TRAVEL
    assert difference(identity(project), found) == "the file inner.py changed"


def test_two_files_of_one_name_are_two(tmp_path: Path) -> None:
    text = (
        "from crawlmill import analysis\nfrom crawlmill.reducers import total\n"
        '@analysis(reduce=total, key="k: string", value="n: int64")\ndef NAME(record):\n    yield "k", 1\n'
    )
    for name in ("a", "b"):
        write(tmp_path / name, {"job.py": text.replace("NAME", name)})
    found = identity_of(make_job([str(tmp_path / "a/job.py"), str(tmp_path / "b/job.py")]))
    assert set(found["files"]) == {"job.py", "b/job.py"}  # type: ignore[call-overload]


def test_two_modules_of_one_name_are_refused(tmp_path: Path) -> None:
    text = (
        "import same\nfrom crawlmill import analysis\nfrom crawlmill.reducers import total\n"
        '@analysis(reduce=total, key="k: string", value="n: int64")\ndef NAME(record):\n    yield same.X, 1\n'
    )
    for name in ("a", "b"):
        write(tmp_path / name, {"job.py": text.replace("NAME", name), "same.py": f"X = {name!r}\n"})
    with pytest.raises(UsageError, match="two modules are called same"):
        make_job([str(tmp_path / "a/job.py"), str(tmp_path / "b/job.py")])
    for name in ("a", "b", "a"):  # apart, each gets its own
        (found,) = registry.load([str(tmp_path / name / "job.py")])
        assert list(found.function(None) or ()) == [(name, 1)]  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_module_by_name_is_the_users_own_unless_it_is_installed(tmp_path: Path, samples: Path) -> None:
    text = "from .constants import X\nfrom crawlmill import analysis\nfrom crawlmill.reducers import total\n"
    text += '@analysis(reduce=total, key="k: string", value="n: int64")\ndef by_name(record):\n    yield X, 1\n'
    files = {"team/__init__.py": "", "team/jobs.py": text, "team/constants.py": 'X = "x"\n'}
    write(tmp_path / "own", files)
    found = printed("team.jobs:by_name", PYTHONPATH=str(tmp_path / "own"))
    assert sorted(found["files"]) == sorted(files) and not found["packages"]
    done = command(
        "run",
        "team.jobs:by_name",
        samples / "*.warc.gz",
        "--on",
        "mrjob",
        "--format",
        "tsv",
        PYTHONPATH=str(tmp_path / "own"),
    )
    assert done.stdout == "k\tn\nx\t270\n", done.stderr
    site = write(tmp_path / "lib/site-packages", files)
    write(site, {"team-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: team\nVersion: 1.2\n"})
    found = printed("team.jobs:by_name", PYTHONPATH=str(site))
    assert found["packages"] == {"team": "1.2"} and not found["files"]


@pytest.mark.slow
def test_a_module_in_a_zip_has_no_digest_and_does_not_travel(samples: Path, tmp_path: Path) -> None:
    project = write(tmp_path / "project")
    (project / "helper.py").unlink()
    with zipfile.ZipFile(tmp_path / "helpers.zip", "w") as archive:
        archive.writestr("helper.py", FILES["helper.py"])
    words = [
        "run",
        project / "job.py",
        samples / "*.warc.gz",
        "--ship",
        project / "lists/words.txt",
        "--format",
        "jsonl",
    ]
    here = {"PYTHONPATH": str(tmp_path / "helpers.zip")}
    done = command(*words, "-o", tmp_path / "out", **here)
    assert done.returncode == 0, done.stderr
    refused = command(*words, "-o", tmp_path / "out", "--resume", **here)
    assert refused.returncode == 2 and "cannot tell whether the module helper" in refused.stderr
    refused = command(*words, "--on", "mrjob", **here)
    assert refused.returncode == 2 and "cannot travel" in refused.stderr and refused.stderr.count("\n") == 1


# ---- what is imported late, or is not there


@pytest.mark.parametrize("pool", ["process", "thread"])
def test_a_module_that_nobody_could_know_of_ends_the_run(samples: Path, tmp_path: Path, pool: str) -> None:
    job = write_late(tmp_path)
    for _ in range(2):
        with pytest.raises(CrawlmillError, match=r"the module chosen_late .*--ship") as failed:
            crawlmill.run(str(job), str(samples / "*.warc.gz"), pool=pool, workers=1)
        assert failed.value.exit_code == 1
    before = identity_of(make_job(str(job)))
    ship = [tmp_path / "chosen_late.py"]
    run = crawlmill.run(str(job), str(samples / "*.warc.gz"), pool=pool, workers=1, ship=ship)
    assert run["late"].to_pylist() == [{"name": "chosen", "pages": 87}]
    assert difference(before, identity_of(make_job(str(job), ship=ship))) == "the file chosen_late.py is new"


def test_a_module_that_is_nowhere_ends_the_run(samples: Path, tmp_path: Path) -> None:
    job = write_late(tmp_path)
    job.write_text(job.read_text().replace("except Exception", "except ZeroDivisionError"))
    (tmp_path / "chosen_late.py").unlink()
    done = command("run", job, samples / "*.warc.gz")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "late: the module chosen_late is not found here" in done.stderr and "--ship" in done.stderr


def test_a_file_that_changes_while_the_run_is_going_on_ends_it(tmp_path: Path) -> None:
    """A worker that is started later, after another one crashed, would run other code than the first."""
    project = write(tmp_path)
    job = make_job(str(project / "job.py"), ship=[project / "lists/words.txt"])
    (tmp_path / "job.json").write_text(jobspec.to_json(job))
    assert jobspec.from_json(jobspec.to_json(job)).code == job.code
    program = (
        "import sys\nfrom crawlmill.errors import CrawlmillError\nfrom crawlmill.streaming import read_job\n"
        "try:\n    read_job(sys.argv[1])\nexcept CrawlmillError as error:\n    print(error)\n"
    )

    def said() -> str:
        words = [sys.executable, "-c", program, str(tmp_path / "job.json")]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    assert said() == ""
    for name in ("helper.py", "job.py", "lists/words.txt", "pack/constants.py"):
        before = (project / name).read_text()
        (project / name).write_text(before + "#")
        assert said() == f"{project / name}: the file changed while the run was going on; begin the run anew\n"
        (project / name).write_text(before)


def test_a_crawlmill_that_changes_while_the_run_is_going_on_ends_it(samples: Path, tmp_path: Path) -> None:
    """The first worker puts another one into place, and crashes."""
    site = copied(tmp_path / "site")
    text = (
        "import os\nfrom crawlmill import analysis, wire\nfrom crawlmill.reducers import total\n"
        '@analysis(reduce=total, key="k: string", value="n: int64")\ndef short(record):\n'
        "    with open(wire.__file__, 'a') as file:\n        file.write('#')\n    os._exit(3)\n"
    )
    job = write(tmp_path, {"job.py": text}) / "job.py"
    done = command("run", job, samples / "*.warc.gz", "--workers", 1, PYTHONPATH=str(site))
    assert done.returncode == 1, done.stderr
    assert done.stderr == "crawlmill: crawlmill itself changed while the run was going on; begin the run anew\n"


def test_a_compiled_module_counts_by_its_bytes(tmp_path: Path) -> None:
    text = "from crawlmill import analysis\nfrom crawlmill.reducers import total\n"
    text += '@analysis(reduce=total, key="k: string", value="n: int64")\ndef short(record):\n    import fast\n'
    job = write(tmp_path, {"job.py": text}) / "job.py"
    compiled = tmp_path / f"fast{EXTENSION_SUFFIXES[0]}"
    found = []
    for data in (b"1", b"2"):
        compiled.write_bytes(data)
        found.append(identity_of(make_job(str(job))))
    assert difference(*found) == f"the file {compiled.name} changed"


def test_what_is_shipped_is_there_under_one_name(tmp_path: Path) -> None:
    write(tmp_path, {"a/words.txt": "a", "b/words.txt": "b", "tables/x/y.csv": "1", "tables/z.csv": "2"})
    with pytest.raises(UsageError, match=r"two shipped files are called words\.txt"):
        make_job("origins", ship=[tmp_path / "a/words.txt", tmp_path / "b/words.txt"])
    with pytest.raises(UsageError, match="no such file"):
        make_job("origins", ship=[tmp_path / "c"])
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        make_job("origins", ship=["/dev/null"])
    found = identity_of(make_job("origins", ship=[tmp_path / "tables"]))
    assert set(found["files"]) == {"tables/x/y.csv", "tables/z.csv"}  # type: ignore[call-overload]
    assert crawlmill.shipped("tables/z.csv") == str(tmp_path / "tables/z.csv")
    with pytest.raises(CrawlmillError, match=r"no file 'words\.txt' was shipped; there are tables/x/y\.csv"):
        crawlmill.shipped("words.txt")


def test_shipped_modules_are_found_by_the_names_of_their_folders(samples: Path, tmp_path: Path) -> None:
    """Wherever they lie; and none hides a module of Python."""
    text = "import importlib\nfrom crawlmill import analysis\nfrom crawlmill.reducers import total\n"
    text += '@analysis(reduce=total, key="k: string", value="n: int64")\ndef short(record):\n'
    text += "    for name in ('plain', 'spread.one', 'spread.deep.two', 'team.sub.three'):\n"
    text += "        yield importlib.import_module(name).X, 1\n    yield str(importlib.import_module('colorsys').rgb_to_hsv)[:9], 1\n"
    write(tmp_path / "project", {"job.py": text})
    files = {
        "plain.py": "X = 1\n",
        "spread/one.py": "X = 2\n",
        "spread/deep/two.py": "from ..one import X as Y\nX = Y + 1\n",
    }
    files |= {
        "team/__init__.py": "",
        "team/sub/__init__.py": "",
        "team/sub/three.py": "from team.more import X\n",
        "team/more.py": "X = 4\n",
    }
    files = {
        name: text.replace("X = 1", "X = 'a'")
        .replace("X = 2", "X = 'b'")
        .replace("Y + 1", "Y + 'c'")
        .replace("= 4", "= 'd'")
        for name, text in files.items()
    }
    write(tmp_path / "lib", files | {"colorsys.py": "raise SystemExit\n"})
    ship = [tmp_path / "lib" / name for name in ("plain.py", "spread", "team/sub", "colorsys.py")]
    for on in (Local(workers=1), Local(workers=1, pool="thread"), MrJob("inline")):
        run = crawlmill.run(str(tmp_path / "project/job.py"), str(samples / "*.warc.gz"), ship=ship, on=on)
        assert [row["k"] for row in run["short"].to_pylist()] == ["<function", "a", "b", "bc", "d"]
        assert run.damage.num_rows == 0
    assert {"team/more.py", "sub/three.py", "spread/deep/two.py"} <= set(run.identity["files"])  # type: ignore[call-overload]


def test_programs_started_by_hand_take_it_too(samples: Path, root: Path, tmp_path: Path) -> None:
    """A mapper and a reducer, which find shipped files in their working folder as well, and a job of mrjob."""
    project, manifest = write(tmp_path / "project"), tmp_path / "list"
    archives = sorted(map(str, samples.glob("*.warc.gz")))
    manifest.write_text("".join(f"{path}\n" for path in archives))
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(project / "lists/words.txt", here)
    job, words = shlex.quote(str(project / "job.py")), shlex.quote(str(project / "lists/words.txt"))
    python = shlex.quote(sys.executable)
    expected = {f'["mine","{row["key"]}"]\t{row["pages"]}' for row in ROWS}
    for folder, given_word in ((here, ""), (tmp_path, f" --ship {words}")):
        text = f"set -eo pipefail; {python} -m crawlmill.mappers {job}{given_word} < {manifest} | LC_ALL=C sort"
        if not given_word:
            text += f" | {python} -m crawlmill.reducers {job}"
        done = subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and expected <= set(done.stdout.splitlines()), done.stderr
    line = f"{python} {root}/jobs/analyze.py --analysis {job} --ship {words} -r inline -q {' '.join(archives)}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and expected <= set(done.stdout.splitlines()), done.stderr


def test_packages_are_those_that_files_name_and_not_what_happens_to_be_loaded(tmp_path: Path) -> None:
    text = "import requests\nfrom crawlmill import analysis\nfrom crawlmill.reducers import total\n"
    text += '@analysis(reduce=total, key="k: string", value="n: int64")\ndef short(record):\n    import chardet\n'
    job = write(tmp_path / "project", {"job.py": text}) / "job.py"
    files = {
        f"{name}.py": f"import {needs}\n"
        for name, needs in (("requests", "certifi"), ("certifi", "os"), ("chardet", "os"))
    }
    for name in ("requests", "certifi", "chardet"):
        files[f"{name}-1.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
    site = write(tmp_path / "target", files)  # as pip install --target leaves it
    found = printed(job, PYTHONPATH=str(site))
    assert found["packages"] == {"requests": "1", "chardet": "1"} and list(found["files"]) == ["job.py"]


# ---- packages


@pytest.mark.slow
def test_a_package_of_the_users_own_is_required_and_its_version_counts(samples: Path, tmp_path: Path) -> None:
    text = "import tinycount\nfrom crawlmill import analysis\nfrom crawlmill.reducers import total\n"
    text += '@analysis(reduce=total, key="k: string", value="n: int64", depends="Tiny-Count unicode")\n'
    text += "def counted(record):\n    yield tinycount.X, 1\n"
    job = write(tmp_path / "project", {"job.py": text}) / "job.py"
    job.write_text(text.replace("import tinycount", ""))
    with pytest.raises(
        MissingPackage, match="counted: the package Tiny-Count is needed here and not installed; pip install"
    ):
        make_job(str(job))
    job.write_text(text)
    found = []
    for version in ("1.0", "1.1"):
        site = write(
            tmp_path / version / "site-packages",
            {
                "tinycount.py": 'X = "x"\n',
                f"tiny_count-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: tiny-count\nVersion: {version}\n",
                f"tiny_count-{version}.dist-info/top_level.txt": "tinycount\n",
            },
        )
        found.append(printed(job, PYTHONPATH=str(site)))
    assert found[0]["analyses"]["counted"]["depends"]["Tiny-Count"] == "1.0"
    assert found[0]["packages"] == {"tinycount": "1.0"} and list(found[0]["files"]) == ["job.py"]
    assert "the package Tiny-Count changed (1.0, now 1.1)" in difference(*found)
    done = command("run", job, samples / "*.warc.gz", "--format", "tsv", PYTHONPATH=str(site))
    assert done.stdout == "k\tn\nx\t270\n", done.stderr
    with pytest.raises(UsageError, match="depends on 'a>=1'; give names of packages"):

        @analysis(reduce=total, key="k: string", value="n: int64", depends="a>=1")
        def wrong(record: crawlmill.Record) -> None: ...


def test_a_package_that_a_node_lacks_is_one_line_about_its_environment(tmp_path: Path) -> None:
    """Before the file that imports it is loaded there."""
    text = "import resiliparse, warcio\nfrom crawlmill import analysis\nfrom crawlmill.reducers import total\n"
    text += '@analysis(reduce=total, key="k: string", value="n: int64", depends="warcio")\n'
    text += "def counted(record):\n    yield 'x', 1\n"
    job = make_job(str(write(tmp_path / "project", {"job.py": text}) / "job.py"))
    node = tmp_path / "node"
    node.mkdir()
    ship(job, node)
    words = [sys.executable, "-I", "-S", "crawlmill.zip", "map", "--job", "job.json"]
    done = subprocess.run(words, cwd=node, capture_output=True, text=True, check=False, input="")
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    because = ours(done.stderr.splitlines())
    assert because is not None
    assert because.what == "counted: the package warcio is needed on the nodes" and "--env" in str(because.hint)


# ---- functions of a notebook

CELL = """
import re
from crawlmill import analysis
from crawlmill.reducers import total
LIMIT = 3
WORDS = {"a", "b", "c", "d"}
RULES = {"x": re.compile("x"), "y": re.compile("y")}
def inner(n):
    return n * LIMIT
class Kind:
    base = 1
    def name(self):
        return self.base
KIND = Kind()
def made(step):
    @analysis(reduce=total, key="k: string", value="n: int64", types="response")
    def short(record, *, more=1):
        # a comment
        if record.url in {"p", "q", "r"} or record.url in WORDS or KIND.name():
            yield [rule for rule in RULES][0], inner(step) + more
    return short
short = made(1)
unused = 5
"""


def cell(text: str) -> dict[str, Any]:
    """The identity of the analysis that a notebook's cell defines."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<cell>", "exec", dont_inherit=True), space)  # as IPython does
    return identity_of(make_job(space["short"]))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("LIMIT = 3", "LIMIT = 4", "the global inner of short"),
        ('"c", "d"}', '"c", "e"}', "the global WORDS of short"),
        ('compile("y")', 'compile("z")', "the global RULES of short"),
        (
            '{"x": re.compile("x"), "y": re.compile("y")}',
            '{"y": re.compile("y"), "x": re.compile("x")}',
            "the global RULES",
        ),
        ("n * LIMIT", "n + LIMIT", "the global inner of short"),
        ("base = 1", "base = 2", "the global KIND of short"),
        ("return self.base", "return -self.base", "the global KIND of short"),
        ("KIND = Kind()", "KIND = Kind(); KIND.base = 3", "the global KIND of short"),
        ("made(1)", "made(2)", "the variable step of short"),
        ("more=1", "more=2", "the function short"),
        ('{"p", "q", "r"}', '{"p", "q", "s"}', "the function short"),
        ('types="response"', 'types="request"', "the declaration of short"),
        ("import total", "import latest as total", "the merge of short"),
        ("+ more", "- more", "the function short"),
    ],
)
def test_whatever_a_function_of_a_notebook_uses_changes_it(old: str, new: str, named: str) -> None:
    assert CELL.count(old) == 1
    assert named in difference(cell(CELL), cell(CELL.replace(old, new)))


def test_what_a_function_of_a_notebook_does_not_use_changes_nothing() -> None:
    for old, new in (("unused = 5", "unused = 6"), ("# a comment", "# another\n"), ("\nLIMIT", "\n\n\nLIMIT")):
        assert cell(CELL.replace(old, new)) == cell(CELL)


def test_a_function_of_a_notebook_is_the_same_in_every_process(tmp_path: Path) -> None:
    program = "import json\nfrom crawlmill.api import make_job\nfrom crawlmill.identity import identity_of\n"
    program += CELL + "print(json.dumps(identity_of(make_job(short)), sort_keys=True))\n"
    said = set()
    for seed in ("0", "1", "2"):
        done = subprocess.run(
            [sys.executable, "-"],
            input=program,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        said.add(done.stdout)
        program = "#\n" + program
    assert said == {json.dumps(cell(CELL), sort_keys=True) + "\n"}


CLASSES = """
import abc, collections, dataclasses, enum, functools, typing
from crawlmill import analysis
from crawlmill.reducers import total
@dataclasses.dataclass(frozen=True)
class Data:
    a: int = 1
    b: tuple[str, ...] = ()
class Base(abc.ABC):
    __slots__ = ("x",)
    @abc.abstractmethod
    def f(self): ...
class Derived(Base):
    @property
    def p(self): return 1
    @functools.cached_property
    def c(self): return 2
    @staticmethod
    def s(): return 3
    def f(self): return super().f()
class Colour(enum.Enum):
    RED = 1
class Pair(typing.NamedTuple):
    a: int
    b: str = "b"
@functools.lru_cache(maxsize=None)
def cached(n): return n
loop = []
loop.append(loop)
counts = collections.defaultdict(int, a=1)
part = functools.partial(cached, 1)
VALUES = [Data(), Derived, Colour.RED, Pair(1), loop, counts, part, 1.5, b"x", range(3), len, "a".join, object()]
@analysis(reduce=total, key="k: string", value="n: int64")
def short(record):
    yield VALUES, 1
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a: int = 1", "a: int = 2"),
        ("return 1", "return 4"),
        ("return 2", "return 4"),
        ("return 3", "return 4"),
        ("RED = 1", "RED = 2"),
        ('b: str = "b"', 'b: str = "c"'),
        ("return n", "return -n"),
        ("maxsize=None", "maxsize=3"),
        ("int, a=1", "int, a=2"),
        ("cached, 1", "cached, 2"),
        ("1.5", "1.25"),
        ("range(3)", "range(4)"),
        ("len,", "max,"),
        ('"a".join', '"b".join'),
    ],
)
def test_objects_and_classes_of_a_notebook_count_by_value(old: str, new: str) -> None:
    before = cell(CLASSES)
    assert before == cell(CLASSES) and not before["undigested"]
    assert difference(before, cell(CLASSES.replace(old, new))) == "the global VALUES of short changed"


LIVE = (
    "import threading, sys\nimport crawlmill\nfrom crawlmill import analysis\nfrom crawlmill.reducers import total\nlock = LIVE\n"
    '@analysis(reduce=total, key="k: string", value="n: int64")\ndef short(record):\n    assert lock\n    yield "k", 1\n'
)


@pytest.mark.parametrize(
    ("live", "pool"), [("threading.Lock()", "thread"), ("open(__import__('os').devnull)", "process")]
)
def test_what_has_no_digest_runs_and_is_not_resumed(samples: Path, tmp_path: Path, live: str, pool: str) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(LIVE.replace("LIVE", live), space)

    def run(**options: Any) -> crawlmill.api.Run:  # type: ignore[name-defined]
        return crawlmill.run(space["short"], str(samples / "*.warc.gz"), workers=1, output=tmp_path / "out", **options)

    assert run(pool=pool)["short"].to_pylist() == [{"k": "k", "n": 270}]
    with pytest.raises(UsageError, match=r"cannot tell whether the global lock of short .* changed") as refused:
        run(pool=pool, resume=True)
    assert "\n" not in str(refused.value)


def test_what_cannot_be_sent_to_another_process_is_one_line(samples: Path) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(LIVE.replace("LIVE", "threading.Lock()"), space)
    with pytest.raises(CrawlmillError, match=r"short: it cannot be sent to another process: .*use threads"):
        crawlmill.run(space["short"], str(samples / "*.warc.gz"), workers=1)


@pytest.mark.slow
def test_a_notebook_takes_its_helpers_along(samples: Path, tmp_path: Path) -> None:
    """Modules of the user's own that a function names, imports inside, or merges by; a class of one."""
    write(tmp_path, {"aside.py": "X = 'x'\ndef f(): return X\nclass C:\n    y = 1\n", "late_aside.py": "Y = 'y'\n"})
    write(tmp_path, {"adding.py": FILES["sums.py"]})
    program = (
        "import json, sys\nimport crawlmill, adding, aside\nfrom aside import f\n"
        "from crawlmill.api import make_job\nfrom crawlmill.identity import identity_of\n"
        '@crawlmill.analysis(reduce=adding, key="k: string", value="n: int64")\n'
        "def short(record):\n    import late_aside\n    yield f() + late_aside.Y, aside.C.y\n"
        f"print(json.dumps(identity_of(make_job(short))['files']))\n"
        f"print(crawlmill.run(short, {str(samples / '*.warc.gz')!r}, workers=1)['short'].to_pylist())\n"
    )
    said = []
    for text in ("Y = 'y'\n", "Y = 'z'\n"):
        (tmp_path / "late_aside.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-"],
            input=program,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines())
    (first, rows), (second, others) = said
    assert set(json.loads(first)) == {"aside.py", "late_aside.py", "adding.py"}
    assert rows == "[{'k': 'xy', 'n': 270}]" and others == "[{'k': 'xz', 'n': 270}]"
    assert {name for name, found in json.loads(first).items() if json.loads(second)[name] != found} == {"late_aside.py"}


def test_module_without_a_file_has_no_digest() -> None:
    found = types.ModuleType("made_up")
    found.x = 1  # type: ignore[attr-defined]
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(LIVE.replace("LIVE", "1"), space)
    space["lock"] = found
    assert identity_of(make_job(space["short"]))["undigested"] == [
        "the global lock of short (the module made_up, which has no file)"
    ]


# ---- in words


def test_the_difference_names_what_differs() -> None:
    base = json.loads(json.dumps(identity_of(make_job(["words", "origins"]))))
    for options, words in (
        ({"where": "status=200"}, "the option where differs"),
        ({"types": "response"}, "the option types differs"),
        ({"max_body": 1}, "the option max_body differs"),
        ({"full": True}, 'the option check differs ("fast", now "full")'),
    ):
        assert words in difference(base, identity_of(make_job(["words", "origins"], **options)))  # type: ignore[arg-type]
    assert difference(base, base) == ""
    assert difference(base, identity_of(make_job("words"))) == "the analyses differ (origins, words, now words)"
    older = {**base, "crawlmill": "0.0.1"}
    assert "crawlmill itself changed (0.0.1, now" in difference(older, base)
    assert "the option inputs differs" in difference(base, {**base, "inputs": ["a"]})


def test_rows_of_the_project(samples: Path, project: Path) -> None:
    ship = [project / "lists/words.txt"]
    assert crawlmill.run(str(project / "job.py"), str(samples / "*.warc.gz"), ship=ship)["mine"].to_pylist() == ROWS
