"""One training in two processes, which gives what one process gives.

``python examples/processes.py`` starts the second process by itself. Each process reads every
second batch. An optimizer step takes one batch of each, so half the batch size in two processes is
the whole batch size in one: compare ``--processes 1``.
"""

import argparse
import functools

import torch
from torch import Tensor, nn

import lossary
from lossary.train import Callback, Model, Run


class Result(Callback):
    """Print the last record and the first parameters, once, not in every process."""

    def on_train_end(self, run: Run) -> None:
        if run.rank == 0:
            weights = next(run.model.network.parameters())[0].tolist()
            print(f"processes: {run.processes}, optimizer steps: {run.total_steps}")
            print(f"loss: {run.history[-1]['loss']:.10f}")
            print(f"accuracy: {run.history[-1]['valid_accuracy']:.4f}")
            print("weights: " + " ".join(f"{weight:.10f}" for weight in weights))


def make_data() -> tuple[Tensor, Tensor]:
    """Draw points and the side that each lies on; of every tenth nobody knows it."""
    x = torch.randn(250, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    side = (x[:, 0] * x[:, 1] > 0).long()
    side[::10] = -100
    return x, side


def accuracy(output: Tensor, side: Tensor) -> Tensor:
    """Return the share of the known sides that was found."""
    return (output.argmax(1) == side)[side >= 0].double().mean()


def main() -> None:
    """Train in as many processes as are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    processes = parser.parse_args().processes
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2)).double()
    model = Model(
        network,
        lossary.CrossEntropyLoss(),  # it leaves out labels of -100, and says what it divides by
        functools.partial(torch.optim.Adam, lr=0.02),
        metrics={"accuracy": accuracy},
    )
    data = make_data()
    model.train(10, data, [Result()], valid=data, batch_size=32 // processes, processes=processes)


if __name__ == "__main__":
    main()
