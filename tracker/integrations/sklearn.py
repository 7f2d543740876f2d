"""Plots of scikit-learn models: each function computes a table, draws it and logs it.

What is drawn is all that was computed; nothing is cut off at a number of points.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy
from sklearn import base, calibration, cluster, linear_model, metrics, model_selection, naive_bayes
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import unique_labels

from tracker.live.session import require_run
from tracker.live.term import say, warn
from tracker.values import plots
from tracker.values.table import Table

Rows = Iterable[Sequence[Any]]


def plot_classifier(
    model: Any,
    X_train: Any,
    X_test: Any,
    y_train: Any,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Sequence[str] | None,
    is_binary: bool = False,
    model_name: str = "Classifier",
    feature_names: Sequence[str] | None = None,
    log_learning_curve: bool = False,
) -> None:
    """Log all plots of a fitted classifier."""
    say(f"plots of {model_name}")
    is_multinomial = isinstance(model, naive_bayes.MultinomialNB)
    if not is_multinomial:
        plot_feature_importances(model, feature_names)
    if log_learning_curve:
        plot_learning_curve(model, X_train, y_train)
    plot_confusion_matrix(y_test, y_pred, labels)
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_class_proportions(y_train, y_test, labels)
    if not is_multinomial:
        plot_calibration_curve(model, X_train, y_train, model_name)
    plot_roc(y_test, y_probas, labels)
    plot_precision_recall(y_test, y_probas, labels)


def plot_regressor(
    model: Any, X_train: Any, X_test: Any, y_train: Any, y_test: Any, model_name: str = "Regressor"
) -> None:
    """Log all plots of a fitted regressor."""
    say(f"plots of {model_name}")
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_learning_curve(model, X_train, y_train)
    plot_outlier_candidates(model, X_train, y_train)
    plot_residuals(model, X_train, y_train)


def plot_clusterer(
    model: Any,
    X_train: Any,
    cluster_labels: Any,
    labels: Sequence[str] | None = None,
    model_name: str = "Clusterer",
) -> None:
    """Log all plots of a fitted clusterer."""
    say(f"plots of {model_name}")
    is_kmeans = isinstance(model, cluster.KMeans)
    if is_kmeans:
        plot_elbow_curve(model, X_train)
    plot_silhouette(model, X_train, cluster_labels, labels=labels, kmeans=is_kmeans)


def plot_summary_metrics(
    model: Any = None, X: Any = None, y: Any = None, X_test: Any = None, y_test: Any = None
) -> None:
    """Log accuracy, precision, recall and F1 of a classifier; MAE, MSE and R² of a regressor."""
    predicted = model.predict(X_test)
    found: dict[str, float] = {}
    if base.is_classifier(model):
        options = {"average": "weighted", "zero_division": 0}
        found["accuracy_score"] = metrics.accuracy_score(y_test, predicted)
        found["precision"] = metrics.precision_score(y_test, predicted, **options)
        found["recall"] = metrics.recall_score(y_test, predicted, **options)
        found["f1_score"] = metrics.f1_score(y_test, predicted, **options)
    elif base.is_regressor(model):
        found["mae"] = metrics.mean_absolute_error(y_test, predicted)
        found["mse"] = metrics.mean_squared_error(y_test, predicted)
        found["r2_score"] = metrics.r2_score(y_test, predicted)
    name = type(model).__name__
    rows = [[metric, float(value), name] for metric, value in found.items()]
    columns = ["metric_name", "metric_value", "model_name"]
    _log("summary_metrics", columns, rows, _bar("metric_name", "metric_value"))


def plot_learning_curve(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    shuffle: bool = False,
    random_state: Any = None,
    train_sizes: Any = None,
    n_jobs: int = 1,
    scoring: Any = None,
) -> None:
    """Fit the model on parts of the data, and log its scores over their sizes."""
    sizes, train, test = model_selection.learning_curve(
        model,
        X,
        y,
        cv=cv,
        n_jobs=n_jobs,
        train_sizes=numpy.linspace(0.1, 1.0, 5) if train_sizes is None else train_sizes,
        scoring=scoring,
        shuffle=shuffle,
        random_state=random_state,
    )
    rows = [
        [name, float(score.mean()), int(size)]
        for name, scores in (("train", train), ("test", test))
        for size, score in zip(sizes, scores, strict=True)
    ]
    _log("learning_curve", ["dataset", "score", "train_size"], rows, _line("train_size", "score", "dataset"))


def plot_roc(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    plot_macro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log the true over the false positive rate of each class."""
    plot = plots.roc_curve(y_true, y_probas, labels, classes_to_plot)
    require_run("sklearn.plot_roc").log({"roc": plot})


