"""Train a small vision transformer on scikit-learn's 8x8 digits with PyTorch, and export it as ONNX.

    pip install torch onnx onnxscript scikit-learn
    python examples/train_patches.py

Writes examples/patches.onnx. The model takes float32 pictures (N, 1, 8, 8) in 0..1 and gives ten logits; N is free. The
digits held out are those of train_digits.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = Path(__file__).parent
SEED = 7
WANTED = 0.95
EPOCHS = 60


class Patches(nn.Module):
    """The picture in 16 patches of 2x2, each a token; two layers of attention; the mean of all tells the digit."""

    def __init__(self, width: int = 32, heads: int = 4, depth: int = 2):
        super().__init__()
        self.embed = nn.Conv2d(1, width, 2, 2)
        self.place = nn.Parameter(torch.randn(1, 16, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, 0.1, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.embed(x).flatten(2).transpose(1, 2) + self.place
        return self.head(self.encoder(tokens).mean(1))


def main() -> None:
    """Train, check the accuracy on digits that the training never saw, and export."""
    torch.manual_seed(SEED)
    images, labels = load_digits(return_X_y=True)
    pictures = images.reshape(-1, 1, 8, 8).astype(np.float32) / 16
    split = train_test_split(pictures, labels, test_size=0.2, stratify=labels, random_state=SEED)
    x_train, x_test, y_train, y_test = map(torch.from_numpy, split)
    model = Patches()
    steps = EPOCHS * (len(x_train) // 64)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x_train))
        for start in range(0, len(order) - 63, 64):
            chosen = order[start : start + 64]
            loss = nn.functional.cross_entropy(model(x_train[chosen]), y_train[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        right = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"right on held-out digits: {right:.4f}")
    if right < WANTED:
        raise SystemExit(f"{right:.4f} is less than {WANTED}: nothing is written")
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        model, (x_test[:2],), dynamo=True, input_names=["x"], output_names=["logits"], dynamic_shapes=[{0: batch}]
    )
    program.save(str(HERE / "patches.onnx"), external_data=False)


if __name__ == "__main__":
    main()
