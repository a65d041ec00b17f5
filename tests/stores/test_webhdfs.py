"""HDFS over HTTP: where the NameNode is known from, who asks, and names that a URL would read otherwise."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from archives import make_record
from crawlmill.errors import CrawlmillError
from crawlmill.plan.planner import make_plan
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.stores import open_source, webhdfs
from crawlmill.stores.namenodes import address, configured
from crawlmill.warc.damage import damage
from crawlmill.warc.reading import Reading

PAIR = {
    "fs.defaultFS": "hdfs://crawl-ns",
    "dfs.nameservices": "crawl-ns,other",
    "dfs.ha.namenodes.crawl-ns": "nn1, nn2",
    "dfs.namenode.http-address.crawl-ns.nn1": "one:9870",
    "dfs.namenode.http-address.crawl-ns.nn2": "two:9870",
    "dfs.namenode.http-address.other": "three:9870",
    "dfs.namenode.http-address": "0.0.0.0:9870",
}
ONE = {"fs.defaultFS": "hdfs://master:8020", "dfs.namenode.http-address": "master:50070"}
DEFAULT = {"fs.defaultFS": "hdfs://master:8020", "dfs.namenode.http-address": "0.0.0.0:9870"}
NAMES = ("a b", "100%", "a%20b", "q\"u'o", "# 1", "what?", "a+b&c=d;e", "żółw-🐢", "back\\slash")
CASES = [
    (ONE, "hdfs:///a", "master:50070"),
    (ONE, "hdfs://master:8020/a", "master:50070"),
    (DEFAULT, "hdfs:///a", "master:9870"),
    (DEFAULT, "hdfs://elsewhere:8020/a", "elsewhere:9870"),
    (PAIR, "hdfs:///a", "one:9870,two:9870"),
    (PAIR, "hdfs://crawl-ns/a", "one:9870,two:9870"),
    (PAIR, "hdfs://other/a", "three:9870"),
]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no Hadoop."""
    for name in os.environ:
        if name.startswith(("HADOOP_", "CRAWLMILL_WEBHDFS", "dfs_", "fs_")):
            monkeypatch.delenv(name)


def as_streaming_exports(settings: dict[str, str]) -> dict[str, str]:
    """What Streaming makes of a job's settings in a task's environment."""
    return {re.sub("[^0-9A-Za-z]", "_", name): value for name, value in settings.items()}


@pytest.mark.parametrize("settings, uri, expected", CASES)
def test_a_task_knows_the_namenode_from_its_job(
    settings: dict[str, str], uri: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HADOOP_CONF_DIR", "/no/such/folder")
    for name, value in as_streaming_exports(settings).items():
        monkeypatch.setenv(name, value)
    assert address(uri) == expected
    monkeypatch.setenv("CRAWLMILL_WEBHDFS", "told:1")
    assert address(uri) == "told:1"


@pytest.mark.parametrize("settings, uri, expected", CASES)
def test_elsewhere_it_is_known_from_files(
    settings: dict[str, str], uri: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file, names in (("core-site.xml", ["fs.defaultFS"]), ("hdfs-site.xml", [n for n in settings if n[:2] != "fs"])):
        rows = [
            f"<property><name>{name}</name><value> {settings[name]} </value></property>"
            for name in names
            if "0.0.0.0" not in settings[name]
        ]
        (tmp_path / file).write_text(f"<configuration>{''.join(rows)}</configuration>")
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    assert address(uri) == expected
    if uri == "hdfs:///a":
        assert configured(str(tmp_path)) == expected


def test_no_namenode_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address("hdfs://master/a") == "master:9870"
    with pytest.raises(CrawlmillError, match="name the host"):
        address("hdfs:///a")


@pytest.mark.hadoop
@pytest.mark.xdist_group("hadoop")
class TestOnACluster:
    """The NameNode and the DataNode that answer are real ones."""

    def test_of_several_namenodes_one_that_answers_is_asked(
        self, cluster: Path, hdfs: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "a.warc").write_bytes(b"0123456789")
        hdfs("-mkdir", "-p", "/several")
        hdfs("-put", "-f", str(tmp_path / "a.warc"), "/several/")
        real = str(configured(str(cluster / "etc/hadoop")))
        monkeypatch.delenv("CRAWLMILL_WEBHDFS", raising=False)
        monkeypatch.setenv("dfs_ha_namenodes_crawl", "nn1,nn2")
        monkeypatch.setenv("dfs_namenode_http_address_crawl_nn1", "127.0.0.1:9")
        monkeypatch.setenv("dfs_namenode_http_address_crawl_nn2", real)
        assert open_source("hdfs://crawl/several/a.warc").read_at(3, 4) == b"3456"
        assert webhdfs._answered[f"127.0.0.1:9,{real}"] == real
        with pytest.raises(FileNotFoundError):
            open_source("hdfs://crawl/several/b.warc")

    def test_the_user_asks_under_a_name(self, cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", str(configured(str(cluster / "etc/hadoop"))))
        for name in (getpass.getuser(), "alice"):
            assert json.loads(webhdfs.ask("hdfs:///", "GETHOMEDIRECTORY"))["Path"] == f"/user/{name}"
            monkeypatch.setenv("HADOOP_USER_NAME", "alice")

    def test_a_name_is_taken_as_it_stands(
        self, cluster: Path, hdfs: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Hadoop's names know no escapes: these are files of their own, and each is read, not another one."""
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", str(configured(str(cluster / "etc/hadoop"))))
        for name in NAMES:
            (tmp_path / f"{name}.warc").write_text(f"I am {name}")
        hdfs("-put", "-f", str(tmp_path), "/names")
        found = [item.uri for item in make_plan(["hdfs:///names"]).inputs]
        assert found == sorted(f"hdfs:///names/{name}.warc" for name in NAMES)
        for name in NAMES:
            assert open_source(f"hdfs:///names/{name}.warc").read_at(0, 100).decode() == f"I am {name}"

    def test_what_is_not_there_is_damage_and_what_changed_is_said(
        self, cluster: Path, hdfs: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", str(configured(str(cluster / "etc/hadoop"))))
        path, uri = tmp_path / "a.warc", "hdfs:///changed/a.warc"
        path.write_bytes(make_record("response", "http://a.example/", b"x" * 300))
        hdfs("-mkdir", "-p", "/changed")
        hdfs("-put", "-f", str(path), "/changed/")
        (split,) = make_plan([uri]).splits
        assert split.file_size == path.stat().st_size and split.version is not None
        assert [type(item) for item in read_split(split, Reading())] == [Record]
        hdfs("-appendToFile", str(path), "/changed/a.warc")
        *records, row = read_split(split, Reading())
        assert row == damage(uri, path.stat().st_size, 0, "changed") and len(records) == 1
        below = list(make_plan([f"{uri}/b.warc"]).splits)
        assert [list(read_split(split, Reading())) for split in below] == [[damage(f"{uri}/b.warc", 0, 0, "missing")]]
        hdfs("-rm", "-skipTrash", "/changed/a.warc")
        assert list(read_split(Split(uri, 5), Reading())) == [damage(uri, 0, 0, "missing")]
