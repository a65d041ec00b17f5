"""A HADOOP_HOME of jars alone: its folders, and the commands that the jars do not bring."""

from __future__ import annotations

import shutil
from pathlib import Path

from crawlmill.cluster.fetch import java
from crawlmill.cluster.settings import Sites, write_settings

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


def lay_out(home: Path, jars: Path, sites: Sites) -> None:
    """Write ``bin/``, ``etc/hadoop`` and ``share/hadoop/lib`` of a home, and its data folders.

    Args:
        home: the folder.
        jars: the folder of :func:`crawlmill.cluster.fetch.fetch`.
        sites: of :func:`crawlmill.cluster.settings.settings`.
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
    write_settings(conf, sites)
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


def remove(home: Path) -> None:
    """Delete a home; the jars stay in the cache."""
    shutil.rmtree(home, ignore_errors=True)
