"""From the Java source beside this module to a jar in the cache, for the Hadoop in use."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from crawlmill.cluster.fetch import VERSIONS, fetch
from crawlmill.errors import CrawlmillError
from crawlmill.files import whole_name
from crawlmill.scratch import Scratch, cache_folder

CLASS = "crawlmill.ArchiveInputFormat"
"""What ``-inputformat`` and Spark's ``hadoopFile`` are told."""
SOURCE = Path(__file__).with_name("ArchiveInputFormat.java")
RELEASES = (8, 11, 17)
"""Versions of Java that the classes may be for: the first one that the compiler knows, so that an old cluster loads them."""
_VERSION = re.compile(r"hadoop-(?:mapreduce-client-core|client-api)-(\d.*)\.jar")
_PATIENCE = 300


def jar() -> Path:
    """The jar with :data:`CLASS`; built when it is not there, for ``HADOOP_HOME``, else for Hadoop's jars in the cache.

    Raises:
        CrawlmillError: there is no JDK, or the Hadoop in ``HADOOP_HOME`` has no jars.
    """
    home = os.environ.get("HADOOP_HOME")
    classpath = _classpath(home) if home else None
    version = VERSIONS["hadoop"] if classpath is None else _version(classpath, str(home))
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    path = cache_folder() / f"crawlmill-inputformat-{digest}-hadoop-{version}.jar"
    if not path.exists():
        javac = _javac()
        path.parent.mkdir(parents=True, exist_ok=True)
        _build(javac, classpath or f"{fetch()}/*", path)
    return path


def _classpath(home: str) -> str:
    """What ``hadoop classpath`` says: folders and ``FOLDER/*``, which javac understands as java does."""
    words = [os.path.join(home, "bin/hadoop"), "classpath"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise CrawlmillError("hadoop does not tell its classpath", words[0], f"check HADOOP_HOME ({error})") from None
    return done.stdout.strip()


def _version(classpath: str, home: str) -> str:
    """The version in the name of the jar that we compile against."""
    for part in classpath.split(os.pathsep):
        for name in sorted(glob.glob(f"{part}.jar" if part.endswith("*") else part)):
            found = _VERSION.fullmatch(os.path.basename(name))
            if found:
                return found[1]
    raise CrawlmillError("no hadoop-mapreduce-client-core jar is in the classpath", home, "check HADOOP_HOME")


def _javac() -> str:
    home = os.environ.get("JAVA_HOME")
    inside = os.path.join(home, "bin", "javac") if home else None
    found = inside if inside and os.access(inside, os.X_OK) else shutil.which("javac")
    if not found:
        raise CrawlmillError(
            "no javac was found", hint="install a JDK (Java's development kit), or set JAVA_HOME to one"
        )
    return found


def _build(javac: str, classpath: str, path: Path) -> None:
    """Compile and pack; the same bytes for the same compiler."""
    with Scratch() as folder:
        _compile(javac, classpath, folder)
        with whole_name(str(path)) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            entries = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n\r\n"}
            entries |= {
                str(file.relative_to(folder)): file.read_bytes() for file in sorted(Path(folder).rglob("*.class"))
            }
            for name, data in entries.items():
                archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), data)


def _compile(javac: str, classpath: str, folder: str) -> None:
    options = ["-proc:none", "-encoding", "UTF-8", "-Xlint:-options", "-cp", classpath, "-d", folder]
    for release in RELEASES:
        words = [javac, "--release", str(release), *options, str(SOURCE)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise CrawlmillError(f"javac did not end in {_PATIENCE} s", javac, "try again") from None
        if done.returncode == 0:
            return
        if f"release version {release} not supported" not in done.stderr:
            break
    said = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.splitlines() or ["no output"]
    raise CrawlmillError(
        f"javac failed: {said[0].strip()[:300]}", javac, "Java 9 or later is needed, and Hadoop's jars"
    )
