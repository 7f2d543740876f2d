"""LightGBM, XGBoost, CatBoost and scikit-learn through the callbacks and plots that wandb's package has."""

from __future__ import annotations

import json

import pytest

from tests.frameworks.conftest import Train, Trained

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


def test_a_lightgbm_training_written_for_wandb_is_recorded(train: Train) -> None:
    trained = train("tables", "lightgbm_wandb.py")
    runs = {run.name: run for run in trained.api.runs("trees")}
    run, crossed = runs["lightgbm"], runs["lightgbm-cv"]

    rows = run.history(pandas=False)
    losses = [row["train_binary_logloss"] for row in rows if "train_binary_logloss" in row]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    assert run.summary["train_binary_logloss"] == {"min": losses[-1]}
    assert run.summary["train_auc"]["max"] == max(row["train_auc"] for row in rows if "train_auc" in row)
    assert run.config["num_leaves"] == 4
    assert run.summary["best_score"]["train"]["binary_logloss"] == pytest.approx(losses[-1])
    bars = table_of(
        trained, run, next(row["Feature Importance"] for row in rows if "Feature Importance" in row)
    )
    assert sorted(name for name, _ in bars) == ["a", "b", "c"]
    assert trained.api.artifact(f"trees/model_{run.id}:best").manifest.entries
    assert {"valid_auc-mean", "valid_auc-stdv"} <= set(crossed.history(pandas=False)[0])


def test_an_xgboost_training_written_for_wandb_is_recorded(train: Train) -> None:
    trained = train("tables", "xgboost_wandb.py")
    run = trained.run("trees")

    rows = run.history(pandas=False)
    errors = [row["validation_0-rmse"] for row in rows if "validation_0-rmse" in row]
    assert len(errors) == 5
    assert errors == sorted(errors, reverse=True)
    assert [row["epoch"] for row in rows if "epoch" in row] == [0, 1, 2, 3, 4]
    assert run.summary["validation_0-rmse"] == {"min": errors[-1]}
    assert run.config["learner"]["objective"]["name"] == "reg:squarederror"
    model = trained.api.artifact(f"trees/{run.id}_model.json:latest").download(root=trained.folder / "got")
    assert json.loads((trained.folder / "got" / f"{run.id}_model.json").read_text())["learner"]
    assert model


def test_a_catboost_training_written_for_wandb_is_recorded(train: Train) -> None:
    trained = train("catboost", "catboost_wandb.py")
    run = trained.run("trees")

    rows = run.history(pandas=False)
    errors = [row["validation-RMSE"] for row in rows if "validation-RMSE" in row]
    assert len(errors) == 5
    assert errors == sorted(errors, reverse=True)
    assert [row["iteration@metric-period-1"] for row in rows if "learn-RMSE" in row] == [1, 2, 3, 4, 5]
    assert (run.config["depth"], run.config["iterations"]) == (2, 5)
    assert run.summary["best_iteration"] == 4
    assert run.summary["best_score"]["validation"]["RMSE"] == pytest.approx(errors[-1])
    bars = next(row["Feature Importance"] for row in rows if "Feature Importance" in row)
    assert sorted(name for name, _ in table_of(trained, run, bars)) == ["a", "b", "c"]
    assert trained.api.artifact(f"trees/model_{run.id}:best").manifest.entries


def test_the_plots_of_scikit_learn_models_are_logged_with_their_tables(train: Train) -> None:
    trained = train("tables", "sklearn_wandb.py")
    runs = {run.name: run for run in trained.api.runs("plots")}
    logged = {
        name: {key: value for row in run.history(pandas=False) for key, value in row.items() if key[0] != "_"}
        for name, run in runs.items()
    }

    assert set(logged["classifier"]) == {
        "feature_importances",
        "confusion_matrix",
        "summary_metrics",
        "class_proportions",
        "calibration_curve",
        "roc",
        "precision_recall",
    }
    assert set(logged["regressor"]) == {
        "summary_metrics",
        "learning_curve",
        "outlier_candidates",
        "residuals",
    }
    assert set(logged["clusterer"]) == {"elbow_curve", "silhouette_plot"}
    classifier, regressor = runs["classifier"], runs["regressor"]
    counts = table_of(trained, classifier, logged["classifier"]["confusion_matrix"])
    assert sum(count for _, _, count in counts) == 50
    assert {name for row in counts for name in row[:2]} == {"no", "yes"}
    scores = table_of(trained, classifier, logged["classifier"]["summary_metrics"])
    assert dict(row[:2] for row in scores)["accuracy_score"] > 0.8
    scores = table_of(trained, regressor, logged["regressor"]["summary_metrics"])
    assert dict(row[:2] for row in scores)["r2_score"] > 0.9
    assert len(table_of(trained, regressor, logged["regressor"]["residuals"])) == 75
    assert 0 < runs["clusterer"].summary["silhouette_score"] <= 1


def table_of(trained: Trained, run: object, plot: dict) -> list[list]:
    return json.loads((trained.folder / run.dir / plot["table"]["path"]).read_text())["data"]
