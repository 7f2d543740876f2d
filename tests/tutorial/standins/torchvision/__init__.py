"""The few names of torchvision that the tutorial uses, on scikit-learn's digits."""
