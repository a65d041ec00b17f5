"""What the daemons of a local cluster are called, where they listen, and the settings that Hadoop reads for them."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from crawlmill.cluster.fetch import java
from crawlmill.errors import UsageError

HOST = "127.0.0.1"
MAINS = {
    "namenode": "org.apache.hadoop.hdfs.server.namenode.NameNode",
    "datanode": "org.apache.hadoop.hdfs.server.datanode.DataNode",
    "resourcemanager": "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    "nodemanager": "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
    "historyserver": "org.apache.hadoop.mapreduce.v2.hs.JobHistoryServer",
}
"""The kinds of daemons, in the order in which they start, and their classes."""
PER_NODE = ("datanode", "nodemanager")
_LISTEN = {
    "namenode": ("", "_http"),
    "datanode": ("", "_http", "_ipc"),
    "resourcemanager": ("", "_http", "_scheduler", "_tracker", "_admin"),
    "nodemanager": ("", "_http", "_localizer", "_shuffle"),
    "historyserver": ("", "_http", "_admin"),
}
Sites = dict[str, dict[str, object]]
"""Settings by the name of their file."""


def daemons_of(nodes: int) -> tuple[str, ...]:
    """The names of the daemons of a cluster.

    >>> daemons_of(1)
    ('namenode', 'datanode', 'resourcemanager', 'nodemanager', 'historyserver')
    >>> daemons_of(2)[1:3]
    ('datanode-1', 'datanode-2')
    """
    found: list[str] = []
    for kind in MAINS:
        many = kind in PER_NODE and nodes > 1
        found += [f"{kind}-{number}" for number in range(1, nodes + 1)] if many else [kind]
    return tuple(found)


def kind_of(name: str) -> str:
    """What a daemon is, whatever its number.

    >>> kind_of("datanode-2")
    'datanode'
    """
    return name.partition("-")[0]


def free_ports(nodes: int) -> dict[str, int]:
    """Free ports of 127.0.0.1 for everything that listens, by the daemon's name and what it listens for."""
    names = [name + what for name in daemons_of(nodes) for what in _LISTEN[kind_of(name)]]
    sockets = {name: socket.socket() for name in names}
    try:
        for one in sockets.values():
            one.bind((HOST, 0))
        return {name: one.getsockname()[1] for name, one in sockets.items()}
    finally:
        for one in sockets.values():
            one.close()


def own_settings(home: Path, name: str, ports: Mapping[str, int]) -> dict[str, object]:
    """What one of several daemons of a kind has for itself: its ports and folders."""
    at = {what: f"{HOST}:{ports[name + what]}" for what in _LISTEN[kind_of(name)]}
    if kind_of(name) == "datanode":
        return {
            "dfs.datanode.address": at[""],
            "dfs.datanode.http.address": at["_http"],
            "dfs.datanode.ipc.address": at["_ipc"],
            "dfs.datanode.data.dir": f"file://{home}/data/{name}",
        }
    if kind_of(name) == "nodemanager":
        return {
            "yarn.nodemanager.address": at[""],
            "yarn.nodemanager.webapp.address": at["_http"],
            "yarn.nodemanager.localizer.address": at["_localizer"],
            "mapreduce.shuffle.port": ports[f"{name}_shuffle"],  # the reducers are told it with each container
            "yarn.nodemanager.local-dirs": f"{home}/data/{name}",
            "yarn.nodemanager.log-dirs": f"{home}/logs/containers/{name}",
        }
    return {}


def settings(home: Path, ports: Mapping[str, int], nodes: int, memory: int, extra: Sequence[str] = ()) -> Sites:
    """The settings that all daemons and clients share.

    Args:
        home: the folder of the cluster.
        ports: of :func:`free_ports`.
        nodes: DataNodes, and NodeManagers.
        memory: MiB that each NodeManager may give to containers.
        extra: ``key=value``, more settings or other values.
    """
    sites = _settings(home, {name: f"{HOST}:{port}" for name, port in ports.items()}, nodes, memory)
    for setting in extra:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"not a setting: {setting!r}", hint="write -D KEY=VALUE")
        sites[_site_of(key)][key] = value
    return sites


def write_settings(folder: Path, sites: Sites) -> None:
    """Write settings as the XML files that Hadoop reads."""
    for name, values in sites.items():
        lines = "".join(
            f"  <property><name>{escape(key)}</name><value>{escape(str(value))}</value></property>\n"
            for key, value in values.items()
        )
        (folder / name).write_text(f'<?xml version="1.0"?>\n<configuration>\n{lines}</configuration>\n')


