"""The curve of a loss: value and gradient against one number that everybody can picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .signature import Operand
from .spec import LossSpec, Trait

SPAN = 4.0  # logits, margins and errors from -SPAN to SPAN show what is worth seeing


@dataclass(frozen=True)
class Curve:
    """Points of a loss along one axis.

    Attributes:
        axis: what runs along the axis.
        at: the points, of shape (points,).
        value: the loss of a unit at each point.
        gradient: its derivative along the axis, or None for a metric.
    """

    axis: str
    at: Tensor
    value: Tensor
    gradient: Tensor | None


def curve(spec: LossSpec, points: int = 201) -> Curve | None:
    """Return the curve of a loss, or None if no single number describes a unit of it.

    A regression loss is drawn against the error, a loss of classes against the logit of the true
    class with the only other logit at zero, a loss of a label -1 or 1 against the margin, a loss
    of a yes-or-no label against the logit or the probability of a unit whose label is yes.
    """
    at = torch.linspace(-SPAN, SPAN, points, dtype=torch.float64)
    made = _unit(tuple(either[0] for either in spec.signature.operands), at)
    if made is None or spec.signature.names[0] == "real":  # a pair of scores has no error
        return None
    axis, at, tensors = made
    x = at.clone().requires_grad_()
    value = spec.function(*tensors(x), **_hyperparameters(spec), reduction="none")
    gradient = None
    if not spec.traits & Trait.NOT_DIFFERENTIABLE:
        (gradient,) = torch.autograd.grad(value.sum(), x)
    return Curve(axis, at, value.detach().reshape(-1), gradient)


def _hyperparameters(spec: LossSpec) -> dict[str, object]:
    """Return the first hyperparameters that the loss is checked at, with two classes."""

    def for_two(value: object) -> object:
        return value[:2] if isinstance(value, Tensor) and value.ndim else value

    return {name: for_two(value) for name, value in spec.variants[0].items()}


def _unit(
    operands: tuple[Operand, ...], at: Tensor
) -> tuple[str, Tensor, Callable[[Tensor], tuple[Tensor, ...]]] | None:
    """Return the axis, its points, and what makes a batch of one unit per point from them."""
    yes = torch.ones_like(at)
    between = torch.linspace(0.001, 0.999, len(at), dtype=at.dtype)
    match [str(operand) for operand in operands]:
        case ["real *", "real *"]:
            return "input - target", at, lambda x: (x, torch.zeros_like(at))
        case ["real *", "sign *"]:
            return "target * input", at, lambda x: (x, yes)
        case ["real *", "prob *"]:
            return "logit, target 1", at, lambda x: (x, yes)
        case ["prob *", "prob *"]:
            return "probability, target 1", between, lambda x: (x, yes)
        case ["real *"]:
            return "score", at, lambda x: (x,)
        case ["real N C *", "label N *"]:
            first = torch.zeros(len(at), dtype=torch.int64)
            return (
                "logit of the true class, the other 0",
                at,
                lambda x: (torch.stack([x, torch.zeros_like(x)], 1), first),
            )
        case ["logprob N C *", "label N *"]:
            first = torch.zeros(len(at), dtype=torch.int64)
            return (
                "probability of the true class",
                between,
                lambda x: (torch.stack([x.log(), (1 - x).log()], 1), first),
            )
        case _:
            return None
