"""Plots: a table and the names of its columns; curves as scikit-learn computes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracker.plot as plot
from tests.tracker.values.conftest import Place
from tracker.values.curves import interpolate_precision, pr_points, roc_points
from tracker.values.plots import Plot
from tracker.values.table import Table
from vcs.errors import NotFoundError

TABLE = Table(["x", "y", "name"], [[1, 2.0, "a"], [2, 3.0, "b"]])


@pytest.mark.parametrize(
    ("made", "kind", "fields"),
    [
        (plot.line(TABLE, "x", "y", title="t"), "line", {"x": "x", "y": "y"}),
        (
            plot.line(TABLE, "x", "y", stroke="name", title="t"),
            "line",
            {"x": "x", "y": "y", "stroke": "name"},
        ),
        (plot.scatter(TABLE, "x", "y", "t"), "scatter", {"x": "x", "y": "y"}),
        (plot.bar(TABLE, "name", "y", "t"), "bar", {"x": "name", "y": "y"}),
        (plot.histogram(TABLE, "y", title="t"), "histogram", {"x": "y"}),
    ],
    ids=["line", "lines", "scatter", "bar", "histogram"],
)
def test_a_plot_is_its_table_and_the_names_of_columns(
    place: Place, made: Plot, kind: str, fields: dict[str, str]
) -> None:
    """Positional order as wandb has it."""
    record = made.to_record(place.sink)
    table = record.pop("table")
    assert record == {"_type": "plot", "kind": kind, "title": "t"} | fields
    assert place.json(table)["data"] == [[1, 2.0, "a"], [2, 3.0, "b"]]


def test_a_column_that_the_table_lacks_is_named() -> None:
    """With what it has."""
    with pytest.raises(NotFoundError, match="'loss'"):
        plot.line(TABLE, "x", "loss")
    with pytest.raises(TypeError, match="Table"):
        plot.line([[1, 2]], "x", "y")  # type: ignore[arg-type]


def test_rows_added_after_log_are_not_in_the_plot(place: Place) -> None:
    """The table is frozen with it."""
    table = Table(["x", "y"], [[1, 2]])
    logged = plot.line(table, "x", "y").freeze()
    table.add_data(3, 4)
    assert place.json(logged.to_record(place.sink)["table"])["data"] == [[1, 2]]


def test_several_lines_share_one_table(place: Place) -> None:
    """With one x for all, or one for each."""
    shared = plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["a", "b"], title="t", xname="epoch")
    record = shared.to_record(place.sink)
    assert place.json(record["table"])["data"] == [[0, "a", 1], [1, "a", 2], [0, "b", 3], [1, "b", 4]]
    assert (record["x"], record["y"], record["stroke"], record["xname"]) == (
        "step",
        "lineVal",
        "lineKey",
        "epoch",
    )
    each = plot.line_series([[0], [5, 6]], [[1], [3, 4]])
    assert each.table.data == [[0, "line_0", 1], [5, "line_1", 3], [6, "line_1", 4]]


def test_lines_that_do_not_fit_are_refused() -> None:
    """In number or in length."""
    with pytest.raises(ValueError, match="fit"):
        plot.line_series([[0]], [[1], [2]])
    with pytest.raises(ValueError, match="'a'"):
        plot.line_series([0, 1], [[1]], keys=["a"])


def test_a_custom_chart_keeps_its_specification(place: Place) -> None:
    """ultralytics names wandb's own."""
    made = plot.plot_table("wandb/area-under-curve/v0", TABLE, {"x": "x", "y": "y"}, {"title": "t"})
    record = made.to_record(place.sink)
    del record["table"]
    assert record == {
        "_type": "plot",
        "kind": "custom",
        "title": "t",
        "spec": "wandb/area-under-curve/v0",
        "fields": {"x": "x", "y": "y"},
        "strings": {"title": "t"},
    }


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_a_confusion_matrix_is_that_of_scikit_learn(classes: int, samples: int, seed: int) -> None:
    """From predictions and from scores."""
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(seed)
    actual = random.integers(0, classes, samples)
    scores = random.random((samples, classes))
    predicted = scores.argmax(axis=1)
    expected = metrics.confusion_matrix(actual, predicted, labels=range(classes)).ravel().tolist()
    names = [f"c{i}" for i in range(classes)]

    from_preds = plot.confusion_matrix(preds=predicted, y_true=actual, class_names=names)
    from_probs = plot.confusion_matrix(scores, actual, class_names=names)
    by_name = plot.confusion_matrix(
        preds=[names[i] for i in predicted], y_true=[names[i] for i in actual], class_names=names
    )

    for made in (from_preds, from_probs, by_name):
        assert made.table.get_column("nPredictions") == expected
        assert made.table.get_column("Actual")[:classes] == ["c0"] * classes