def _site_of(key: str) -> str:
    """The file of a setting.

    >>> _site_of("dfs.replication"), _site_of("yarn.app.mapreduce.am.resource.mb")
    ('hdfs-site.xml', 'mapred-site.xml')
    """
    for prefix, name in (
        ("dfs.", "hdfs-site.xml"),
        ("mapreduce.", "mapred-site.xml"),
        ("yarn.app.mapreduce.", "mapred-site.xml"),
        ("yarn.scheduler.capacity.", "capacity-scheduler.xml"),
        ("yarn.", "yarn-site.xml"),
    ):
        if key.startswith(prefix):
            return name
    return "core-site.xml"


def _settings(home: Path, at: Mapping[str, str], nodes: int, memory: int) -> Sites:
    classpath = f"{home}/etc/hadoop,{home}/share/hadoop/lib/*"
    small = "-Xmx300m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 --add-opens=java.base/java.lang=ALL-UNNAMED"
    java_home = os.environ.get("JAVA_HOME") or str(Path(os.path.realpath(java())).parents[1])
    return {
        "core-site.xml": {
            "fs.defaultFS": f"hdfs://{at['namenode']}",
            "hadoop.tmp.dir": f"{home}/data/tmp",
            "hadoop.proxyuser.root.hosts": "*",
        },
        "hdfs-site.xml": {
            "dfs.replication": min(nodes, 2),
            "dfs.namenode.name.dir": f"file://{home}/data/namenode",
            "dfs.namenode.http-address": at["namenode_http"],
            "dfs.datanode.hostname": HOST,
            "dfs.namenode.secondary.http-address": f"{HOST}:0",
            "dfs.namenode.safemode.extension": 0,
            "dfs.permissions.enabled": "false",
            "dfs.blocksize": 8 << 20,
            "dfs.namenode.fs-limits.min-block-size": 1 << 20,
        },
        "mapred-site.xml": {
            "mapreduce.framework.name": "yarn",
            "mapreduce.application.classpath": classpath,
            "mapreduce.jobhistory.address": at["historyserver"],
            "mapreduce.jobhistory.webapp.address": at["historyserver_http"],
            "mapreduce.jobhistory.admin.address": at["historyserver_admin"],
            "mapreduce.map.memory.mb": 512,
            "mapreduce.reduce.memory.mb": 512,
            "mapreduce.map.java.opts": small,
            "mapreduce.reduce.java.opts": small,
            "yarn.app.mapreduce.am.resource.mb": 512,
            "yarn.app.mapreduce.am.command-opts": small,
            "yarn.app.mapreduce.am.staging-dir": "/tmp/staging",
            "yarn.app.mapreduce.am.scheduler.heartbeat.interval-ms": 100,
            "mapreduce.client.progressmonitor.pollinterval": 100,
            "mapreduce.client.completion.pollinterval": 100,
        },
        "yarn-site.xml": {
            "yarn.resourcemanager.hostname": HOST,
            "yarn.resourcemanager.address": at["resourcemanager"],
            "yarn.resourcemanager.scheduler.address": at["resourcemanager_scheduler"],
            "yarn.resourcemanager.resource-tracker.address": at["resourcemanager_tracker"],
            "yarn.resourcemanager.admin.address": at["resourcemanager_admin"],
            "yarn.resourcemanager.webapp.address": at["resourcemanager_http"],
            "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms": 100,
            "yarn.nodemanager.hostname": HOST,
            "yarn.nodemanager.bind-host": HOST,
            "yarn.nodemanager.aux-services": "mapreduce_shuffle",
            "yarn.nodemanager.resource.memory-mb": memory,
            "yarn.nodemanager.resource.cpu-vcores": 8,
            "yarn.nodemanager.vmem-check-enabled": "false",
            "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99.5,
            "yarn.nodemanager.env-whitelist": "JAVA_HOME,PATH,HADOOP_HOME",
            "yarn.nodemanager.admin-env": f"JAVA_HOME={java_home}",
            "yarn.scheduler.minimum-allocation-mb": 128,
            "yarn.scheduler.include-port-in-node-name": "true",  # all nodes have one host
            "yarn.application.classpath": classpath,
            "yarn.log-aggregation-enable": "true",
            "yarn.nodemanager.remote-app-log-dir": "/tmp/logs",
        },
        "capacity-scheduler.xml": {
            "yarn.scheduler.capacity.root.queues": "default",
            "yarn.scheduler.capacity.root.default.capacity": 100,
            "yarn.scheduler.capacity.maximum-am-resource-percent": 0.5,
        },
    }
