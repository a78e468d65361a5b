"""What each of two processes runs for ``tests/train/test_trainer_cases.py``, and writes down.

``python share_of_trainer_cases.py OUT`` trains the cases one after the other.
"""

import functools
import itertools
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import lossary
from lossary.train import Callback, Model, Run

SGD = functools.partial(torch.optim.SGD, lr=0.1)
X = torch.randn(10, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(10) % 2


def net(*shape: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Linear(i, o) for i, o in itertools.pairwise(shape))).double()


class TwoOutputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = net(3, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.body(x), 2 * self.body(x)


class OfTwo(lossary.LossBase):
    """A loss of two outputs."""

    def units(self, outputs: tuple[Tensor, Tensor], label: Tensor) -> Tensor:
        first, second = (lossary.cross_entropy(o, label, reduction="none") for o in outputs)
        return first + second


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = (nn.Linear(3, 3, bias=False).double() for _ in "12")
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


def sum_of_two() -> lossary.WeightedSum:
    return lossary.CrossEntropyLoss() + lossary.CrossEntropyLoss(label_smoothing=0.3)


class Norms(Callback):
    wants_part_gradient_norms = True

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []

    def on_step_end(self, run: Run) -> None:
        self.seen.append(dict(run.part_gradient_norms))


def whole(model: Model) -> list[Any]:
    return [p.detach().tolist() for p in model.wired.parameters()]


def two_outputs(processes: int, size: int) -> Any:
    model = Model(TwoOutputs(), OfTwo(), SGD)
    options = {"shuffle": False, "progress": False, "processes": processes}
    record = model.train(1, (X, Y), batch_size=size, **options)[-1]
    return [whole(model), record["loss"], model.evaluate((X, Y), batch_size=3)["loss"]]


def norms(processes: int) -> Any:
    """All samples are the same, so every batch has the gradient of the step."""
    seen = Norms()
    data = X[:1].repeat(8, 1), Y[:1].repeat(8)
    options = {"batch_size": 2, "accumulate": 4 // processes, "progress": False}
    Model(net(3, 2), sum_of_two(), SGD).train(1, data, [seen], processes=processes, **options)
    return seen.seen


def innocent() -> Any:
    """The sample 6 is ill, and with it the batch of the second process."""
    ill = torch.where(torch.arange(10)[:, None] == 6, torch.nan, X)
    model = Model(net(3, 2), lossary.CrossEntropyLoss(), SGD)
    options = {"batch_size": 4, "shuffle": False, "progress": False, "on_nonfinite": "skip"}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.train(1, (ill, Y), processes=2, **options)
    return [str(one.message) for one in told]


def later(processes: int, size: int, accumulate: int) -> Any:
    """Train a model that does not ask for processes."""
    model = Model(net(3, 4, 2), lossary.CrossEntropyLoss(), SGD)
    options = {"batch_size": size, "accumulate": accumulate, "shuffle": False, "progress": False}
    model.train(1, (X, Y), processes=processes, **options)
    return [model.wired.across.processes, whole(model)]


def sharded_predict() -> Any:
    """The parameters of a network without children are spread with those of the loss."""
    model = Model(net(3, 2)[0], lossary.CrossEntropyLoss(), SGD)
    options = {"processes": 2, "sharded": True, "batch_size": 4, "progress": False}
    model.train(1, (X, Y), shuffle=False, **options)
    return model.predict(X, batch_size=3).tolist()


def sharded_norms() -> Any:
    try:
        options = {"processes": 2, "sharded": True, "progress": False}
        Model(net(3, 2), sum_of_two(), SGD).train(1, (X, Y), [Norms()], **options)
    except ValueError as error:
        return str(error)


def sharded_sum(out: Path) -> Any:
    """The pass that finds the weights is the first of all."""
    model = Model(Tied(), sum_of_two(), SGD)
    options = {"processes": 2, "sharded": True, "batch_size": 2, "accumulate": 2}
    model.train(1, (X, Y), shuffle=False, progress=False, **options)
    model.save(out / "tied.safetensors")
    return model.predict(X).tolist()


def main() -> None:
    out = Path(sys.argv[1])
    told = {
        "two outputs": two_outputs(2, 4),
        "norms": norms(2),
        "innocent": innocent(),
        "later": later(1, 2, 1),
        "sharded predict": sharded_predict(),
        "sharded norms": sharded_norms(),
        "sharded sum": sharded_sum(out),
    }
    rank = torch.distributed.get_rank()
    (out / f"{rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
