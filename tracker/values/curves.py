"""The arithmetic of classifier plots: counts, precision and recall, ROC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tracker.values.arrays import Array, TakenArray, import_numpy, is_array


def confusion_counts(
    probs: Any, y_true: Any, preds: Any, class_names: Sequence[str] | None
) -> tuple[list[str], list[list[int]]]:
    """Return the names of the classes and counts[actual][predicted].

    Raises:
        ValueError: As `plots.confusion_matrix`.
    """
    numpy = import_numpy("a confusion matrix")
    if (probs is None) == (preds is None):
        raise ValueError("a confusion matrix needs either probs or preds")
    if y_true is None:
        raise ValueError("a confusion matrix needs y_true")
    if probs is not None:
        scores = as_array(probs)
        if scores.ndim != 2:
            raise ValueError(f"probs has the shape (samples, classes), not {scores.shape}")
        predicted = scores.argmax(axis=1)
    else:
        predicted = as_array(preds)
    actual = as_array(y_true)
    if actual.shape != predicted.shape or actual.ndim != 1:
        raise ValueError(
            f"y_true and predictions are as long as each other, not {actual.shape}, {predicted.shape}"
        )
    names = None if class_names is None else [str(name) for name in class_names]
    actual, predicted = _class_numbers(actual, names), _class_numbers(predicted, names)
    least = max((int(part.max()) + 1 for part in (actual, predicted) if part.size), default=0)
    if probs is not None:
        least = max(least, scores.shape[1])
    names = [f"Class_{i + 1}" for i in range(least)] if names is None else names
    if least > len(names):
        raise ValueError(f"class {least - 1} has no name: there are {len(names)} class_names")
    counts = numpy.zeros((len(names), len(names)), dtype=numpy.int64)
    numpy.add.at(counts, (actual, predicted), 1)
    return names, counts.tolist()


def score_matrix(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, classes_to_plot: Sequence[Any] | None
) -> Iterator[tuple[Any, Array, Array]]:
    """Yield (name, whether each sample is of the class, its scores) for each class to plot.

    Raises:
        ValueError: As `plots.pr_curve`.
    """
    numpy = import_numpy("a curve")
    if y_true is None or y_probas is None:
        raise ValueError("a curve needs y_true and y_probas")
    actual, scores = as_array(y_true), as_array(y_probas)
    if scores.ndim == 1:
        scores = numpy.stack([1 - scores, scores], axis=1)
    if actual.ndim != 1 or scores.ndim != 2 or len(actual) != len(scores):
        raise ValueError(
            f"y_true is (samples,) and y_probas (samples, classes), not {actual.shape} and {scores.shape}"
        )
    if not len(actual):
        raise ValueError("a curve needs at least one sample")
    classes = _classes(actual, scores.shape[1])
    wanted = set(classes if classes_to_plot is None else _as_list(classes_to_plot))
    for column, value in enumerate(classes):
        if value in wanted:
            yield _label(labels, column, value), actual == value, scores[:, column].astype(numpy.float64)


def pr_points(is_class: Array, scores: Array) -> tuple[Array, Array]:
    """Return precision and recall at every threshold, from the highest down, and where recall is 0.

    Without a sample of the class recall is 1 everywhere, as scikit-learn has it.
    """
    import numpy

    hits, misses = _counts_by_threshold(is_class, scores)
    precision = hits / (hits + misses)
    recall = hits / hits[-1] if hits[-1] else numpy.ones(len(hits))
    return numpy.concatenate([[1.0], precision]), numpy.concatenate([[0.0], recall])


def interpolate_precision(precision: Array, recall: Array, size: int) -> list[tuple[float, float]]:
    """Return (recall, precision) at `size` recalls from 1 down to 0.

    The precision at a recall is the best at this recall or a higher one.
    """
    import numpy

    best = numpy.maximum.accumulate(precision[::-1])[::-1]
    wanted = numpy.linspace(1, 0, size)
    # The first point that reaches the recall; a hair of tolerance for the division above.
    places = numpy.searchsorted(recall, wanted - 1e-12, side="left").clip(0, len(recall) - 1)
    return list(zip(wanted.tolist(), best[places].tolist(), strict=True))


def roc_points(is_class: Array, scores: Array) -> list[tuple[float, float]]:
    """Return the corners of the ROC curve, from (0, 0) to (1, 1)."""
    import numpy

    hits, misses = _counts_by_threshold(is_class, scores)
    if len(hits) > 2:
        # Counts are whole, so the second difference is exactly 0 on a straight piece.
        bends = (numpy.diff(hits, 2) != 0) | (numpy.diff(misses, 2) != 0)
        keep = numpy.concatenate([[True], bends, [True]])
        hits, misses = hits[keep], misses[keep]
    tpr = hits / hits[-1] if hits[-1] else numpy.full(len(hits), numpy.nan)
    fpr = misses / misses[-1] if misses[-1] else numpy.full(len(misses), numpy.nan)
    start = (0.0 if misses[-1] else float("nan"), 0.0 if hits[-1] else float("nan"))
    return [start, *zip(fpr.tolist(), tpr.tolist(), strict=True)]


def as_array(values: Any) -> Array:
    """Return a 1- or 2-dimensional array of numbers or names."""
    numpy = import_numpy("a plot")
    if is_array(values) and "str" not in str(values.dtype) and str(values.dtype) != "object":
        return TakenArray(values).numpy()
    return numpy.asarray(_as_list(values))


def _counts_by_threshold(is_class: Array, scores: Array) -> tuple[Array, Array]:
    """Return, for each distinct score from the highest down, how many samples of the class reach it
    and how many others do."""
    import numpy

    order = numpy.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = numpy.concatenate([numpy.flatnonzero(numpy.diff(ranked)), [len(ranked) - 1]])
    hits = numpy.cumsum(is_class[order].astype(numpy.int64))[ends]
    return hits, ends + 1 - hits


def _class_numbers(values: Array, names: list[str] | None) -> Array:
    """Return numbers of classes; names are looked up."""
    import numpy

    if values.dtype.kind in "US" or values.dtype == object:
        if names is None:
            raise ValueError("classes given by name need class_names")
        numbers = {name: number for number, name in enumerate(names)}
        unknown = sorted({str(value) for value in values.tolist()} - set(numbers))
        if unknown:
            raise ValueError(f"not among class_names: {', '.join(unknown[:5])}")
        return numpy.array([numbers[str(value)] for value in values.tolist()], dtype=numpy.int64)
    whole: Array = values.astype(numpy.int64)
    if (whole != values).any() or (whole < 0).any():
        raise ValueError("classes are given by whole numbers from 0, or by name")
    return whole


def _classes(actual: Array, columns: int) -> list[Any]:
    """Return the class of each column of scores."""
    import numpy

    found: list[Any] = numpy.unique(actual).tolist()
    if len(found) == columns:
        return found
    whole = all(isinstance(value, (int, float)) and value == int(value) for value in found)
    if whole and found[0] >= 0 and found[-1] < columns:
        # A class that no sample has still has its column.
        return list(range(columns))
    raise ValueError(f"y_probas has {columns} columns for {len(found)} classes in y_true")


def _label(labels: Sequence[str] | None, column: int, value: Any) -> Any:
    if labels is None:
        return value
    given = list(labels)
    number = value if isinstance(value, int) and 0 <= value < len(given) else column
    return given[number] if number < len(given) else value


def _as_list(values: Any) -> list[Any]:
    listed: list[Any] = values.tolist() if hasattr(values, "tolist") else list(values)
    return listed
