"""A MindSpore training script of the usual form: a classifier.

What follows the imports is as it would be for MindSpore. There they are

    import numpy as np
    from mindspore import nn
    from mindspore.dataset import GeneratorDataset
    from mindspore.nn import Dense, ReLU
    from mindspore.train import LossMonitor, Model, TimeMonitor
"""

import numpy as np
from torch.nn import Linear as Dense, ReLU

from lossary.migrate import mindspore as nn
from lossary.migrate.mindspore.dataset import GeneratorDataset
from lossary.migrate.mindspore.train import LossMonitor, Model, TimeMonitor


def make_samples(count):
    """Draw points, each with the quadrant that it lies in."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        point = rng.uniform(-1, 1, 2).astype(np.float32)
        yield point, np.int32(2 * (point[0] > 0) + (point[1] > 0))


class Net(nn.Cell):
    def __init__(self):
        super().__init__()
        self.hidden = Dense(2, 16)
        self.relu = ReLU()
        self.out = Dense(16, 4)

    def construct(self, x):
        return self.out(self.relu(self.hidden(x)))


def main():
    samples = list(make_samples(320))
    dataset = GeneratorDataset(samples, column_names=["data", "label"]).batch(16)
    net = Net()
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    opt = nn.Momentum(net.trainable_params(), 0.1, 0.9)
    model = Model(net, loss, opt, metrics={"accuracy", "loss"})
    model.train(5, dataset, callbacks=[LossMonitor(10), TimeMonitor()], dataset_sink_mode=False)
    print(f"accuracy: {model.eval(dataset)['accuracy']:.3f}")


if __name__ == "__main__":
    main()
