"""Plots: a table and a few words about how to draw it.

The table is the truth; the words name columns. So a plot can be drawn by any
viewer, drawn anew in another way, and compared across runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tracker.values.content import Media, Record
from tracker.values.curves import confusion_counts, interpolate_precision, pr_points, roc_points, score_matrix
from tracker.values.sink import MediaSink
from tracker.values.table import Table
from vcs.errors import NotFoundError
from vcs.names import near


class Plot(Media):
    """A table, drawn in one of the ways that viewers know.

    Attributes:
        table: What is drawn.
        kind: line, scatter, bar, histogram, confusion_matrix, pr_curve, roc_curve or custom.
        fields: Which column plays which part, such as `{"x": "step", "y": "loss"}`.
    """

    record_type: ClassVar[str] = "plot"
    group_type: ClassVar[str] = "plots"

    def __init__(
        self,
        kind: str,
        table: Table,
        fields: Mapping[str, str],
        *,
        title: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe a plot of columns that the table has.

        Raises:
            TypeError: The table is no Table.
            NotFoundError: It lacks a column.
        """
        if not isinstance(table, Table):
            raise TypeError(f"a plot needs a Table, not {type(table).__name__}")
        columns = [str(column) for column in table.columns]
        for part, column in fields.items():
            if column not in columns:
                raise NotFoundError(
                    f"the plot's {part} is the column {column!r}, which the table lacks",
                    hint=near(column, columns) or f"its columns are {', '.join(columns)}",
                )
        self.kind = kind
        self.table = table
        self.fields = dict(fields)
        self.title = None if title is None else str(title)
        self._extra = dict(extra or {})

    def freeze(self) -> Plot:
        """Return the plot of the table as it is now."""
        copy = Plot.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.table = self.table.freeze()
        return copy

    def to_record(self, sink: MediaSink) -> Record:
        """Put the table into the sink and return it with the words around it."""
        record: Record = {"_type": self.record_type, "kind": self.kind, "table": self.table.to_record(sink)}
        if self.title:
            record["title"] = self.title
        return record | self.fields | self._extra


def line(
    table: Table,
    x: str,
    y: str,
    stroke: str | None = None,
    title: str | None = "",
    split_table: bool = False,
) -> Plot:
    """Draw `y` over `x` as a line, one for each value of the column `stroke` if given.

    Here and below `split_table` is accepted as wandb does and changes nothing: the
    table lies beside the plot anyway.
    """
    fields = {"x": x, "y": y} | ({"stroke": stroke} if stroke else {})
    return Plot("line", table, fields, title=title)


def scatter(table: Table, x: str, y: str, title: str | None = "", split_table: bool = False) -> Plot:
    """Draw a point at (`x`, `y`) for each row."""
    return Plot("scatter", table, {"x": x, "y": y}, title=title)


def bar(table: Table, label: str, value: str, title: str | None = "", split_table: bool = False) -> Plot:
    """Draw a bar of the height `value` for each row, named by `label`."""
    return Plot("bar", table, {"x": label, "y": value}, title=title)


def histogram(table: Table, value: str, title: str | None = "", split_table: bool = False) -> Plot:
    """Draw how often values of the column fall into bins."""
    return Plot("histogram", table, {"x": value}, title=title)


