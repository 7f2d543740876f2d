"""Graphs made by hand."""

from __future__ import annotations

import pytest

from tests.tracker.values.conftest import Place
from tracker.values.graph import Graph


def test_a_graph_is_kept_as_a_file_of_nodes_and_edges(place: Place) -> None:
    graph = Graph()
    first = graph.add_node(id="in", class_name="Input", size=(3, 4))
    graph.add_node({"name": "dense"}, num_parameters=12)
    graph.add_edge(first, "dense")

    record = graph.to_record(place.sink)

    assert (record["_type"], record["nodes"], record["edges"]) == ("graph-file", 2, 1)
    kept = place.json(record)
    assert kept["edges"] == [["in", "dense"]]
    assert kept["nodes"][0] == {"id": "in", "class_name": "Input", "size": [3, 4]}
    assert graph["dense"]["num_parameters"] == 12


@pytest.mark.parametrize("node", [{}, {"id": "in"}])
def test_a_node_needs_an_id_of_its_own(node: dict[str, str]) -> None:
    graph = Graph()
    graph.add_node(id="in")
    with pytest.raises(ValueError, match="id of its own"):
        graph.add_node(node)


def test_a_node_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Graph()["nothing"]


def test_what_is_added_after_log_is_not_in_what_was_logged() -> None:
    graph = Graph()
    frozen = graph.freeze()
    graph.add_node(id="late")
    assert frozen.nodes == []
