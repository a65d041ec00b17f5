"""A HADOOP_HOME of jars alone: the commands that the jars do not bring, and the settings of a small cluster."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from xml.sax.saxutils import escape

from crawlmill.cluster.fetch import java

HOST = "127.0.0.1"
PORTS = (
    "namenode", "namenode_http", "datanode", "datanode_http", "datanode_ipc", "scheduler", "tracker", "resourcemanager",
    "admin", "resourcemanager_http", "nodemanager", "nodemanager_http", "localizer", "shuffle", "history", "history_http", "history_admin",
)  # fmt: skip
CLASSES = {
    "version": "org.apache.hadoop.util.VersionInfo",
    "jar": "org.apache.hadoop.util.RunJar",
    "fs": "org.apache.hadoop.fs.FsShell",
    "dfs": "org.apache.hadoop.fs.FsShell",
    "dfsadmin": "org.apache.hadoop.hdfs.tools.DFSAdmin",
    "application": "org.apache.hadoop.yarn.client.cli.ApplicationCLI",
    "node": "org.apache.hadoop.yarn.client.cli.NodeCLI",
    "logs": "org.apache.hadoop.yarn.client.cli.LogsCLI",
    "job": "org.apache.hadoop.mapred.JobClient",
}


def free_ports() -> dict[str, int]:
    """Free ports of 127.0.0.1 for everything that listens."""
    sockets = {name: socket.socket() for name in PORTS}
    try:
        for one in sockets.values():
            one.bind((HOST, 0))
        return {name: one.getsockname()[1] for name, one in sockets.items()}
    finally:
        for one in sockets.values():
            one.close()


def lay_out(home: Path, jars: Path, ports: dict[str, int], memory: int) -> None:
    """Write ``bin/``, ``etc/hadoop`` and ``share/hadoop/lib`` of a home, and its data folders.

    Args:
        home: the folder.
        jars: the folder of :func:`crawlmill.cluster.fetch.fetch`.
        ports: of :func:`free_ports`.
        memory: MiB that the NodeManager may give to containers.
    """
    for folder in ("bin", "etc/hadoop", "share/hadoop", "data", "logs", "run", "web/webapps"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    lib = home / "share/hadoop/lib"
    if not lib.is_symlink():
        lib.symlink_to(jars)
    for name in ("hdfs", "datanode", "static"):  # the daemons look for their pages, which no jar brings
        pages = home / "web/webapps" / name / "WEB-INF"
        pages.mkdir(parents=True, exist_ok=True)
        (pages / "web.xml").write_text('<web-app xmlns="http://xmlns.jcp.org/xml/ns/javaee" version="3.1"/>')
    tools = home / "share/hadoop/tools/lib"
    tools.mkdir(parents=True, exist_ok=True)
    for jar in jars.glob("hadoop-streaming-*.jar"):  # where mrjob and people look for it
        if not (tools / jar.name).exists():
            (tools / jar.name).symlink_to(jar)
    _commands(home)
    conf = home / "etc/hadoop"
    for name, settings in _settings(home, ports, memory).items():
        lines = "".join(
            f"  <property><name>{key}</name><value>{escape(str(value))}</value></property>\n"
            for key, value in settings.items()
        )
        (conf / name).write_text(f'<?xml version="1.0"?>\n<configuration>\n{lines}</configuration>\n')
    (conf / "log4j.properties").write_text(
        "log4j.rootLogger=INFO, console\n"
        "log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR\nlog4j.appender.console=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.console.target=System.err\nlog4j.appender.console.layout=org.apache.log4j.PatternLayout\n"
        "log4j.appender.console.layout.ConversionPattern=%d{yy/MM/dd HH:mm:ss} %p %c{2}: %m%n\n"
    )


def _commands(home: Path) -> None:
    again = {"application": ' set -- application "$@";'}  # this one wants its own name, too
    cases = "\n".join(f"  {word}) class={name};{again.get(word, '')} ;;" for word, name in CLASSES.items())
    text = f"""#!/bin/sh
# Written by crawlmill: runs a class of Hadoop's jars as Hadoop's own script would.
home=$(cd "$(dirname "$0")/.." && pwd)
conf=${{HADOOP_CONF_DIR:-$home/etc/hadoop}}
path="$conf:$home/share/hadoop/lib/*${{HADOOP_CLASSPATH:+:$HADOOP_CLASSPATH}}"
word=${{1:-version}}
[ $# -gt 0 ] && shift
case $word in
{cases}
  classpath) echo "$path"; exit ;;
  *) class=$word ;;
esac
exec {java()} ${{HADOOP_CLIENT_OPTS:--Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}} \\
  --add-opens java.base/java.lang=ALL-UNNAMED -cp "$path" "$class" "$@"
"""
    for name in ("hadoop", "hdfs", "yarn", "mapred"):
        path = home / "bin" / name
        path.write_text(text)
        path.chmod(0o755)


def _settings(home: Path, ports: dict[str, int], memory: int) -> dict[str, dict[str, object]]:
    at = {name: f"{HOST}:{port}" for name, port in ports.items()}
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
            "dfs.replication": 1,
            "dfs.namenode.name.dir": f"file://{home}/data/name",
            "dfs.datanode.data.dir": f"file://{home}/data/data",
            "dfs.namenode.http-address": at["namenode_http"],
            "dfs.datanode.address": at["datanode"],
            "dfs.datanode.http.address": at["datanode_http"],
            "dfs.datanode.ipc.address": at["datanode_ipc"],
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
            "mapreduce.jobhistory.address": at["history"],
            "mapreduce.jobhistory.webapp.address": at["history_http"],
            "mapreduce.jobhistory.admin.address": at["history_admin"],
            "mapreduce.shuffle.port": ports["shuffle"],
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
            "yarn.resourcemanager.scheduler.address": at["scheduler"],
            "yarn.resourcemanager.resource-tracker.address": at["tracker"],
            "yarn.resourcemanager.admin.address": at["admin"],
            "yarn.resourcemanager.webapp.address": at["resourcemanager_http"],
            "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms": 100,
            "yarn.nodemanager.hostname": HOST,
            "yarn.nodemanager.bind-host": HOST,
            "yarn.nodemanager.address": at["nodemanager"],
            "yarn.nodemanager.localizer.address": at["localizer"],
            "yarn.nodemanager.webapp.address": at["nodemanager_http"],
            "yarn.nodemanager.aux-services": "mapreduce_shuffle",
            "yarn.nodemanager.local-dirs": f"{home}/data/local",
            "yarn.nodemanager.log-dirs": f"{home}/logs/containers",
            "yarn.nodemanager.resource.memory-mb": memory,
            "yarn.nodemanager.resource.cpu-vcores": 8,
            "yarn.nodemanager.vmem-check-enabled": "false",
            "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99.5,
            "yarn.nodemanager.env-whitelist": "JAVA_HOME,PATH,HADOOP_HOME",
            "yarn.nodemanager.admin-env": f"JAVA_HOME={java_home}",
            "yarn.scheduler.minimum-allocation-mb": 128,
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


def remove(home: Path) -> None:
    """Delete a home; the jars stay in the cache."""
    shutil.rmtree(home, ignore_errors=True)