def test_classes_without_names_are_numbered_from_one() -> None:
    """As wandb does."""
    made = plot.confusion_matrix(preds=[0, 1], y_true=[0, 0])
    assert made.table.data == [
        ["Class_1", "Class_1", 1],
        ["Class_1", "Class_2", 1],
        ["Class_2", "Class_1", 0],
        ["Class_2", "Class_2", 0],
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"y_true": [0]},
        {"probs": [[1.0]], "preds": [0], "y_true": [0]},
        {"preds": [0]},
        {"preds": [0, 1], "y_true": [0]},
        {"preds": [2], "y_true": [0], "class_names": ["a", "b"]},
        {"preds": ["z"], "y_true": ["a"], "class_names": ["a"]},
        {"preds": ["a"], "y_true": ["a"]},
        {"preds": [-1], "y_true": [0]},
        {"preds": [0.5], "y_true": [0]},
        {"probs": [0.5], "y_true": [0]},
    ],
    ids=str,
)
def test_a_confusion_that_cannot_be_counted_is_refused(arguments: dict[str, object]) -> None:
    """One sentence for each."""
    with pytest.raises(ValueError):
        plot.confusion_matrix(**arguments)  # type: ignore[arg-type]


binary = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(binary)
def test_the_roc_curve_is_that_of_scikit_learn(samples: list[tuple[bool, int]]) -> None:
    """With many equal scores, which is where implementations differ."""
    metrics = pytest.importorskip("sklearn.metrics")
    is_class = np.array([sample[0] for sample in samples])
    scores = np.array([sample[1] for sample in samples]) / 8
    if is_class.all() or not is_class.any():
        return
    fpr, tpr, _ = metrics.roc_curve(is_class, scores, drop_intermediate=False)
    points = np.array(roc_points(is_class, scores))
    # Ours leaves out what lies on a straight line, so it is a subset that bounds the same area.
    assert {tuple(point) for point in points.round(12)} <= set(
        zip(fpr.round(12).tolist(), tpr.round(12).tolist(), strict=True)
    )
    assert metrics.auc(points[:, 0], points[:, 1]) == pytest.approx(metrics.roc_auc_score(is_class, scores))
    assert (points[0].tolist(), points[-1].tolist()) == ([0.0, 0.0], [1.0, 1.0])


@settings(max_examples=150, deadline=None)
@given(binary)
def test_precision_and_recall_are_those_of_scikit_learn(samples: list[tuple[bool, int]]) -> None:
    """At every threshold."""
    metrics = pytest.importorskip("sklearn.metrics")
    is_class = np.array([sample[0] for sample in samples])
    scores = np.array([sample[1] for sample in samples]) / 8
    if not is_class.any():
        return
    precision, recall, _ = metrics.precision_recall_curve(is_class, scores)
    ours = pr_points(is_class, scores)
    assert np.allclose(ours[0], precision[::-1])
    assert np.allclose(ours[1], recall[::-1])


@settings(max_examples=100, deadline=None)
@given(binary, st.integers(2, 30))
def test_the_recorded_precision_is_the_best_at_this_recall_or_more(
    samples: list[tuple[bool, int]], size: int
) -> None:
    """By definition, computed the slow way."""
    is_class = np.array([sample[0] for sample in samples])
    precision, recall = pr_points(is_class, np.array([sample[1] for sample in samples]))
    for wanted, best in interpolate_precision(precision, recall, size):
        assert best == max(p for p, r in zip(precision, recall, strict=True) if r >= wanted - 1e-12)


def test_curves_are_drawn_for_each_class() -> None:
    """With labels, and for chosen classes."""
    y_true = [0, 1, 2, 1]
    probas = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.3, 0.4, 0.3]]
    roc = plot.roc_curve(y_true, probas, labels=["a", "b", "c"])
    assert sorted(set(roc.table.get_column("class"))) == ["a", "b", "c"]
    pr = plot.pr_curve(y_true, probas, classes_to_plot=[1], interp_size=3)
    assert pr.table.data == [[1, 1.0, 1.0], [1, 0.5, 1.0], [1, 0.0, 1.0]]


def test_a_class_without_samples_has_its_column() -> None:
    """The scores say how many classes there are."""
    roc = plot.roc_curve([0, 1], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], labels=["a", "b", "c"])
    assert sorted(set(roc.table.get_column("class"))) == ["a", "b", "c"]


def test_scores_of_two_classes_may_be_one_column() -> None:
    """Those of the second class."""
    one = plot.roc_curve([0, 1, 1], [0.1, 0.8, 0.4]).table.data
    two = plot.roc_curve([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]).table.data
    assert one == two


@pytest.mark.torch
def test_tensors_are_taken() -> None:
    """On their way through autograd."""
    torch = pytest.importorskip("torch")
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
    labels = torch.tensor([0, 1])
    assert plot.confusion_matrix(probs=logits, y_true=labels).table.get_column("nPredictions") == [1, 0, 0, 1]
    assert plot.roc_curve(labels, logits.softmax(1)).table.data


@pytest.mark.parametrize(
    ("y_true", "y_probas"),
    [(None, [[1.0]]), ([0], None), ([], []), ([0, 1], [[1.0, 0.0]]), ([5, 6, 7], [[1, 0]] * 3)],
)
def test_curves_of_nothing_are_refused(y_true: object, y_probas: object) -> None:
    """One sentence for each."""
    with pytest.raises(ValueError):
        plot.roc_curve(y_true, y_probas)
