"""Which NameNode has a file: from the environment, the settings of a Hadoop job, Hadoop's own files, or the URI."""

from __future__ import annotations

import os
import re
import urllib.parse
from functools import lru_cache
from typing import Callable
from xml.etree import ElementTree

from crawlmill.errors import CrawlmillError

ADDRESS = "CRAWLMILL_WEBHDFS"
"""The environment variable that names the NameNode's HTTP address, ``host:port``; several are joined by commas."""
PORT = 9870
"""Where a NameNode answers HTTP unless it is told otherwise."""


def address(uri: str) -> str:
    """Where the NameNode of a URI answers HTTP: ``host:port``; of a pair for high availability both, with a comma between.

    It is said by ``CRAWLMILL_WEBHDFS``, by the settings of the Hadoop job that this process is a task of (Streaming puts
    them into the environment), or by the files in ``HADOOP_CONF_DIR``; else the URI's host is asked at the usual port.
    """
    given = os.environ.get(ADDRESS)
    if given:
        return given
    conf = os.environ.get("HADOOP_CONF_DIR") or os.path.join(os.environ.get("HADOOP_HOME", ""), "etc/hadoop")
    host = urllib.parse.urlsplit(uri).netloc
    found = _namenodes(_of_job, host) or configured(conf, host)
    if found is not None:
        return found
    if not host:
        raise CrawlmillError("no NameNode is known", uri, "set HADOOP_CONF_DIR, or name the host: hdfs://HOST:PORT/...")
    return f"{host.partition(':')[0]}:{PORT}"


def configured(conf: str, host: str = "") -> str | None:
    """The address as above in a folder of Hadoop's settings, for the host of a URI; None when it is not there."""
    settings: dict[str, str] = {}
    for name in ("core-site.xml", "hdfs-site.xml"):
        path = os.path.join(conf, name)
        try:
            found = os.stat(path)
            settings.update(_settings(path, found.st_mtime_ns, found.st_size))
        except (OSError, ElementTree.ParseError):
            pass
    return _namenodes(settings.get, host)


@lru_cache(maxsize=8)
def _settings(path: str, modified: int, size: int) -> dict[str, str]:
    """The settings in a file of Hadoop; read again when it has changed, and not for each request."""
    return {
        (item.findtext("name") or "").strip(): (item.findtext("value") or "").strip()
        for item in ElementTree.parse(path).getroot().iter("property")
    }


def _of_job(name: str) -> str | None:
    """A setting of the job, as Streaming exports it (PipeMapRed.safeEnvVarName): whatever is no ASCII letter or digit is
    an underscore."""
    return os.environ.get(re.sub(r"[^0-9A-Za-z]", "_", name))


def _namenodes(setting: Callable[[str], str | None], host: str) -> str | None:
    """The addresses that settings give for a host or a nameservice; for the default file system when it is empty."""
    default = urllib.parse.urlsplit(setting("fs.defaultFS") or "")
    host = host or (default.netloc if default.scheme == "hdfs" else "")
    pair = setting(f"dfs.ha.namenodes.{host}")
    if pair:
        known = [setting(f"dfs.namenode.http-address.{host}.{node.strip()}") for node in pair.split(",")]
        return ",".join(filter(None, known)) or None
    found = setting(f"dfs.namenode.http-address.{host}") or setting("dfs.namenode.http-address")
    if found and not found.startswith("0.0.0.0:"):
        return found
    if not host or not (found or default.netloc):
        return None
    return f"{host.partition(':')[0]}:{(found or '').rpartition(':')[2] or PORT}"  # it listens everywhere: Hadoop's default
