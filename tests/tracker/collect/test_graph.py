"""The graph of a model, from its first forward."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.collect.graph import GraphCollector

torch = pytest.importorskip("torch")
nn = torch.nn


class LeNet(nn.Module):  # type: ignore[misc, name-defined]
    """Functions between the modules, a shared module, and a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.hidden = nn.Linear(4 * 13 * 13, 8)
        self.same = nn.Linear(8, 8)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Any, scale: float = 1.0) -> Any:
        x = torch.flatten(self.features(x), 1)
        hidden = torch.relu(self.hidden(x))
        return self.head(hidden + self.same(hidden) * scale)


def graph_of(model: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
    done: list[dict[str, Any]] = []
    collector = GraphCollector(model, done.append)
    model(*arguments, **keywords)
    model(*arguments, **keywords)
    assert done == [collector.record]
    return done[0]


def test_nodes_have_class_shapes_and_parameter_counts() -> None:
    """In the order of `named_modules`, the model itself first."""
    model = LeNet()
    model.same.requires_grad_(False)

    graph = graph_of(model, torch.ones(2, 1, 28, 28))

    nodes = {node["name"]: node for node in graph["nodes"]}
    assert (graph["_type"], graph["name"]) == ("graph", "LeNet")
    assert graph["parameters"] == sum(p.numel() for p in model.parameters())
    assert list(nodes) == [name for name, _ in model.named_modules()]
    assert nodes["features.0"] == {
        "name": "features.0",
        "class_name": "Conv2d",
        "parameters": 40,
        "trained_parameters": 40,
        "inputs": [[2, 1, 28, 28]],
        "outputs": [[2, 4, 26, 26]],
    }
    assert (nodes["same"]["parameters"], nodes["same"]["trained_parameters"]) == (72, 0)
    assert nodes[""]["outputs"] == [[2, 10]]


def test_edges_go_through_functions_and_in_place_modules() -> None:
    """`flatten`, `relu` and `+` are no modules, yet what flows through them is seen."""
    graph = graph_of(LeNet(), torch.ones(2, 1, 28, 28))

    assert {tuple(edge) for edge in graph["edges"]} == {
        ("features.0", "features.1"),
        ("features.1", "features.2"),
        ("features.2", "hidden"),
        ("hidden", "same"),
        ("hidden", "head"),
        ("same", "head"),
    }


def test_without_autograd_direct_edges_are_seen() -> None:
    """Nothing is guessed about the rest."""
    with torch.no_grad():
        graph = graph_of(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), torch.ones(1, 2))

    assert graph["edges"] == [["0", "1"]]


def test_inputs_by_keyword_and_outputs_in_structures_are_seen() -> None:
    """As the models of transformers pass them."""

    class Inner(nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, *, hidden: Any) -> dict[str, Any]:
            return {"state": [hidden * 2, (hidden, None)]}

    class Outer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.inner, self.last = nn.Linear(2, 2), Inner(), nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return self.last(self.inner(hidden=self.first(x))["state"][0])

    graph = graph_of(Outer(), torch.ones(1, 2))

    assert graph["edges"] == [["first", "inner"], ["inner", "last"]]
    assert graph["nodes"][2]["outputs"] == [[1, 2], [1, 2]]


def test_a_module_used_twice_is_one_node() -> None:
    """A recurrent use shows as an edge from the module to itself."""

    class Twice(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return self.cell(self.cell(x))

    graph = graph_of(Twice(), torch.ones(1, 2))

    assert [node["name"] for node in graph["nodes"]] == ["", "cell"]
    assert graph["edges"] == [["cell", "cell"]]


def test_attention_whose_inner_module_is_not_called_is_a_node_of_its_own() -> None:
    """Edges end at the innermost module that was called."""

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(4)
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: Any) -> Any:
            x = self.norm(x)
            return self.attention(x, x, x, need_weights=False)[0]

    graph = graph_of(Block(), torch.ones(1, 3, 4))

    assert graph["edges"] == [["norm", "attention"]]


def test_other_models_do_not_end_the_waiting() -> None:
    """The hook hears all modules of the process and looks at its own alone."""
    done: list[Any] = []
    collector = GraphCollector(nn.Linear(2, 2), done.append)
    nn.Linear(2, 2)(torch.ones(1, 2))
    assert done == []
    collector.remove()


def test_the_hook_goes_when_the_model_goes() -> None:
    """A model that was never called leaves nothing behind."""
    hooks = torch.nn.modules.module._global_forward_hooks
    before = len(hooks)
    model = nn.Linear(2, 2)
    collector = GraphCollector(model, lambda record: None)
    assert len(hooks) == before + 1

    del model

    assert len(hooks) == before
    assert not torch.nn.modules.module._has_any_global_hook()
    assert collector.is_done


def test_the_output_is_not_changed_and_nothing_is_kept() -> None:
    """The forward gives what it gives; intermediate values are let go."""
    model = LeNet()
    x = torch.ones(1, 1, 28, 28)
    expected = model(x)
    collector = GraphCollector(model, lambda record: None)

    assert torch.equal(model(x), expected)
    assert collector._made == {}
    assert collector._made_by_node == {}
