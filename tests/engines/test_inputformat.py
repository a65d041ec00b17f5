"""The input format: plain ``hadoop jar`` over archives in HDFS gives the rows of the local engine, each map beside its block."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill import registry, wire
from crawlmill.cluster import daemons
from crawlmill.cluster.finding import Found, streaming_jar
from crawlmill.engines.hadoop import Hadoop
from crawlmill.errors import CrawlmillError
from crawlmill.inputformat import jar as builder
from crawlmill.output.tables import DAMAGE_SCHEMA, TableSink, deliver, schema_of
from crawlmill.partial import merge_files, reducers_of
from crawlmill.plan.planner import make_plan
from crawlmill.plan.split import Split
from crawlmill.stores import local_path, uri_of

CRAWLMILL = [sys.executable, "-m", "crawlmill"]
BLOCK = 8 << 20
NAMES = ("a b", "100%", "a%20b", "q\"u'o", "# 1", "a+b&c=d;e", "żółw-🐢", "back\\slash", "del\x7f")
ANALYSES = ("origins", "sizes", "status")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without jars of ours; Hadoop's are those of the real one."""
    jars = builder.fetch()
    monkeypatch.setenv("CRAWLMILL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / jars.name).symlink_to(jars)
    monkeypatch.delenv("HADOOP_HOME", raising=False)
    return tmp_path / "cache"


def built(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.is_symlink())


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


class TestTheJar:
    """Built with javac from the source in the package, once."""

    def test_no_jdk_is_one_clear_line(self, tmp_path: Path) -> None:
        environment = {**os.environ, "CRAWLMILL_CACHE": str(tmp_path / "cache"), "PATH": str(tmp_path)}
        for name in ("JAVA_HOME", "HADOOP_HOME"):
            environment.pop(name, None)
        words = [*CRAWLMILL, "hadoop", "inputformat"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and done.stdout == ""
        assert (
            done.stderr
            == "crawlmill: no javac was found; install a JDK (Java's development kit), or set JAVA_HOME to one\n"
        )
        assert not (tmp_path / "cache").exists()

    @pytest.mark.hadoop
    @pytest.mark.xdist_group("hadoop")
    def test_it_is_built_once_and_for_old_clusters(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = builder.jar()
        assert built(cache) == [path.name] and re.search(r"-[0-9a-f]{12}-hadoop-3\.5\.0\.jar$", path.name)
        first = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            classes = [name for name in archive.namelist() if name.endswith(".class")]
            assert builder.CLASS.replace(".", "/") + ".class" in classes
            assert {archive.read(name)[6:8] for name in classes} == {b"\x00\x34"}  # 52: Java 8
        with monkeypatch.context() as without:
            without.setenv("PATH", "")
            without.delenv("JAVA_HOME", raising=False)
            assert builder.jar() == path
        path.unlink()
        monkeypatch.setattr(builder, "RELEASES", (6, 8))  # no javac that knows Hadoop's classes knows Java 6
        assert builder.jar().read_bytes() == first

    @pytest.mark.hadoop
    @pytest.mark.xdist_group("hadoop")
    def test_a_changed_source_is_another_jar(
        self, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = builder.jar()
        source = tmp_path / "ArchiveInputFormat.java"
        monkeypatch.setattr(builder, "SOURCE", source)
        source.write_text(Path(builder.__file__).with_name(source.name).read_text() + "\n// changed\n")
        second = builder.jar()
        assert built(cache) == sorted([first.name, second.name]) and first != second
        source.write_text("package crawlmill;\npublic class ArchiveInputFormat extends Nothing {}\n")
        with pytest.raises(CrawlmillError) as failed:
            builder.jar()
        assert "cannot find symbol" in str(failed.value) and "\n" not in str(failed.value)
        assert built(cache) == sorted([first.name, second.name])

    @pytest.mark.hadoop
    @pytest.mark.xdist_group("hadoop")
    def test_it_is_built_for_the_hadoop_in_use(
        self, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home = tmp_path / "home"
        (home / "lib").mkdir(parents=True)
        for jar in builder.fetch().glob("*.jar"):
            old = re.sub(r"(hadoop-mapreduce-client-core)-[\d.]+\d", r"\1-3.1.1.7.1.7.0-551", jar.name)
            (home / "lib" / old).symlink_to(jar)
        monkeypatch.setenv("HADOOP_HOME", str(home))
        with pytest.raises(CrawlmillError, match="does not tell its classpath"):
            builder.jar()
        program(
            home / "bin/hadoop", f'#!/bin/sh\n[ "$1" = classpath ] && echo "/etc/hadoop:{home}/empty/*:{home}/lib/*"\n'
        )
        assert builder.jar().name.endswith("-hadoop-3.1.1.7.1.7.0-551.jar")
        program(home / "bin/hadoop", "#!/bin/sh\necho /etc/hadoop\n")
        with pytest.raises(CrawlmillError, match="no hadoop-mapreduce-client-core jar"):
            builder.jar()


@pytest.fixture(scope="session")
def jar(cluster: Path) -> str:
    """The jar, as a person gets it who has set the cluster's variables."""
    words = [*CRAWLMILL, "hadoop", "shell", "--", *CRAWLMILL, "hadoop", "inputformat"]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=True).stdout.strip()


def hadoop_jar(home: Path, jar: str, folder: Path, generic: list[str], words: list[str]) -> str:
    """Run plain ``hadoop jar`` with the input format, as in a shell; what it said."""
    found = Found(str(home / "bin/hadoop"), daemons.environment(home))
    command = [found.command, "jar", streaming_jar(found), "-libjars", jar, *generic]
    command += ["-inputformat", builder.CLASS, *words]
    done = subprocess.run(
        command, cwd=folder, env=found.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def told(pattern: str, said: str) -> int:
    """A number in what a job said; 0 when it is not there."""
    found = re.search(pattern + r"[=:](\d+)", said)
    return int(found[1]) if found else 0


def root_of(home: Path) -> str:
    """The cluster's HDFS as Hadoop itself writes it into names."""
    return f"hdfs://127.0.0.1:{daemons.ports(home)['namenode']}"


def spans(uri: str, size: int, cut: bool) -> list[str]:
    """The lines that a file of HDFS must give: a span a block, a tenth more for the last."""
    cuts = [0]
    while cut and size - cuts[-1] > BLOCK * 1.1:
        cuts.append(cuts[-1] + BLOCK)
    return [Split(uri, start, end).to_json() for start, end in zip(cuts, [*cuts[1:], None], strict=True)]


@pytest.fixture(scope="module")
def crawl(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of archives: some larger than a block, one of these damaged across blocks; damaged and odd ones of the
    samples; names that want care."""
    folder = tmp_path_factory.mktemp("crawl")
    rng = random.Random(7)
    for number, count in enumerate((390, 160, 300)):
        records = [
            make_record("response", f"http://{at % 5}.example/{at}", rng.randbytes(60_000)) for at in range(count)
        ]
        (folder / f"big-{number}.warc.gz").write_bytes(gz(records, 1))
    with open(folder / "big-0.warc.gz", "r+b") as file:  # a block and what is beside it, and the middle of the next
        for at, count in ((BLOCK - 70_000, 140_000), (BLOCK + (3 << 20), 9)):
            file.seek(at)
            file.write(bytes(count))
    for name in ("empty", "truncated", "trailing-nuls", "forbidden", "junk-between", "length-too-long", "bad-crc"):
        shutil.copy(samples / "damaged" / f"{name}.warc.gz", folder)
    for name in ("flipped-magic", "flipped-late"):
        shutil.copy(samples / "damaged" / f"{name}.warc.gz", folder)
    for name in ("zstd.warc.zst", "v1.arc.gz", "one-member.warc.gz", "plain.warc"):
        shutil.copy(samples / "formats" / name, folder)
    first, second, third = sorted(samples.glob("*.warc.gz"))
    shutil.copy(first, folder / 'a b\'s "żółw".warc.gz')
    shutil.copy(second, folder / "100% #1.WARC.GZ")
    shutil.copy(third, folder)
    shutil.copy(next((samples / "wat").glob("*.gz")), folder)
    assert len(list(folder.iterdir())) == 20
    return folder


@pytest.mark.hadoop
@pytest.mark.xdist_group("hadoop")
class TestOnACluster:
    """HDFS, YARN and MapReduce are real."""

    def test_the_lines_are_those_of_a_manifest(
        self, cluster: Path, hdfs: Callable[..., str], jar: str, tmp_path: Path
    ) -> None:
        """In Hadoop's local mode, which is quicker: files of HDFS and of this machine, every name as Python writes it."""
        here = tmp_path / "here"
        here.mkdir()
        sizes = {f"{name}.warc.gz": 3 for name in NAMES}
        sizes |= {"empty.warc.gz": 0, "empty.warc": 0, "block.warc.wet.gz": BLOCK, "slop.WARC.WAT.gz": BLOCK * 11 // 10}
        sizes |= {"over.warc.gz": BLOCK * 11 // 10 + 1, "three.warc.gz": 3 * BLOCK, "more.warc.gz": 5 * BLOCK // 2}
        whole = dict.fromkeys(("a.warc", "a.warc.zst", "a.arc.gz", "a.warc.bz2", "a.warc.gz.open", "a.gz"), 2 * BLOCK)
        for name, size in (sizes | whole).items():
            with open(here / name, "wb") as file:
                file.truncate(size)
        hdfs("-put", "-f", str(here), "/lines")
        root = f"{root_of(cluster)}/lines"
        expected = [line for name, size in sizes.items() for line in spans(f"{root}/{name}", size, True)]
        expected += [line for name, size in whole.items() for line in spans(f"{root}/{name}", size, False)]
        (here / "more.warc.gz").unlink()  # a block of this machine's files has another size
        expected += [Split(f"{here}/{name}").to_json() for name in (sizes | whole) if name != "more.warc.gz"]
        local = ["-D", "mapreduce.framework.name=local", "-D", "mapreduce.local.map.tasks.maximum=2"]
        words = ["-input", "/lines", "-input", f"file://{here}", "-output", "/lines-out", "-mapper", "cat"]
        hadoop_jar(cluster, jar, tmp_path, [*local, "-D", "mapreduce.job.reduces=0"], words)
        keys, lines = zip(*(line.split("\t") for line in hdfs("-cat", "/lines-out/part-*").splitlines()), strict=True)
        assert sorted(lines) == sorted(expected)
        assert [int(key) for key in keys] == [json.loads(line)["start"] for line in lines]
        planned = make_plan([f"{here}/{name}.warc.gz" for name in NAMES]).splits  # with sizes and versions as well
        # A name that a terminal cannot show is a file:/// URI in a plan; a mapper makes that of the lines as well.
        read = [Split.from_line(line) for line in lines if "hdfs://" not in line]
        found = {(uri_of(local_path(split.uri)), split.start, split.end) for split in read}
        assert {(split.uri, split.start, split.end) for split in planned} <= found

    def test_a_plain_job_gives_the_rows_of_the_local_engine(
        self, cluster: Path, hdfs: Callable[..., str], jar: str, crawl: Path, tmp_path: Path
    ) -> None:
        """Twenty files, some larger than a block, three reducers. Every map is beside its block, as many maps as blocks, and
        the mappers know the NameNode from the job alone. The engine's own job over a manifest gives the same."""
        hdfs("-put", "-f", str(crawl), "/textbook")
        zipped = subprocess.run(
            [*CRAWLMILL, "hadoop", "zip"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert zipped.returncode == 0, zipped.stderr
        generic = ["-files", "crawlmill.zip", "-D", "mapreduce.job.reduces=3", "-D", "mapreduce.map.speculative=false"]
        words = ["-input", "/textbook", "-output", "/textbook-out"]
        for name in ("HADOOP_HOME", "HADOOP_CONF_DIR"):
            words += ["-cmdenv", f"{name}=/no/such/folder"]
        words += ["-mapper", f"{sys.executable} crawlmill.zip map {' '.join(ANALYSES)}"]
        words += ["-reducer", f"{sys.executable} crawlmill.zip reduce"]
        said = hadoop_jar(cluster, jar, tmp_path, generic, words)

        uri = f"{root_of(cluster)}/textbook"
        here = crawlmill.run(list(ANALYSES), uri, workers=2)
        hdfs("-get", "/textbook-out", str(tmp_path))
        parts = sorted(map(str, (tmp_path / "textbook-out").glob("part-*")))
        assert len(parts) == 3
        analyses = registry.load(ANALYSES)
        reducers = reducers_of(analyses)
        sinks = {name: TableSink(schema) for name, schema in [(a.name, schema_of(a)) for a in analyses]}
        sinks[wire.DAMAGE] = TableSink(DAMAGE_SCHEMA)
        counters = deliver(merge_files(parts, reducers, lambda: str(tmp_path / "between")), analyses, reducers, sinks)
        assert counters == here.counters and counters["records"] > 1000
        assert all(sinks[name].table.equals(here[name]) and here[name].num_rows > 3 for name in ANALYSES)
        assert sinks[wire.DAMAGE].table.equals(here.damage)
        kinds = here.damage["kind"].to_pylist()
        assert {"empty", "truncated", "junk", "page", "corrupt"} <= set(kinds)
        big = [row for row in here.damage.to_pylist() if row["uri"].endswith("big-0.warc.gz")]
        assert any(row["offset"] < BLOCK < row["offset"] + row["length"] for row in big)

        sizes = {path.name: path.stat().st_size for path in crawl.iterdir()}
        splits = told("number of splits", said)
        assert splits == sum(len(spans(name, size, name.startswith("big"))) for name, size in sizes.items())
        assert told("Launched map tasks", said) == splits > len(here.plan.inputs)
        assert told("Data-local map tasks", said) == splits - 1  # no block holds the empty file
        assert told("Other local map tasks", said) == 1 and told("splits", said) == splits
        assert told("Map input records", said) == splits and told(r"\trecords", said) == counters["records"]

        engine = Hadoop(3, sys.executable, settings=("mapreduce.input.lineinputformat.linespermap=4",))
        there = crawlmill.run(list(ANALYSES), uri, on=engine, split_size=5 << 20)
        assert len(there.plan.splits) > splits and there.counters == here.counters
        assert all(there[name].equals(here[name]) for name in ANALYSES) and there.damage.equals(here.damage)

    @pytest.mark.spark
    def test_spark_gets_the_same_lines(self, cluster: Path, hdfs: Callable[..., str], jar: str, tmp_path: Path) -> None:
        """Also of the empty file: Spark leaves out splits of no bytes."""
        pytest.importorskip("pyspark", reason="pip install 'crawlmill[spark]'")
        sizes = {"two.warc.gz": BLOCK + (2 << 20), "empty.warc.gz": 0, 'a "b".warc.gz': 5, "whole.warc.zst": BLOCK * 2}
        (tmp_path / "spark").mkdir()
        for name, size in sizes.items():
            with open(tmp_path / "spark" / name, "wb") as file:
                file.truncate(size)
        hdfs("-put", "-f", str(tmp_path / "spark"), "/spark")
        folder = f"{root_of(cluster)}/spark"
        code = (
            "import json, sys\n"
            "from pyspark import SparkConf, SparkContext\n"
            "conf = SparkConf().setMaster('local[1]').set('spark.jars', sys.argv[1]).set('spark.ui.enabled', 'false')\n"
            "sc = SparkContext(conf=conf)\n"
            "types = ('org.apache.hadoop.io.LongWritable', 'org.apache.hadoop.io.Text')\n"
            "print(json.dumps(sc.hadoopFile(sys.argv[2], sys.argv[3], *types).collect()))\n"
            "sc.stop()\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, jar, folder, builder.CLASS], cwd=tmp_path, capture_output=True, text=True,
            timeout=300, check=False, env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        expected = [line for name, size in sizes.items() for line in spans(f"{folder}/{name}", size, "warc.gz" in name)]
        assert sorted(found) == sorted([json.loads(line)["start"], line] for line in expected)
