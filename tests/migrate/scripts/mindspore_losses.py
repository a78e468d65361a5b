"""Losses in MindSpore: built-in ones, own ones, training with Model, and two labels."""

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore.common.initializer import Normal
from mindspore.dataset import GeneratorDataset
from mindspore.train import LossMonitor, Model


def make_samples(count, labels=1):
    """Draw points near the line y = 2 x + 3, with one noisy label or more."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        x = rng.uniform(-10, 10, 1)
        noise = rng.normal(0, 1, (labels, 1))
        yield tuple(column.astype(np.float32) for column in (x, *(2 * x + 3 + noise)))


def make_dataset(count=160, labels=1, batch_size=16):
    names = ["data", *(f"label{n}" for n in range(labels))]
    samples = list(make_samples(count, labels))
    return GeneratorDataset(samples, column_names=names, shuffle=False).batch(batch_size)


class Net(nn.Cell):
    """A line."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Dense(1, 1, Normal(0.02))

    def construct(self, x):
        return self.fc(x)


class AbsoluteLoss(nn.LossBase):
    """An own L1 loss, which LossBase reduces."""

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
        return self.get_loss(x1) / 2 + self.get_loss(x2, Tensor(0.5))


class TwoLabelWithLossCell(nn.Cell):
    """Network and loss in one, for two labels."""

    def __init__(self, backbone, loss_fn):
        super().__init__(auto_prefix=False)
        self._backbone = backbone
        self._loss_fn = loss_fn

    def construct(self, data, label1, label2):
        output = self._backbone(data)
        return self._loss_fn(output, label1, label2)

    @property
    def backbone_network(self):
        return self._backbone


def show_losses():
    base = Tensor(np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    target = Tensor(np.ones((2, 3), np.float32))
    for reduction in ("mean", "sum"):
        print(reduction, nn.L1Loss(reduction)(base, target).item())
    print("none", nn.L1Loss(reduction="none")(base, target).tolist())
    print("smooth", nn.SmoothL1Loss()(base, target).tolist())
    logits = Tensor(np.array([[3, 5, 6], [42, 12, 32]], np.float32))
    classes = Tensor(np.array([2, 1], np.int32))
    print("classes", nn.SoftmaxCrossEntropyWithLogits(sparse=True)(logits, classes).tolist())
    print("own", AbsoluteLoss()(base, target).item(), PlainAbsoluteLoss()(base, target).item())


def momentum(net):
    return nn.Momentum(net.trainable_params(), learning_rate=0.005, momentum=0.9)


def train_built_in(net):
    model = Model(net, nn.L1Loss(), momentum(net))
    model.train(epoch=2, train_dataset=make_dataset(), callbacks=[LossMonitor(1)])


def train_own(net):
    model = Model(net, AbsoluteLoss(), momentum(net))
    model.train(epoch=2, train_dataset=make_dataset(), callbacks=LossMonitor(5))


def train_with_loss_cell(net):
    model = Model(nn.WithLossCell(net, PlainAbsoluteLoss()), optimizer=momentum(net))
    model.train(2, make_dataset(), callbacks=[LossMonitor()])


def train_unreduced(net):
    model = Model(network=net, loss_fn=nn.SmoothL1Loss(), optimizer=momentum(net))
    model.train(1, make_dataset(), callbacks=[LossMonitor()])


def train_two_labels(net):
    network = TwoLabelWithLossCell(net, TwoLabelLoss())
    model = Model(network=network, optimizer=momentum(net))
    model.train(epoch=2, train_dataset=make_dataset(labels=2), callbacks=[LossMonitor(1)])


if __name__ == "__main__":
    show_losses()
    for train in (train_built_in, train_own, train_with_loss_cell, train_two_labels):
        train(Net())
