"""What each process of a training runs; the tests start it and read what it writes.

``python share_of_a_training.py PROCESSES OUT JOBS`` trains one after the other the cases of a JSON
list of names and options, and writes what each process ends with.
"""

import atexit
import functools
import json
import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import lossary
from lossary.train import Model

SAMPLES = 22  # neither of 2 nor of 3 processes, nor of their batches, an exact multiple


class Tokens(nn.Module):
    """Scores of every token of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).movedim(-1, 1)


class Pixels(nn.Module):
    """Scores of the pixels of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv1d(4, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class TwoHeads(nn.Module):
    """Two outputs, of which the second is computed only for batches that have a sample for it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, wanted = self.first(x), x[:, :1] > 1
        return out + wanted * self.second(x) if bool(wanted.any()) else out


def layers() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def plain(output: Tensor, label: Tensor) -> Tensor:
    return nn.functional.cross_entropy(output, label)


def case(name: str) -> tuple[nn.Module, object, tuple[Tensor, ...]]:
    """Return network, loss and data."""
    x = torch.randn(SAMPLES, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = torch.arange(SAMPLES) % 3
    torch.manual_seed(0)
    match name:
        case "class weights and ignored labels":
            y = torch.where(torch.arange(SAMPLES) % 4 == 1, -100, y)
            weights = torch.tensor([1.0, 5.0, 0.5], dtype=torch.float64)
            return layers(), lossary.CrossEntropyLoss(class_weight=weights), (x, y)
        case "one process has only ignored labels":
            y = torch.where(torch.arange(SAMPLES) % 4 < 2, -100, y)
            return layers(), lossary.CrossEntropyLoss(), (x, y)
        case "tokens":
            x = x.unsqueeze(1) * torch.linspace(0.5, 2, 5, dtype=torch.float64)[:, None]
            lengths = torch.arange(SAMPLES) % 5 + 1
            y = torch.where(torch.arange(5) < lengths[:, None], y[:, None], -100)
            return Tokens(), lossary.CrossEntropyLoss(), (x, y)
        case "a sum whose parts count differently":
            y = torch.where(torch.arange(SAMPLES) % 4 == 1, -100, y)
            loss = lossary.UncertaintyWeightedSum(
                {"class": lossary.CrossEntropyLoss(), "smooth": Spread()}
            )
            return layers(), loss, (x, y)
        case "parameters of the loss":
            return layers(), lossary.ArcFaceLoss(3, 3, scale=4.0), (x, y)
        case "samples are compared":
            return layers(), lossary.SupervisedContrastiveLoss(temperature=0.5), (x, y)
        case "regions of the whole batch":
            y = y.reshape(-1, 1)
            return Pixels(), lossary.WholeBatch(lossary.DiceLoss()), (x.reshape(-1, 4, 1), y)
        case "the hardest units":
            return layers(), lossary.HardUnits(lossary.CrossEntropyLoss(), share=0.5), (x, y)
        case "a fused loss that compares samples":
            loss = lossary.fuse(lossary.SupervisedContrastiveLoss(temperature=0.5))
            return layers(), loss, (x, y)
        case "a head that is not always used":
            return TwoHeads(), lossary.CrossEntropyLoss(), (x, y)
        case "a function":
            return layers(), plain, (x, y)
        case "a sum was asked for":
            return layers(), lossary.CrossEntropyLoss(reduction="sum"), (x, y)
        case "dropout":
            net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3))
            return net, lossary.CrossEntropyLoss(), (x, y)
    raise ValueError(name)


class Spread(lossary.LossBase):
    """A loss without labels to ignore."""

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return input.square().mean(1)


def train(name: str, processes: int, options: dict[str, object]) -> tuple[Model, list[object]]:
    """Train a case in double precision."""
    network, loss, data = case(name)
    if isinstance(loss, nn.Module):
        loss.double()
    model = Model(network.double(), loss, functools.partial(torch.optim.Adam, lr=0.01))
    options = {"shuffle": True, "batch_size": 4, "progress": False, **options}
    epochs = int(options.pop("epochs", 2))
    history = model.train(epochs, data, processes=processes, **options)
    measured = model.evaluate(data, batch_size=5)
    predicted = model.predict(data, batch_size=3)
    return model, [history, measured, predicted.tolist()]


def left_at_the_end(out: Path, threads: Path = Path("/proc/self/task")) -> None:
    """Write how many threads still stand between this process and the others."""
    names = [(thread / "comm").read_text().strip() for thread in threads.iterdir()]
    (out / f"threads-{os.getpid()}").write_text(str(names.count("pt_gloo_runloop")))


def main() -> None:
    processes, out, jobs = int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    atexit.register(left_at_the_end, out)  # before the trainer does, so it is called after it
    for name, options in jobs:
        model, told = train(name, processes, dict(options))
        place = out / name.replace(" ", "-")
        place.mkdir(exist_ok=True)
        model.save(place / "model.safetensors")
        rank = model.wired.across.rank
        if not options.get("sharded"):
            save_file(dict(model.wired.state_dict()), place / f"{rank}.safetensors")
        (place / f"{rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
