"""A classifier of the direction of text with PaddleOCR: upright, or on its head."""

from pathlib import Path

import numpy as np
import yaml
from paddle import no_grad
from paddle.io import DataLoader, Dataset
from paddle.nn import AdaptiveAvgPool2D, Conv2D, Layer, Linear, ReLU, Sequential
from paddle.optimizer import Adam
from ppocr.losses import build_loss


class Lines(Dataset):
    """Strokes of random height that stand on a common line, every second image turned around."""

    def __init__(self, samples):
        super().__init__()
        rng = np.random.default_rng(0)
        self.images = rng.normal(0, 0.1, (samples, 1, 16, 48)).astype(np.float32)
        for n, image in enumerate(self.images):
            for column in range(2, 46, 4):
                image[0, 14 - rng.integers(4, 10) : 14, column : column + 2] += 1
            if n % 2:
                image[:] = image[:, ::-1, ::-1].copy()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], np.int64(index % 2)


class Net(Layer):
    def __init__(self, in_channels=1, channels=8, class_dim=2):
        super().__init__()
        self.backbone = Sequential(
            Conv2D(in_channels, channels, 3, stride=2, padding=1),
            ReLU(),
            Conv2D(channels, 2 * channels, 3, stride=2, padding=1),
            ReLU(),
            AdaptiveAvgPool2D((2, 1)),
        )
        self.head = Linear(4 * channels, class_dim)

    def forward(self, x):
        return self.head(self.backbone(x).flatten(1))


def read_config():
    return yaml.safe_load(Path(__file__).with_name("paddleocr_direction.yml").read_text())


def evaluate(network, loader):
    network.eval()
    hits = total = 0
    with no_grad():
        for images, labels in loader:
            hits += int((network(images).argmax(axis=1) == labels).sum())
            total += len(labels)
    network.train()
    return hits / total


def train(network):
    config = read_config()
    data = Lines(config["Train"]["samples"])
    loader = DataLoader(data, batch_size=config["Train"]["batch_size_per_card"], shuffle=False)
    loss_class = build_loss(config["Loss"])
    optimizer = Adam(parameters=network.parameters(), **config["Optimizer"])
    for epoch in range(1, config["Global"]["epoch_num"] + 1):
        for step, batch in enumerate(loader, 1):
            predicts = network(batch[0])
            loss = loss_class(predicts, batch)
            avg_loss = loss["loss"]
            avg_loss.backward()
            optimizer.step()
            optimizer.clear_grad()
            if step % config["Global"]["print_batch_step"] == 0:
                print(f"epoch: [{epoch}], step: {step}, loss: {avg_loss.item()}")
        print(f"acc: {evaluate(network, loader)}")


if __name__ == "__main__":
    train(Net(**read_config()["Architecture"]))
