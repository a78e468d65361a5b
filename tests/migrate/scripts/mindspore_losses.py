"""A MindSpore script about losses: built-in ones, own ones, and two labels.

What follows the imports is as it would be for MindSpore. There they are

    import numpy as np
    from mindspore import nn, ops, tensor
    from mindspore.dataset import GeneratorDataset
    from mindspore.nn import Dense
    from mindspore.train import LossMonitor, Model
"""

import numpy as np
import torch as ops
from torch import tensor
from torch.nn import Linear as Dense

from lossary.migrate import mindspore as nn
from lossary.migrate.mindspore.dataset import GeneratorDataset
from lossary.migrate.mindspore.train import LossMonitor, Model


def make_samples(count, labels):
    """Draw points near the line y = 2 x + 3, with one noisy label or more."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        x = rng.uniform(-1, 1, 1)
        noise = rng.normal(0, 0.05, labels)
        yield tuple(column.astype(np.float32) for column in (x, *(2 * x + 3 + noise)[:, None]))


class LineNet(nn.Cell):
    def __init__(self):
        super().__init__()
        self.fc = Dense(1, 1)

    def construct(self, x):
        return self.fc(x)


class AbsoluteLoss(nn.LossBase):
    """An own loss, which LossBase reduces."""

    def __init__(self, reduction="mean"):
        super().__init__(reduction)

    def construct(self, base, target):
        return self.get_loss(ops.abs(base - target))


class PlainAbsoluteLoss(nn.Cell):
    """The same loss, without LossBase."""

    def construct(self, base, target):
        return ops.mean(ops.abs(base - target))


class TwoLabelLoss(nn.LossBase):
    """An own loss that takes two labels."""

    def construct(self, base, target1, target2):
        x1 = ops.abs(base - target1)
        x2 = ops.abs(base - target2)
        return self.get_loss(x1) / 2 + self.get_loss(x2) / 2


class TwoLabelWithLossCell(nn.Cell):
    """Network and loss in one, for two labels."""

    def __init__(self, backbone, loss_fn):
        super().__init__(auto_prefix=False)
        self._backbone = backbone
        self._loss_fn = loss_fn

    def construct(self, data, label1, label2):
        output = self._backbone(data)
        return self._loss_fn(output, label1, label2)


def show_built_in():
    base, target = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), tensor([[1.0, 1.0, 1.0]] * 2)
    print("mean:", nn.L1Loss()(base, target))
    print("none:", nn.L1Loss(reduction="none")(base, target))
    print("own:", AbsoluteLoss()(base, target), PlainAbsoluteLoss()(base, target))


def make_dataset(labels):
    names = ["data", *(f"label{n}" for n in range(labels))]
    return GeneratorDataset(list(make_samples(320, labels)), column_names=names).batch(16)


def fit(name, net, network, loss_fn, labels=1):
    opt = nn.Momentum(net.trainable_params(), learning_rate=0.05, momentum=0.9)
    model = Model(network, loss_fn, opt)
    model.train(epoch=10, train_dataset=make_dataset(labels), callbacks=LossMonitor(100))
    print(f"{name}: y = {net.fc.weight.item():.1f} x + {net.fc.bias.item():.1f}")


def main():
    show_built_in()
    for name, loss in (("built-in", nn.L1Loss()), ("own", AbsoluteLoss())):
        net = LineNet()
        fit(name, net, net, loss)
    net = LineNet()
    fit("cell", net, nn.WithLossCell(net, PlainAbsoluteLoss()), None)
    net = LineNet()
    fit("two labels", net, TwoLabelWithLossCell(net, TwoLabelLoss()), None, labels=2)


if __name__ == "__main__":
    main()
