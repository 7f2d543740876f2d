"""Lineage as a graph for a page: versions and runs, and what leads to what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker.read.lineage import Lineage, Step
from tracker.storage.catalog import RunEntry

# Beyond this a picture is unreadable; how many are left out is said.
_MOST_NODES = 80
_MOST_OUTPUTS = 6


@dataclass
class _Graph:
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)
    left_out: int = 0

    def version(self, name: str) -> str | None:
        return self._node(f"version {name}", {"kind": "version", "name": name})

    def run(self, entry: RunEntry) -> str | None:
        head = entry.head
        key = f"{head.project}/{head.id}"
        about = {"kind": "run", "key": key, "name": head.name or head.id, "state": entry.state}
        return self._node(f"run {key}", about)

    def edge(self, start: str | None, end: str | None) -> None:
        if start is not None and end is not None:
            self.edges[start, end] = None

    def _node(self, key: str, about: dict[str, Any]) -> str | None:
        if key not in self.nodes:
            if len(self.nodes) >= _MOST_NODES:
                self.left_out += 1
                return None
            self.nodes[key] = {"id": key, **about}
        return key


def graph_of(lineage: Lineage) -> dict[str, Any]:
    """Return what led to a version, the runs that used it, and what these made."""
    graph = _Graph()
    here = _upstream(graph, lineage.made)
    for entry in lineage.used_by:
        user = graph.run(entry)
        graph.edge(here, user)
        made = list(dict.fromkeys(f"{one.artifact}:{one.version}" for one in entry.record.logged))
        # The last ones are what a training ended with.
        for name in made[-_MOST_OUTPUTS:]:
            graph.edge(user, graph.version(name))
        graph.left_out += max(0, len(made) - _MOST_OUTPUTS)
    return {
        "here": here,
        "nodes": list(graph.nodes.values()),
        "edges": [list(edge) for edge in graph.edges],
        "left_out": graph.left_out,
    }


def _upstream(graph: _Graph, step: Step) -> str | None:
    node = graph.version(step.version)
    if step.run is not None:
        maker = graph.run(step.run)
        graph.edge(maker, node)
        for one in step.inputs:
            graph.edge(_upstream(graph, one), maker)
    return node
