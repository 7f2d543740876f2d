"""Callbacks and loggers for training frameworks, one module each; a framework is imported with its module.

Those that wandb's own package has (Keras, Stable-Baselines3, LightGBM, XGBoost,
scikit-learn, TensorBoard, gym) serve as `wandb.integration.…`, too, in a program
started by `tracker run`. They log to the current run.
"""
