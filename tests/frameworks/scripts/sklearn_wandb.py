"""scikit-learn's plots as written for wandb."""

import wandb
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_classification, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

wandb.init(project="plots", name="classifier")
x, y = make_classification(200, 4, random_state=0)
train_x, test_x, train_y, test_y = train_test_split(x, y, random_state=0)
model = RandomForestClassifier(5, random_state=0).fit(train_x, train_y)
predicted, scores = model.predict(test_x), model.predict_proba(test_x)
names = ["f0", "f1", "f2", "f3"]
wandb.sklearn.plot_classifier(
    model, train_x, test_x, train_y, test_y, predicted, scores, ["no", "yes"], feature_names=names
)
wandb.finish()

wandb.init(project="plots", name="regressor")
x, y = make_regression(100, 3, noise=1.0, random_state=0)
train_x, test_x, train_y, test_y = train_test_split(x, y, random_state=0)
wandb.sklearn.plot_regressor(Ridge().fit(train_x, train_y), train_x, test_x, train_y, test_y)
wandb.finish()

wandb.init(project="plots", name="clusterer")
x, _ = make_blobs(60, random_state=0)
model = KMeans(3, random_state=0, n_init=1)
wandb.sklearn.plot_clusterer(model, x, model.fit_predict(x), ["a", "b", "c"])
