"""The curve of a loss: value and gradient against one number that everybody can picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .signature import Operand, Signature
from .spec import LossSpec, Trait

SPAN = 4.0  # logits, margins and errors from -SPAN to SPAN show what is worth seeing
CLASSES = 2  # of which a curve of classes shows the first


@dataclass(frozen=True)
class Curve:
    """Points of a loss along one axis.

    Attributes:
        axis: what runs along the axis.
        at: the points, of shape (points,).
        value: the loss of a unit at each point.
        gradient: its derivative along the axis, or None for a metric.
        of_batch: whether a unit's loss depends on the others, so that these points make a batch.
    """

    axis: str
    at: Tensor
    value: Tensor
    gradient: Tensor | None
    of_batch: bool = False


def curve(spec: LossSpec, points: int = 201) -> Curve | None:
    """Return the curve of a loss, or None if no single number describes a unit of it.

    A regression loss is drawn against the error, a loss of classes against the logit of the true
    class with the only other logit at zero, a loss of a label -1 or 1 against the margin, a loss
    of a yes-or-no label against the logit or the probability of a unit whose label is yes.
    """
    hyperparameters = first_classes(spec.variants[0], CLASSES)
    return trace(
        spec.signature,
        lambda *tensors: spec.function(*tensors, **hyperparameters, reduction="none"),
        points,
        differentiable=Trait.NOT_DIFFERENTIABLE not in spec.traits,
        family=spec.family,
        additive=additive(spec),
    )


def trace(
    signature: Signature,
    units: Callable[..., Tensor],
    points: int = 201,
    *,
    differentiable: bool = True,
    family: str = "",
    additive: bool = True,
) -> Curve | None:
    """Return the curve of any loss of a signature; see :func:`curve`.

    Args:
        signature: what the loss takes.
        units: gives the loss of each unit.
        points: how many.
        differentiable: whether there is a gradient to draw.
        family: of a loss of the library; it tells scores of heatmaps from logits.
        additive: whether the loss of a batch is made of those of its samples.
    """
    operands = tuple(either[0] for either in signature.operands)
    per_sample = all("*" not in operand.dims for operand in operands)
    at = SPAN * torch.linspace(-1, 1, points, dtype=torch.float64)
    at = torch.where(at.abs() < 1e-9, 0.0, at)  # a kink at zero is to be met exactly
    if signature.names[0] == "real":  # a pair of scores has no error
        return None
    if per_sample and not additive:  # it ranks a batch, where no unit has a loss of its own
        return None
    made = _unit(operands, at, signature.names, units)
    if made is None:
        return None
    axis, at, tensors = made
    if family == "robust":  # heatmaps
        axis = axis.replace("logit", "input")
    x = at.clone().requires_grad_(differentiable)
    value = units(*tensors(x))
    half = units(*(t[::2] for t in tensors(at)))
    of_batch = not torch.allclose(half.detach(), value.detach()[::2], equal_nan=True)
    if per_sample and of_batch:
        return None
    gradient = None
    if differentiable and value.requires_grad:
        (gradient,) = torch.autograd.grad(value.sum(), x)
    return Curve(axis, at, value.detach().reshape(-1), gradient, of_batch)


def additive(spec: LossSpec) -> bool:
    """Whether the loss of a batch is made of those of its samples."""
    return "parts_add" not in spec.exempt


def first_classes(hyperparameters: Mapping[str, object], classes: int) -> dict[str, object]:
    """Return hyperparameters whose tensors of one number per class have this many classes."""

    def cut(value: object) -> object:
        return value[:classes] if isinstance(value, Tensor) and value.ndim else value

    return {name: cut(value) for name, value in hyperparameters.items()}


def _unit(
    operands: tuple[Operand, ...], at: Tensor, names: tuple[str, ...], units: Callable[..., Tensor]
) -> tuple[str, Tensor, Callable[[Tensor], tuple[Tensor, ...]]] | None:
    """Return the axis, its points, and what makes a batch of one unit per point from them."""
    yes = torch.ones_like(at)
    between = torch.linspace(0.001, 0.999, len(at), dtype=at.dtype)
    texts = [str(operand) for operand in operands]
    if all(operand.dims == ("N",) for operand in operands):
        texts = [f"{operand.domain} *" for operand in operands]
    match texts:
        case ["real *", "real *"]:
            return _against_the_other(at, names, units)
        case ["real *", "sign *"]:
            return "target * input", at, lambda x: (x, yes[: len(x)])
        case ["real *", "prob *"]:
            return "logit, target 1", at, lambda x: (x, yes[: len(x)])
        case ["prob *", "prob *"]:
            return "probability, target 1", between, lambda x: (x, yes[: len(x)])
        case ["real *"]:
            return "score", at, lambda x: (x,)
        case ["real N C *", "label N *"] | ["real N C", "label N"]:
            first = torch.zeros(len(at), dtype=torch.int64)
            return (
                "logit of the true class, the other 0",
                at,
                lambda x: (torch.stack([x, torch.zeros_like(x)], 1), first),
            )
        case ["logprob N C *", "label N *"] | ["logprob N C", "label N"]:
            first = torch.zeros(len(at), dtype=torch.int64)
            return (
                "probability of the true class",
                between,
                lambda x: (torch.stack([x.log(), (1 - x).log()], 1), first),
            )
        case _:
            return None


def _against_the_other(
    at: Tensor, names: tuple[str, ...], units: Callable[..., Tensor]
) -> tuple[str, Tensor, Callable[[Tensor], tuple[Tensor, ...]]]:
    """Return the difference of two numbers as the axis, or the first where the other matters.

    The other is 0; of a loss that is not one of the difference, a target or advantage is 1, since
    an error relative to nothing means nothing.
    """
    shifted = units(at + 1, torch.ones_like(at)).detach()
    if torch.allclose(shifted, units(at, torch.zeros_like(at)).detach()):
        return f"{names[0]} - {names[1]}", at, lambda x: (x, torch.zeros_like(x).detach())
    other = 1.0 if names[1] in ("target", "advantage") else 0.0
    return (
        f"{names[0]}, {names[1]} {other:g}",
        at,
        lambda x: (x, torch.full_like(x, other).detach()),
    )
