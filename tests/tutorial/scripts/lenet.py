"""LeNet-5, as in the tutorial: three convolutions and two linear layers."""

import torch
from torch import nn


class LeNet5(nn.Module):
    """Images (N, 1, 28, 28) to scores (N, 10)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(16, 120, 5),
        )
        self.classifier = nn.Sequential(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))

    def forward(self, images):
        return self.classifier(torch.flatten(self.features(images), start_dim=1))
