"""Every kind of media that wandb has, made by the real libraries."""

import gymnasium
import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
import wandb
from rdkit import Chem

numbers = np.random.default_rng(0)
pixels = numbers.integers(0, 255, (8, 6, 3), dtype=np.uint8)
run = wandb.init(project="media", name="all", monitor_gym=True)

classes = wandb.Classes([{"id": 0, "name": "road"}, {"id": 1, "name": "car"}])
box = {
    "position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.6},
    "class_id": 1,
    "box_caption": "a car",
    "scores": {"sure": 0.9},
}
picture = wandb.Image(
    pixels,
    caption="seen",
    boxes={"found": {"box_data": [box], "class_labels": {1: "car"}}},
    masks={"truth": {"mask_data": np.tile([0, 1], (8, 3)), "class_labels": {0: "road", 1: "car"}}},
    classes=classes,
)
figure = go.Figure(go.Scatter(x=[1, 2, 3], y=[4, 5, 6]))
drawing, axes = plt.subplots()
axes.plot([1, 2, 3])
wave = np.sin(np.linspace(0, 440, 8000)).astype(np.float32)
frames = numbers.integers(0, 255, (6, 3, 16, 16), dtype=np.uint8)
points = numbers.random((10, 6)) * 255
graph = wandb.Graph()
for name in "ab":
    graph.add_node(id=name, name=name, class_name="Dense")
graph.add_edge("a", "b")
run.log(
    {
        "picture": picture,
        "pictures": [wandb.Image(pixels, caption=str(n)) for n in range(2)],
        "plotly": figure,
        "also_plotly": wandb.Plotly(figure),
        "drawn": wandb.Image(drawing),
        "pyplot": plt,
        "sound": wandb.Audio(wave, sample_rate=8000, caption="hum"),
        "gif": wandb.Video(frames, fps=4, format="gif"),
        "mp4": wandb.Video(frames, fps=4, format="mp4"),
        "points": wandb.Object3D(points),
        "scene": wandb.Object3D({"type": "lidar/beta", "points": points, "boxes": np.array([])}),
        "molecule": wandb.Molecule.from_smiles("CCO", caption="ethanol"),
        "benzene": wandb.Molecule.from_rdkit(Chem.MolFromSmiles("c1ccccc1")),
        "page": wandb.Html("<b>bold</b>", inject=False),
        "spread": wandb.Histogram(np.arange(100)),
        "graph": graph,
    }
)
table = wandb.Table(columns=["id", "image", "sound", "figure", "molecule"])
for n in range(2):
    cells = wandb.Image(pixels + n), wandb.Audio(wave, 8000), wandb.Plotly(figure)
    table.add_data(n, *cells, wandb.Molecule.from_smiles("CCO"))
run.log({"table": table})
truth, scores = [0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]]
xy = wandb.Table(data=[[1, 2], [3, 4]], columns=["x", "y"])
run.log(
    {
        "line": wandb.plot.line(xy, "x", "y", title="Line"),
        "scatter": wandb.plot.scatter(xy, "x", "y"),
        "bar": wandb.plot.bar(xy, "x", "y"),
        "histogram": wandb.plot.histogram(xy, "x"),
        "lines": wandb.plot.line_series(xs=[0, 1], ys=[[1, 2], [3, 4]], keys=["a", "b"]),
        "confusion": wandb.plot.confusion_matrix(y_true=truth, preds=[0, 1, 0, 0], class_names=["no", "yes"]),
        "roc": wandb.plot.roc_curve(truth, scores, labels=["no", "yes"]),
        "pr": wandb.plot.pr_curve(truth, scores, labels=["no", "yes"]),
        "custom": wandb.plot_table("wandb/bar/v0", xy, {"label": "x", "value": "y"}),
    }
)

artifact = wandb.Artifact("shown", type="dataset")
artifact.add(table, "cells")
left = wandb.Table(columns=["id", "truth"], data=[[0, "cat"], [1, "dog"]])
right = wandb.Table(columns=["id", "guess"], data=[[1, "dog"], [0, "dog"]])
artifact.add(wandb.JoinedTable(left, right, "id"), "joined")
for part in range(2):
    artifact.add(wandb.Table(columns=["n"], data=[[part]]), f"parts/{part}")
artifact.add(wandb.data_types.PartitionedTable("parts"), "partitioned")
artifact.add(picture, "picture")
run.log_artifact(artifact)

env = gymnasium.wrappers.RecordVideo(
    gymnasium.make("CartPole-v1", render_mode="rgb_array"), "videos", episode_trigger=lambda episode: True
)
env.reset(seed=0)
while not any(env.step(env.action_space.sample())[2:4]):
    pass
env.close()
run.finish()