def line_series(
    xs: Sequence[Any],
    ys: Sequence[Sequence[Any]],
    keys: Sequence[str] | None = None,
    title: str | None = "",
    xname: str = "x",
    split_table: bool = False,
) -> Plot:
    """Draw several lines.

    Args:
        xs: The x of all lines, or a list of them for each line.
        ys: The y of each line.
        keys: The name of each line; line_0, line_1, … if not given.
        title: Of the plot.
        xname: Of the x axis.
        split_table: See `line`.

    Raises:
        ValueError: The numbers of lines, names or points do not fit each other.
    """
    lines = [list(points) for points in ys]
    axes = list(xs)
    shared = not axes or not hasattr(axes[0], "__iter__") or isinstance(axes[0], str)
    each = [axes] * len(lines) if shared else [list(points) for points in axes]
    names = [f"line_{i}" for i in range(len(lines))] if keys is None else [str(key) for key in keys]
    if not len(lines) == len(each) == len(names):
        raise ValueError(f"{len(lines)} lines, {len(each)} lists of x and {len(names)} names do not fit")
    rows = []
    for name, x_points, y_points in zip(names, each, lines, strict=True):
        if len(x_points) != len(y_points):
            raise ValueError(f"the line {name!r} has {len(x_points)} x for {len(y_points)} y")
        rows += [[x, name, y] for x, y in zip(x_points, y_points, strict=True)]
    table = Table(columns=["step", "lineKey", "lineVal"], data=rows)
    fields = {"x": "step", "y": "lineVal", "stroke": "lineKey"}
    return Plot("line", table, fields, title=title, extra={"xname": xname})


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> Plot:
    """Count how often each class was taken for each.

    Args:
        probs: Scores, (samples, classes); the highest counts as the prediction.
        y_true: The true classes: their numbers, or their names if these are given.
        preds: The predicted classes, instead of `probs`.
        class_names: Names of the classes; Class_1, Class_2, … if not given.
        title: Of the plot.
        split_table: See `line`.

    Raises:
        ValueError: Both or none of `probs` and `preds`, other lengths, a class beyond
            the names.
    """
    names, counts = confusion_counts(probs, y_true, preds, class_names)
    rows = [
        [names[actual], names[predicted], counts[actual][predicted]]
        for actual in range(len(names))
        for predicted in range(len(names))
    ]
    table = Table(columns=["Actual", "Predicted", "nPredictions"], data=rows)
    fields = {"x": "Predicted", "y": "Actual", "value": "nPredictions"}
    return Plot("confusion_matrix", table, fields, title=title)


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> Plot:
    """Draw precision over recall for each class, as one against the rest.

    Args:
        y_true: The true classes.
        y_probas: Scores, (samples, classes), columns in the order of the sorted
            classes; or (samples,) for the second of two.
        labels: Names of the classes, by number.
        classes_to_plot: Those to draw; all if not given.
        interp_size: The number of recalls, from 1 down to 0, at which precision is
            recorded: the best precision at this recall or a higher one.
        title: Of the plot.
        split_table: See `line`.

    Raises:
        ValueError: Other lengths or shapes.
    """
    rows = []
    for name, is_class, scores in score_matrix(y_true, y_probas, labels, classes_to_plot):
        precision, recall = pr_points(is_class, scores)
        rows += [[name, r, p] for r, p in interpolate_precision(precision, recall, interp_size)]
    table = Table(columns=["class", "recall", "precision"], data=rows)
    fields = {"x": "recall", "y": "precision", "stroke": "class"}
    return Plot("pr_curve", table, fields, title=title)


def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> Plot:
    """Draw the true positive rate over the false positive rate for each class.

    Arguments and errors are those of `pr_curve`. Points in the middle of a straight
    piece are left out; the curve is exact.
    """
    rows = []
    for name, is_class, scores in score_matrix(y_true, y_probas, labels, classes_to_plot):
        rows += [[name, x, y] for x, y in roc_points(is_class, scores)]
    table = Table(columns=["class", "fpr", "tpr"], data=rows)
    fields = {"x": "fpr", "y": "tpr", "stroke": "class"}
    return Plot("roc_curve", table, fields, title=title)


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: Mapping[str, str],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> Plot:
    """Draw a table by a specification of wandb's, named such as `wandb/area-under-curve/v0`.

    The name, the fields and the texts are recorded; a viewer that does not know the
    specification shows the table.

    Raises:
        NotFoundError: A field is no column of the table.
    """
    extra = {"spec": str(vega_spec_name), "fields": dict(fields), "strings": dict(string_fields or {})}
    checked = Plot("custom", data_table, fields, title=(string_fields or {}).get("title"), extra=extra)
    # The names of the parts are the specification's own and could be anything: they stay together.
    checked.fields = {}
    return checked


def visualize(id: str, value: Table) -> Plot:
    """Draw a table by a specification of wandb's whose fields have the names of the columns."""
    return plot_table(id, value, {str(column): str(column) for column in value.columns})
