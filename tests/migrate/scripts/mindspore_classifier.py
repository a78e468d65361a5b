"""A classifier in MindSpore: trained with Model, evaluated with its metrics."""

import numpy as np
from mindspore import nn, ops
from mindspore.dataset import GeneratorDataset
from mindspore.train import LossMonitor, Model, TimeMonitor


def make_samples(count):
    """Draw points, each with the quadrant that it lies in."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        point = rng.uniform(-1, 1, 2).astype(np.float32)
        yield point, np.int32(2 * (point[0] > 0) + (point[1] > 0))


class Net(nn.Cell):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Dense(2, 16, bias_init="zeros")
        self.out = nn.Dense(16, 4)

    def construct(self, x):
        return self.out(ops.relu(self.hidden(x)))


def train(net):
    samples = list(make_samples(320))
    dataset = GeneratorDataset(samples, column_names=["data", "label"], shuffle=False).batch(16)
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    opt = nn.Momentum(net.trainable_params(), 0.1, 0.9, weight_decay=1e-4)
    model = Model(net, loss, opt, metrics={"accuracy", "loss"})
    model.train(3, dataset, callbacks=[LossMonitor(10), TimeMonitor()], dataset_sink_mode=False)
    found = model.eval(dataset)
    print("accuracy", found["accuracy"], "loss", found["loss"])


if __name__ == "__main__":
    train(Net())
