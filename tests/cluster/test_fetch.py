"""How Hadoop's jars come into the cache: by Maven or Ivy as they are, and whole or not at all."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crawlmill.cluster import fetch as room
from crawlmill.cluster.fetch import GROUP, MODULES, fetch, java, version_of
from crawlmill.errors import CrawlmillError

pytestmark = pytest.mark.hadoop
needs_ivy = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="no pyspark: pip install 'crawlmill[spark]'"
)
needs_maven = pytest.mark.skipif(shutil.which("mvn") is None, reason="no Maven on this machine")


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a cache that are empty, and a network where no registry answers."""
    proxy = " ".join(f"-D{kind}.proxyHost=127.0.0.1 -D{kind}.proxyPort=9" for kind in ("http", "https"))
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", f"{proxy} -Duser.home={tmp_path}")
    monkeypatch.setenv("CRAWLMILL_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def no_maven(alone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, and no Maven."""
    (alone / "bin").mkdir()
    (alone / "bin/java").symlink_to(java())
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(alone / "bin"))
    return alone


def publish(folder: Path, module: str, *needs: str, group: str = GROUP) -> None:
    """Put a module into Ivy's local repository: it has the confs of one of Maven's."""
    version = version_of(module)
    place = folder / ".ivy2/local" / group / module / version
    (place / "ivys").mkdir(parents=True)
    (place / "jars").mkdir()
    (place / f"jars/{module}.jar").write_text(f"the jar of {module}")
    dependencies = "".join(
        f'<dependency org="org.else" name="{need}" rev="{version}" conf="compile->compile"/>' for need in needs
    )
    confs = "".join(
        f'<conf name="{conf}" extends="{more}"/>'
        for conf, more in (("master", ""), ("compile", ""), ("runtime", "compile"), ("default", "runtime,master"))
    ).replace(' extends=""', "")
    (place / "ivys/ivy.xml").write_text(
        f'<ivy-module version="2.0"><info organisation="{group}" module="{module}" revision="{version}"/>'
        f'<configurations>{confs}</configurations><publications><artifact name="{module}" type="jar" conf="master,compile"/>'
        f"</publications><dependencies>{dependencies}</dependencies></ivy-module>"
    )


@needs_ivy
def test_ivy_brings_every_module_and_what_it_needs(no_maven: Path) -> None:
    """Without network: Ivy as it is, over a local repository in which each of our modules is one small jar."""
    for module in MODULES:
        publish(no_maven, module, *(["thing"] if module == "hadoop-hdfs" else []))
    publish(no_maven, "thing", group="org.else")
    folder = fetch()
    names = {f"{module}-{version_of(module)}.jar" for module in (*MODULES, "thing")}
    assert {path.name for path in folder.iterdir()} == names | {room.LIST}
    assert (folder / "hadoop-streaming-3.4.2.jar").read_text() == "the jar of hadoop-streaming"


@needs_ivy
def test_ivy_that_reaches_no_registry_is_one_clear_line(no_maven: Path) -> None:
    with pytest.raises(
        CrawlmillError, match=r"Ivy could not fetch Hadoop: module not found: .*hadoop-common"
    ) as failed:
        fetch()
    assert "\n" not in str(failed.value) and [path.name for path in (no_maven / "cache").iterdir()] == [".fetching"]


@needs_maven
def test_maven_that_reaches_no_registry_is_one_clear_line(alone: Path) -> None:
    with pytest.raises(CrawlmillError, match=r"Maven could not fetch Hadoop: \w.*plugin") as failed:
        fetch()
    assert "\n" not in str(failed.value) and [path.name for path in (alone / "cache").iterdir()] == [".fetching"]


def test_nothing_to_fetch_with_is_one_clear_line(no_maven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CrawlmillError, match=r"install Maven, or pip install 'crawlmill\[spark\]'"):
        fetch()


@pytest.mark.slow
def test_a_killed_fetch_and_a_cache_with_half_a_jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the registry, or what Maven or Ivy keep of it."""
    monkeypatch.setenv("CRAWLMILL_CACHE", str(tmp_path))
    code = "from crawlmill.cluster.fetch import fetch; fetch()"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".fetch-*")) and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait(10)
    assert [path.name[:7] for path in tmp_path.glob(".fetch-*")] == [".fetch-"] and not list(tmp_path.glob("hadoop-*"))
    folder = fetch()
    jars = {path.name: path.stat().st_size for path in folder.glob("*.jar")}
    assert len(jars) > 150 and not list(tmp_path.glob(".fetch-*"))
    assert fetch() == folder  # nothing is fetched again
    (folder / "hadoop-common-3.5.0.jar").write_bytes(b"half")
    (folder / "hadoop-hdfs-3.5.0.jar").unlink()
    assert {path.name: path.stat().st_size for path in fetch().glob("*.jar")} == jars
