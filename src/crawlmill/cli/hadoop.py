"""``crawlmill hadoop``: a real Hadoop on this machine, in one command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from crawlmill.cli.common import AsJson, note

app = typer.Typer(
    no_args_is_help=True, help="A real Hadoop on this machine: HDFS, YARN and MapReduce on 127.0.0.1. Needs Java 17."
)


@app.command()
def up(
    nodes: Annotated[int | None, typer.Option(min=1, help="DataNodes, and as many NodeManagers (1).")] = None,
    memory: Annotated[int, typer.Option(min=1024, metavar="MIB", help="Memory for the containers of a node.")] = 3072,
    define: Annotated[
        list[str] | None, typer.Option("-D", metavar="KEY=VALUE", help="A setting of Hadoop, in place of ours.")
    ] = None,
) -> None:
    """Fetch Hadoop if needed, start its daemons, and wait until it takes jobs.

    Example: [bold]crawlmill hadoop up[/bold]
    """
    from crawlmill.cluster import daemons

    daemons.up(nodes, memory, define or [], note)


@app.command()
def restart(
    name: Annotated[str, typer.Argument(metavar="DAEMON", help="As status names it, e.g. datanode.")],
    kill: Annotated[bool, typer.Option("--kill", help="End it as a fault does: by SIGKILL.")] = False,
) -> None:
    """End one daemon and start it again, at its ports and with its data.

    Example: [bold]crawlmill hadoop restart datanode[/bold]
    """
    import signal

    from crawlmill.cluster import daemons

    daemons.restart(name, how=signal.SIGKILL if kill else signal.SIGTERM)
    note(f"the {name} is up")


@app.command()
def down() -> None:
    """End the daemons that up started, and delete their data. The fetched jars are kept.

    Example: [bold]crawlmill hadoop down[/bold]
    """
    from crawlmill.cluster import daemons

    note("the cluster is down" if daemons.down() else "there was no cluster")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say which daemons run. Exit code 1 when not all do.

    Example: [bold]crawlmill hadoop status[/bold]
    """
    import json

    from crawlmill.cluster import daemons

    running, ports = daemons.status(), daemons.ports()
    pages = {
        "namenode": "namenode_http",
        "resourcemanager": "resourcemanager_http",
        "historyserver": "historyserver_http",
    }
    if as_json:
        print(json.dumps({"home": str(daemons.home_folder()), "daemons": running, "ports": ports}, indent=1))
    else:
        for name, alive in running.items():
            page = f"  http://127.0.0.1:{ports[pages[name]]}/" if alive and name in pages else ""
            print(f"{name:16} {'up' if alive else 'down'}{page}")
    if not all(running.values()):
        raise typer.Exit(1)


@app.command()
def env() -> None:
    """Print what makes a shell find the cluster, as export lines.

    Example: [bold]eval "$(crawlmill hadoop env)"[/bold]
    """
    import shlex

    from crawlmill.cluster import daemons

    home = _home()
    for name, value in daemons.exports(home).items():
        print(f"export {name}={shlex.quote(value)}")
    print(f'export PATH={shlex.quote(str(home / "bin"))}:"$PATH"')


@app.command()
def shell(
    command: Annotated[list[str] | None, typer.Argument(help="A command to run instead of a shell.")] = None,
) -> None:
    """Run a shell, or a command, that finds the cluster.

    Example: [bold]crawlmill hadoop shell -- hdfs dfs -ls /[/bold]
    """
    from crawlmill.cluster import daemons

    words = command or [os.environ.get("SHELL", "/bin/sh")]
    done = subprocess.run(words, env=daemons.environment(_home()), check=False)
    sys.exit(done.returncode)


@app.command()
def zip(
    output: Annotated[str, typer.Option("-o", "--output", help="The file.")] = "crawlmill.zip",
) -> None:
    """Write the one file that a node needs: python3 crawlmill.zip map ANALYSIS..., python3 crawlmill.zip reduce.

    Example: [bold]crawlmill hadoop zip -o crawlmill.zip[/bold]
    """
    from crawlmill.shipping import write_zip
    from crawlmill.stores.names import local_path, uri_of

    path = local_path(output)
    write_zip(path)
    note(f"written to {uri_of(path)}")


@app.command()
def inputformat() -> None:
    """Print the path of the jar of crawlmill.ArchiveInputFormat, which runs maps beside their blocks; build it if needed.

    Example: [bold]crawlmill hadoop inputformat[/bold]
    """
    from crawlmill.inputformat.jar import jar

    print(jar())


def _home() -> Path:
    from crawlmill.cluster import daemons
    from crawlmill.errors import UsageError

    home = daemons.home_folder()
    if not (home / "bin/hadoop").exists():
        raise UsageError("there is no cluster", str(home), "crawlmill hadoop up")
    return home
