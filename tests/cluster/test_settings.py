"""What the daemons of a local cluster are told: each its own ports and folders, and what the user says in its file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from crawlmill.cluster.settings import PER_NODE, daemons_of, free_ports, kind_of, own_settings, settings, write_settings
from crawlmill.errors import UsageError


def test_no_two_nodes_share_a_port_or_a_folder() -> None:
    ports = free_ports(3)
    assert len(set(ports.values())) == len(ports) == 31
    own = [own_settings(Path("/home"), name, ports) for name in daemons_of(3) if kind_of(name) in PER_NODE]
    values = [value for one in own for value in one.values()]
    assert len(own) == 6 and len(set(values)) == len(values) == 30
    shuffles = {one["mapreduce.shuffle.port"] for one in own if "mapreduce.shuffle.port" in one}
    assert len(shuffles) == 3


@pytest.mark.parametrize("nodes, copies", [(1, 1), (2, 2), (3, 2)])
def test_blocks_have_a_second_copy_where_they_can(nodes: int, copies: int) -> None:
    assert settings(Path("/home"), free_ports(nodes), nodes, 1024)["hdfs-site.xml"]["dfs.replication"] == copies


def test_what_the_user_sets_stands_in_the_file_that_hadoop_reads(tmp_path: Path) -> None:
    extra = ["dfs.replication=1", "yarn.nodemanager.resource.memory-mb=7", "mapreduce.x=a=b & <c>", "io.y="]
    extra += ["yarn.app.mapreduce.z=1", "yarn.scheduler.capacity.root.queues=default,adhoc"]
    write_settings(tmp_path, settings(Path("/home"), free_ports(1), 1, 1024, extra))
    found = {
        (path.stem, item.findtext("name")): item.findtext("value")
        for path in tmp_path.glob("*.xml")
        for item in ElementTree.parse(path).getroot().iter("property")
    }
    assert found["hdfs-site", "dfs.replication"] == "1"
    assert found["yarn-site", "yarn.nodemanager.resource.memory-mb"] == "7"
    assert found["mapred-site", "mapreduce.x"] == "a=b & <c>" and found["mapred-site", "yarn.app.mapreduce.z"] == "1"
    assert found["core-site", "io.y"] == ""
    assert found["capacity-scheduler", "yarn.scheduler.capacity.root.queues"] == "default,adhoc"
    with pytest.raises(UsageError, match="KEY=VALUE"):
        settings(Path("/home"), free_ports(1), 1, 1024, ["dfs.replication"])
