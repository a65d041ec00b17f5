"""Whether a daemon of a local cluster does its work: asked at the pages that the daemons have for people."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from crawlmill.cluster.settings import HOST, kind_of


def ready(name: str, ports: Mapping[str, int], since: float) -> bool:
    """Whether a daemon is known to those that it works for.

    Args:
        name: of the daemon.
        ports: of the cluster.
        since: Unix time of its start: the ResourceManager knows a NodeManager for a while after it has ended.
    """
    kind = kind_of(name)
    try:
        if kind == "namenode":
            state = _ask(ports[f"{name}_http"], "jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")
            return bool(state["beans"][0]["FSState"] == "Operational")
        if kind == "datanode":
            state = _ask(ports[f"{name}_http"], "jmx?qry=Hadoop:service=DataNode,name=DataNodeInfo")
            actors = json.loads(state["beans"][0]["BPServiceActorInfo"])
            return bool(actors) and all(actor["ActorState"] == "RUNNING" for actor in actors)
        if kind == "resourcemanager":
            return bool(_ask(ports[f"{name}_http"], "ws/v1/cluster/info")["clusterInfo"]["state"] == "STARTED")
        if kind == "nodemanager":
            nodes = _ask(ports["resourcemanager_http"], "ws/v1/cluster/nodes?states=RUNNING")["nodes"]["node"]
            return any(
                node["id"].endswith(f":{ports[name]}") and node["lastHealthUpdate"] >= since * 1000 for node in nodes
            )
        return "historyInfo" in _ask(ports[f"{name}_http"], "ws/v1/history/info")
    except (OSError, ValueError, KeyError, IndexError, TypeError):  # not yet there, or not yet all of its answer
        return False


def _ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://{HOST}:{port}/{path}", timeout=5) as answer:
        return json.load(answer)