def plot_precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log precision over recall of each class."""
    plot = plots.pr_curve(y_true, y_probas, labels, classes_to_plot)
    require_run("sklearn.plot_precision_recall").log({"precision_recall": plot})


def plot_confusion_matrix(
    y_true: Any = None,
    y_pred: Any = None,
    labels: Sequence[str] | None = None,
    true_labels: Sequence[Any] | None = None,
    pred_labels: Sequence[Any] | None = None,
    normalize: bool = False,
) -> None:
    """Log how often each class was taken for each; `true_labels` and `pred_labels` select."""
    classes = unique_labels(y_true, y_pred)
    counts = metrics.confusion_matrix(y_true, y_pred, normalize="true" if normalize else None)
    names = _named(classes, labels)
    rows = [
        [names[predicted], names[actual], counts[actual, predicted].item()]
        for actual in _positions(classes, names, true_labels)
        for predicted in _positions(classes, names, pred_labels)
    ]
    kind = _plot("confusion_matrix", {"x": "Predicted", "y": "Actual", "value": "Count"})
    _log("confusion_matrix", ["Predicted", "Actual", "Count"], rows, kind)


def plot_feature_importances(
    model: Any = None,
    feature_names: Sequence[str] | None = None,
    title: str = "Feature Importance",
    max_num_features: int = 50,
) -> None:
    """Log the importance of the features, the greatest first; a model without any is said."""
    names = ("feature_importances_", "feature_log_prob_", "coef_")
    found = next((getattr(model, name) for name in names if hasattr(model, name)), None)
    values = numpy.squeeze(numpy.asarray(found)) if found is not None else None
    if values is None or values.ndim != 1:
        warn(f"{type(model).__name__} has no importance of features that could be drawn")
        return
    order = numpy.argsort(values)[::-1][:max_num_features]
    rows = [[str(i if feature_names is None else feature_names[i]), float(values[i])] for i in order]
    _log("feature_importances", ["feature_names", "importances"], rows, _bar("feature_names", "importances"))


def plot_class_proportions(y_train: Any = None, y_test: Any = None, labels: Any = None) -> None:
    """Log how many examples of each class there are."""
    classes = unique_labels(y_train, y_test)
    rows = [
        [name, dataset, int((numpy.asarray(targets) == number).sum())]
        for number, name in zip(classes, _named(classes, labels), strict=True)
        for dataset, targets in (("train", y_train), ("test", y_test))
    ]
    _log("class_proportions", ["class", "dataset", "count"], rows, _bar("class", "count"))


def plot_calibration_curve(
    clf: Any = None, X: Any = None, y: Any = None, clf_name: str = "Classifier"
) -> None:
    """Log how often is true what a two-class model says with some probability.

    The model is fitted anew on a tenth of the data, as it is and calibrated in two ways,
    with a logistic regression beside it. More than two classes are said, not drawn.
    """
    targets = LabelEncoder().fit_transform(numpy.asarray(y))
    if len(numpy.unique(targets)) != 2:
        warn("a calibration curve is of two classes")
        return
    data = numpy.asarray(X)
    fit_x, x, fit_y, truth = model_selection.train_test_split(
        data, targets, test_size=0.9, random_state=42, stratify=targets
    )
    isotonic = calibration.CalibratedClassifierCV(clf, cv=2, method="isotonic")
    sigmoid = calibration.CalibratedClassifierCV(clf, cv=2, method="sigmoid")
    models = {"Logistic": linear_model.LogisticRegression(), f"{clf_name} Isotonic": isotonic}
    models[f"{clf_name} Sigmoid"] = sigmoid
    rows: list[list[Any]] = [["Perfectly calibrated", 0.0, 0.0], ["Perfectly calibrated", 1.0, 1.0]]
    for name, model in models.items():
        says = model.fit(fit_x, fit_y).predict_proba(x)[:, 1]
        found = calibration.calibration_curve(truth, says, n_bins=10)
        rows += [[name, float(is_true), float(said)] for is_true, said in zip(*found, strict=True)]
    columns = ["model", "fraction_of_positives", "mean_predicted_value"]
    _log("calibration_curve", columns, rows, _line("mean_predicted_value", "fraction_of_positives", "model"))


def plot_elbow_curve(
    clusterer: Any = None,
    X: Any = None,
    cluster_ranges: Iterable[int] | None = None,
    n_jobs: int = 1,
    show_cluster_time: bool = True,
) -> None:
    """Fit with several numbers of clusters, and log error and time over them."""
    rows = []
    for count in range(1, 10, 2) if cluster_ranges is None else cluster_ranges:
        began = time.perf_counter()
        score = base.clone(clusterer).set_params(n_clusters=int(count)).fit(X).score(X)
        rows.append([int(count), abs(float(score)), time.perf_counter() - began])
    columns = ["cluster_ranges", "errors", "clustering_time"]
    _log("elbow_curve", columns, rows, _line("cluster_ranges", "errors"))


def plot_silhouette(
    clusterer: Any = None,
    X: Any = None,
    cluster_labels: Any = None,
    labels: Sequence[str] | None = None,
    metric: str = "euclidean",
    kmeans: bool = True,
) -> None:
    """Log how well each point lies in its cluster, from -1 to 1; the average goes into the summary."""
    data = numpy.asarray(X)
    found = numpy.asarray(clusterer.labels_ if cluster_labels is None else cluster_labels)
    samples = metrics.silhouette_samples(data, found, metric=metric)
    classes = unique_labels(found)
    names = dict(zip(classes.tolist(), _named(classes, labels), strict=True))
    order = numpy.lexsort((samples, found))
    second = data[:, 1] if data.shape[1] > 1 else numpy.zeros(len(data))
    rows = [
        [names[found[i].item()], place, float(samples[i]), float(data[i, 0]), float(second[i])]
        for place, i in enumerate(order)
    ]
    require_run("sklearn.plot_silhouette").summary["silhouette_score"] = float(samples.mean())
    _log("silhouette_plot", ["cluster", "sample", "silhouette", "x", "y"], rows, _bar("sample", "silhouette"))


def plot_outlier_candidates(regressor: Any = None, X: Any = None, y: Any = None) -> None:
    """Log Cook's distance of each point: how much a fit would change without it."""
    data, truth = numpy.asarray(X, dtype=float), numpy.asarray(y, dtype=float)
    leverage = (data * numpy.linalg.pinv(data).T).sum(1).clip(max=1 - 1e-12)
    errors = truth - regressor.predict(X)
    degrees = max(len(data) - numpy.linalg.matrix_rank(data), 1)
    scale = max(float(errors @ errors) / degrees, 1e-300)
    distance = errors**2 / scale * leverage / (1 - leverage) ** 2 / data.shape[1]
    threshold = 4 / len(data)
    share = float((distance >= threshold).mean() * 100)
    rows = [[float(value), i, share, threshold] for i, value in enumerate(distance)]
    columns = ["distance", "instance_indicies", "outlier_percentage", "influence_threshold"]
    _log("outlier_candidates", columns, rows, _bar("instance_indicies", "distance"))


