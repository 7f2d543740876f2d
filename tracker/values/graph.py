"""Graphs of models, made by hand or from a Keras model; `watch(log_graph=True)` makes its own."""

from __future__ import annotations

from typing import Any, ClassVar

from tracker.values.content import Media, Record, file_record
from tracker.values.json_text import json_bytes
from tracker.values.scalars import plain
from tracker.values.sink import MediaSink


class Graph(Media):
    """Nodes, each a dictionary with an `id`, and edges between them.

    Attributes:
        format: keras or torch: what the nodes are called after.
        nodes: The nodes, in the order in which they were added.
        edges: Pairs of ids.
    """

    record_type: ClassVar[str] = "graph-file"
    group_type: ClassVar[str] = "graphs"

    def __init__(self, format: str = "keras") -> None:
        """Begin an empty graph."""
        self.format = format
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[tuple[Any, Any]] = []

    def __getitem__(self, node_id: Any) -> dict[str, Any]:
        for node in self.nodes:
            if node["id"] == node_id:
                return node
        raise KeyError(node_id)

    def add_node(self, node: dict[str, Any] | None = None, **node_kwargs: Any) -> dict[str, Any]:
        """Add a node, given as a dictionary or by its attributes (id, name, class_name, …); return it.

        Raises:
            ValueError: Its id is missing or taken.
        """
        made = {**(node or {}), **node_kwargs}
        made.setdefault("id", made.get("name"))
        if made["id"] is None or any(known["id"] == made["id"] for known in self.nodes):
            raise ValueError(f"a node needs an id of its own, not {made['id']!r}")
        self.nodes.append(made)
        return made

    def add_edge(self, from_node: Any, to_node: Any) -> None:
        """Add an edge between two nodes, given as such or by id."""
        ends = [node["id"] if isinstance(node, dict) else node for node in (from_node, to_node)]
        self.edges.append((ends[0], ends[1]))

    @classmethod
    def from_keras(cls, model: Any) -> Graph:
        """Return the layers of a Keras model, and which one takes its input from which."""
        graph = cls("keras")
        before: Any = None
        owners: dict[int, str] = {}
        for layer in model.layers:
            graph.add_node(_layer(layer))
            inputs = [id(tensor) for tensor in _listed(layer, "input")]
            sources = {owners[one] for one in inputs if one in owners} or ({before} if before else set())
            for source in sorted(sources):
                graph.add_edge(source, layer.name)
            owners.update((id(tensor), layer.name) for tensor in _listed(layer, "output"))
            before = layer.name
        return graph

    @classmethod
    def of_json(cls, kept: Any) -> Graph:
        """Return the graph that was kept as a file.

        Raises:
            ValueError: It is no graph.
        """
        if not isinstance(kept, dict) or not isinstance(kept.get("nodes"), list):
            raise ValueError("not a graph")
        graph = cls(str(kept.get("format", "keras")))
        for node in kept["nodes"]:
            graph.add_node(node)
        for start, end in kept.get("edges", []):
            graph.add_edge(start, end)
        return graph

    def freeze(self) -> Graph:
        """Return the graph as it is now."""
        copy = Graph(self.format)
        copy.nodes, copy.edges = [dict(node) for node in self.nodes], list(self.edges)
        return copy

    def to_record(self, sink: MediaSink) -> Record:
        """Put nodes and edges into the sink as one JSON file."""
        nodes = [{str(name): plain(value, sink) for name, value in node.items()} for node in self.nodes]
        edges = [list(edge) for edge in self.edges]
        data = json_bytes({"format": self.format, "nodes": nodes, "edges": edges})
        stored = sink.put_bytes(data, folder="graph", suffix=".graph.json")
        return file_record(self.record_type, stored) | {"nodes": len(nodes), "edges": len(edges)}


def _layer(layer: Any) -> dict[str, Any]:
    shapes = [list(tensor.shape) for tensor in _listed(layer, "output")]
    return {
        "id": layer.name,
        "name": layer.name,
        "class_name": type(layer).__name__,
        "output_shape": shapes[0] if len(shapes) == 1 else shapes,
        "num_parameters": int(layer.count_params()) if getattr(layer, "built", True) else None,
    }


def _listed(layer: Any, name: str) -> list[Any]:
    # A layer that was never called has neither.
    try:
        found = getattr(layer, name)
    except (AttributeError, ValueError):
        return []
    return list(found) if isinstance(found, (list, tuple)) else [found]
