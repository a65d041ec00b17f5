"""Which Hadoop to use: that of ``HADOOP_HOME``, else the one that ``crawlmill hadoop up`` started."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass

from crawlmill.cluster import daemons
from crawlmill.errors import UsageError
from crawlmill.sources.webhdfs import ADDRESS, configured


@dataclass(frozen=True)
class Found:
    """A Hadoop: its ``hadoop`` command, and the environment to run that in."""

    command: str
    environment: dict[str, str]


def find_hadoop() -> Found:
    """The Hadoop to use. Raises :class:`UsageError` when there is none."""
    given = os.environ.get("HADOOP_HOME")
    if given and os.access(os.path.join(given, "bin/hadoop"), os.X_OK):
        return Found(os.path.join(given, "bin/hadoop"), dict(os.environ))
    home = daemons.home_folder()
    if (home / "bin/hadoop").exists() and all(daemons.status(home).values()):
        return Found(str(home / "bin/hadoop"), daemons.environment(home))
    raise UsageError("no Hadoop is known", hint="set HADOOP_HOME, or run: crawlmill hadoop up")


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