def plot_residuals(regressor: Any = None, X: Any = None, y: Any = None) -> None:
    """Fit a copy on four fifths of the data, and log what it is wrong by, there and on the rest."""
    fit_x, x, fit_y, truth = model_selection.train_test_split(
        numpy.asarray(X), numpy.asarray(y), test_size=0.2, random_state=42
    )
    model = base.clone(regressor).fit(fit_x, fit_y)
    scores = [float(model.score(fit_x, fit_y)), float(model.score(x, truth))]
    rows = [
        [name, float(predicted), float(predicted - actual), *scores]
        for name, inputs, targets in (("train", fit_x, fit_y), ("test", x, truth))
        for predicted, actual in zip(model.predict(inputs), targets, strict=True)
    ]
    columns = ["dataset", "y_pred", "residuals", "train_score", "test_score"]
    _log("residuals", columns, rows, _plot("scatter", {"x": "y_pred", "y": "residuals"}))


Draw = Callable[[Table], plots.Plot]


def _log(key: str, columns: list[str], rows: Rows, draw: Draw) -> None:
    table = Table(columns=columns, data=list(rows), allow_mixed_types=True)
    require_run(f"sklearn: {key}").log({key: draw(table)})


def _plot(kind: str, fields: dict[str, str]) -> Draw:
    return lambda table: plots.Plot(kind, table, fields)


def _line(x: str, y: str, stroke: str | None = None) -> Draw:
    return _plot("line", {"x": x, "y": y} | ({"stroke": stroke} if stroke else {}))


def _bar(x: str, y: str) -> Draw:
    return _plot("bar", {"x": x, "y": y})


def _named(classes: Any, labels: Sequence[str] | None) -> list[str]:
    """Name classes: whole numbers are places in `labels`, if there are any."""
    if labels is None or not numpy.issubdtype(numpy.asarray(classes).dtype, numpy.integer):
        return [str(name) for name in classes]
    return [str(labels[number]) if 0 <= number < len(labels) else str(number) for number in classes]


def _positions(classes: Any, names: Sequence[str], wanted: Sequence[Any] | None) -> list[int]:
    if wanted is None:
        return list(range(len(names)))
    asked = {str(name) for name in wanted}
    return [i for i, name in enumerate(names) if name in asked or str(classes[i]) in asked]
