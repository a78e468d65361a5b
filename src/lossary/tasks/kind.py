"""Kind: what a task asks of network and loss, and what answers are worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..data.tables import Table, Task
from ..signature import Signature
from ..spec import LossSpec

Details = dict[str, Any]
"""What a task tells beyond its metrics, as plain numbers and lists of them."""

Score = Callable[[Tensor, Tensor], float]
"""A number that says what answers are worth, given the target."""


@dataclass(frozen=True)
class MetricInfo:
    """A metric for tables and pictures.

    Attributes:
        title: its name for people.
        short: the same, for narrow columns.
        better: whether more or less is better.
        of: computes it.
        same: a difference that means nothing in practice, absolute, or relative to the baseline
            for numbers in the unit of the target.
        relative: whether ``same`` is relative.
        headline: whether it is shown where there is little room.
    """

    title: str
    short: str
    better: Literal["more", "less"]
    of: Score
    same: float = 0.01
    relative: bool = False
    headline: bool = True


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor


@dataclass(frozen=True)
class Way:
    """How a loss takes part in a task.

    Attributes:
        outputs: how many numbers the network gives per sample, or per pixel.
        answer: turns the network's output into what the metrics of the task take; gets the loss
            too, which may hold thresholds or centres.
        target: turns the target of a table into what the loss takes.
        squeeze: takes the dimension of a single output away.
        arguments: what the Module must be told of the data, such as the number of classes.
        wrap: makes one loss of a class of them, from the class and its hyperparameters.
    """

    outputs: int
    answer: Callable[[Tensor, Any], Tensor]
    target: Callable[[Tensor], Tensor] = _as_it_is
    squeeze: Callable[[], nn.Module] | None = None
    arguments: Mapping[str, Any] | None = None
    wrap: Callable[[Callable[..., Any], dict[str, Any]], Any] | None = None

    def build(self, make: Callable[..., Any], hyperparameters: Mapping[str, Any]) -> Any:
        """Make the loss."""
        told = {**(self.arguments or {}), **hyperparameters}
        return self.wrap(make, told) if self.wrap else make(**told)


class Kind(ABC):
    """A kind of task.

    Attributes:
        name: as on the command line.
        metrics: what is measured on samples held out.
        primary: the metric that verdict and tuning go by.
        curves: the two metrics that are drawn after every epoch.
        stratified: whether folds hold the same share of every class.
        scaled: whether the target is a number, which losses see at mean 0 and deviation 1.
    """

    name: ClassVar[Task]
    metrics: ClassVar[dict[str, MetricInfo]]
    primary: ClassVar[str]
    curves: ClassVar[tuple[str, str]]
    stratified: ClassVar[bool] = True
    scaled: ClassVar[bool] = False

    @abstractmethod
    def way(self, signature: Signature, table: Table, spec: LossSpec | None) -> Way | None:
        """Return how a loss of this signature takes part, or None if it does not fit.

        Args:
            signature: of the loss.
            table: the data.
            spec: of a loss of the library; a user's own has none.
        """

    @abstractmethod
    def default_way(self, table: Table) -> Way:
        """Return how a user's loss takes part that does not say what it takes."""

    @abstractmethod
    def describe(self, table: Table) -> str:
        """Say what the target is."""

    def measure(
        self, answer: Tensor, y: Tensor, names: Iterable[str] | None = None
    ) -> dict[str, float]:
        """Return metrics of answers against the target, by default all."""
        return {n: float(self.metrics[n].of(answer, y)) for n in names or self.metrics}

    def details(self, answer: Tensor, y: Tensor) -> Details:
        """Return what else there is to tell."""
        return {}

    def tells(self, y: Tensor) -> bool:
        """Whether answers to these targets can be measured at all."""
        return len(y) > 1

    def least_of_a_class(self, folds: int) -> int:
        """Return how many samples every class must have."""
        return max(folds, 3)


def takes(signature: Signature) -> list[set[str]]:
    """Return what each operand may be, without dimensions that may be none."""
    return [{str(one).removesuffix(" *") for one in either} for either in signature.operands]


def elementwise(taken: list[set[str]], domain: str) -> bool:
    """Whether a loss takes a real number and a number of a domain for each sample."""
    return bool(
        len(taken) == 2 and taken[0] & {"real", "real N"} and taken[1] & {domain, f"{domain} N"}
    )


def flat() -> nn.Module:
    """Return what makes (N, 1) to (N,)."""
    return nn.Flatten(0)


def as_numbers(y: Tensor) -> Tensor:
    """Return classes 0 and 1 as numbers."""
    return y.float()


def as_signs(y: Tensor) -> Tensor:
    """Return classes 0 and 1 as -1 and 1."""
    return 2.0 * y - 1


def softmax_answer(output: Tensor, _loss: Any) -> Tensor:
    """Return log-probabilities of scores of shape (N, C, ...)."""
    return output.double().log_softmax(1)


def sigmoid_answer(output: Tensor, _loss: Any) -> Tensor:
    """Return log-probabilities (N, 2, ...) of one score for two classes, of shape (N, ...)."""
    output = output.double()
    return torch.nn.functional.logsigmoid(torch.stack([-output, output], 1))
