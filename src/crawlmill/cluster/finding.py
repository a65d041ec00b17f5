"""Which Hadoop to use: that of ``HADOOP_HOME``, else the one that ``crawlmill hadoop up`` started."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass

from crawlmill.cluster import daemons
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.stores.namenodes import ADDRESS, configured


@dataclass(frozen=True)
class Found:
    """A Hadoop: its ``hadoop`` command, and the environment to run that in."""

    command: str
    environment: dict[str, str]


def find_hadoop() -> Found:
    """The Hadoop to use.

    Raises:
        UsageError: ``HADOOP_HOME`` leads nowhere, or there is none. CrawlmillError: the local cluster does not run.
    """
    given = os.environ.get("HADOOP_HOME")
    if given:
        command = os.path.join(given, "bin/hadoop")
        if not os.access(command, os.X_OK):
            raise UsageError("HADOOP_HOME is no Hadoop: there is no bin/hadoop", given, "correct it, or unset it")
        return Found(command, dict(os.environ))
    home = daemons.home_folder()
    if not (home / "bin/hadoop").exists():
        raise UsageError("no Hadoop is known", hint="set HADOOP_HOME, or run: crawlmill hadoop up")
    for name in ("namenode", "resourcemanager"):
        if not daemons.status(home)[name]:
            raise CrawlmillError(f"the {name} is down", str(home), f"crawlmill hadoop restart {name}")
    return Found(str(home / "bin/hadoop"), daemons.environment(home))


def know_hdfs() -> None:
    """Let ``hdfs://`` name the cluster of ``crawlmill hadoop up`` where nothing else is set."""
    if not any(os.environ.get(name) for name in (ADDRESS, "HADOOP_CONF_DIR", "HADOOP_HOME")):
        found = configured(str(daemons.home_folder() / "etc/hadoop"))
        if found is not None:
            os.environ[ADDRESS] = found


def streaming_jar(found: Found) -> str:
    """The streaming jar: ``HADOOP_STREAMING_JAR``, else that of the distribution. Raises :class:`UsageError`."""
    given = found.environment.get("HADOOP_STREAMING_JAR")
    home = os.path.dirname(os.path.dirname(found.command))
    jars = [given] if given else sorted(glob.glob(f"{home}/share/hadoop/tools/lib/hadoop-streaming*.jar"))
    jars += sorted(glob.glob("/usr/lib/hadoop-mapreduce/hadoop-streaming*.jar"))
    if not jars or not os.path.exists(jars[0]):
        raise UsageError("no hadoop-streaming jar was found", home, "set HADOOP_STREAMING_JAR to its path")
    return jars[0]
