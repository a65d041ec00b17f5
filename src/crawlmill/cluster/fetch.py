"""Hadoop's jars from a package registry, resolved once into a cache: by Maven, or by the Ivy that pyspark carries."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from crawlmill.errors import CrawlmillError
from crawlmill.scratch import cache_folder

VERSIONS = {"hadoop": "3.5.0", "hadoop-streaming": "3.4.2"}
"""hadoop-streaming 3.5.0 is not to be had as a package; 3.4.2 depends on nothing and runs against it."""
MODULES = (
    "hadoop-common",
    "hadoop-hdfs",
    "hadoop-yarn-server-resourcemanager",
    "hadoop-yarn-server-nodemanager",
    "hadoop-yarn-server-timelineservice",  # the ResourceManager does not start without it
    "hadoop-mapreduce-client-app",
    "hadoop-mapreduce-client-hs",
    "hadoop-mapreduce-client-shuffle",
    "hadoop-mapreduce-client-jobclient",
    "hadoop-streaming",
)
GROUP = "org.apache.hadoop"
LIST = "jars.txt"
"""In the folder of the jars: size and name of each, written last."""
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_WHY = re.compile(r"^\[ERROR\] \S|module not found|FAILED|Exception")
PATIENCE = 1800.0
"""Seconds that a fetch of some hundred MB may take."""


def version_of(module: str) -> str:
    """The version of a module in the table.

    >>> version_of("hadoop-streaming"), version_of("hadoop-hdfs")
    ('3.4.2', '3.5.0')
    """
    return VERSIONS.get(module, VERSIONS["hadoop"])


def java() -> str:
    """The ``java`` to use. Raises :class:`CrawlmillError` when there is none of version 17 or later."""
    home = os.environ.get("JAVA_HOME")
    found = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if not found or not os.access(found, os.X_OK):
        raise CrawlmillError("no java was found", hint="install Java 17, or set JAVA_HOME")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    number = said.partition('"')[2].partition(".")[0].partition('"')[0]
    if not number.isdigit() or int(number) < 17:
        raise CrawlmillError(f"java is of version {number or 'unknown'}", found, "Hadoop 3.5 needs Java 17")
    return found


def fetch() -> Path:
    """The folder with all jars; fetched when it is not there whole. Who comes while another fetches waits for it.

    Raises:
        CrawlmillError: neither Maven nor pyspark is there, or the registry does not answer.
    """
    folder = cache_folder() / f"hadoop-{VERSIONS['hadoop']}-streaming-{VERSIONS['hadoop-streaming']}"
    if _whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / ".fetching", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.parent.glob(".fetch-*"):  # of one that was killed
            shutil.rmtree(left, ignore_errors=True)
        if not _whole(folder):
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
                lib = Path(scratch) / "lib"
                lib.mkdir()
                (_maven if shutil.which("mvn") else _ivy)(Path(scratch), lib)
                missing = [module for module in MODULES if not (lib / f"{module}-{version_of(module)}.jar").exists()]
                if missing:
                    raise CrawlmillError(
                        f"the registry gave no {missing[0]} {version_of(missing[0])}", hint="try again later"
                    )
                (lib / LIST).write_text(
                    "".join(f"{jar.stat().st_size} {jar.name}\n" for jar in sorted(lib.glob("*.jar")))
                )
                if folder.exists():
                    os.rename(folder, Path(scratch) / "old")
                os.rename(lib, folder)
    return folder


def _whole(folder: Path) -> bool:
    """Whether every jar of the list is there, with its size."""
    try:
        rows = [line.split(" ", 1) for line in (folder / LIST).read_text().splitlines()]
        return bool(rows) and all((folder / name).stat().st_size == int(size) for size, name in rows)
    except (OSError, ValueError):
        return False


def _maven(scratch: Path, lib: Path) -> None:
    dependencies = "".join(
        f"<dependency><groupId>{GROUP}</groupId><artifactId>{module}</artifactId><version>{version_of(module)}</version></dependency>"
        for module in MODULES
    )
    (scratch / "pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>crawlmill-hadoop</artifactId>"
        f"<version>1</version><dependencies>{dependencies}</dependencies></project>"
    )
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={lib}"]
    _run(["mvn", "-q", "-B", *goal], scratch, "Maven")


def _ivy(scratch: Path, lib: Path) -> None:
    spec = importlib.util.find_spec("pyspark")
    folder = Path(spec.origin).parent / "jars" if spec is not None and spec.origin else None
    ivy = next(iter(sorted(folder.glob("ivy-*.jar"))), None) if folder is not None else None
    if ivy is None:
        raise CrawlmillError(
            "neither Maven nor pyspark's Ivy is there", hint="install Maven, or pip install 'crawlmill[spark]'"
        )
    dependencies = "".join(
        f'<dependency org="{GROUP}" name="{module}" rev="{version_of(module)}" conf="default->runtime(default),master"/>'
        for module in MODULES
    )
    (scratch / "ivy.xml").write_text(
        '<ivy-module version="2.0"><info organisation="local" module="crawlmill-hadoop"/><configurations><conf name="default"/>'
        f"</configurations><dependencies>{dependencies}</dependencies></ivy-module>"
    )
    pattern = str(lib / "[artifact]-[revision](-[classifier]).[ext]")
    arguments = ["-ivy", "ivy.xml", "-retrieve", pattern, "-types", "jar", "bundle", "-warn"]
    _run([java(), "-cp", str(ivy), "org.apache.ivy.Main", *arguments], scratch, "Ivy")


def _run(command: list[str], folder: Path, name: str) -> None:
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            said = _COLOUR.sub("", process.communicate(timeout=PATIENCE)[0]).splitlines()
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # mvn is a script: its java would go on
            if isinstance(error, subprocess.TimeoutExpired):
                raise CrawlmillError(f"{name} did not fetch Hadoop in {PATIENCE:.0f} s", hint="try again") from None
            raise
    if process.returncode:
        lines = [line for line in said if _WHY.search(line)] or said or ["it said nothing"]
        why = lines[0].strip().removeprefix("[ERROR] ")[:300]
        raise CrawlmillError(f"{name} could not fetch Hadoop: {why}", hint="is the registry reachable?")
