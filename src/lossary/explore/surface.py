"""Two-dimensional pictures: boxes, pairs, three classes, and whatever has two numbers to turn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .drawable import FAILURES, Drawable

Maker = Callable[[Tensor, Tensor], tuple[Tensor, ...]]
SPAN = 4.0
RANGES = {  # what is worth seeing of each domain
    "real": (-SPAN, SPAN),
    "nonneg": (0.1, SPAN),
    "prob": (0.001, 0.999),
    "logprob": (-SPAN, -0.05),
}
USUAL = {"real": 0.0, "nonneg": 1.0, "prob": 1.0, "sign": 1.0, "logprob": -1.0}  # off the axes
NAMED = {"advantage": 1.0, "alpha": 2.0}  # where the usual number would show nothing
PAIR_FAMILIES = ("metric", "self_supervised", "yours")  # elsewhere two vectors are no pair


@dataclass(frozen=True)
class Surface:
    """A loss over two numbers.

    Attributes:
        kind: what sort of picture it is.
        axes: what runs along x and y.
        x: the points along x, of shape (points,).
        y: the points along y.
        value: the losses, of shape (points of y, points of x).
        gradient: their derivatives along x and y, of shape (2, points of y, points of x).
        alone: whether each point was a batch of its own, since a unit's loss depends on others.
    """

    kind: str
    axes: tuple[str, str]
    x: Tensor
    y: Tensor
    value: Tensor
    gradient: Tensor | None
    alone: bool = False


@dataclass(frozen=True)
class _Plane:
    kind: str
    axes: tuple[str, str]
    x: tuple[float, float]
    y: tuple[float, float]
    make: Maker
    per_point: int = 1  # units, of which the mean is drawn
    classes: int = 3


def surface(loss: Drawable, points: int = 41, **hyperparameters: float) -> Surface | None:
    """Return a loss over two numbers, or None if none describe it.

    A loss of boxes is drawn over shift and scale of a box, one of pairs or triplets over two
    distances between unit vectors, one of classes over two of three logits, one of class vectors
    over the plane of an embedding, another over the first two numbers that it takes.

    Raises:
        DrawError: if the loss fails there, or a hyperparameter is not one.
    """
    plane = _plane(loss)
    if plane is None:
        return None
    units = loss.units(hyperparameters, plane.classes)
    try:
        return _over(plane, loss, units, points)
    except FAILURES as error:
        raise loss.failed(error) from error


def _over(
    plane: _Plane, loss: Drawable, units: Callable[..., Tensor], points: int
) -> Surface | None:
    x = torch.linspace(*plane.x, points, dtype=torch.float64)
    y = torch.linspace(*plane.y, points, dtype=torch.float64)
    flat_y, flat_x = (g.reshape(-1) for g in torch.meshgrid(y, x, indexing="ij"))

    def losses(x: Tensor, y: Tensor) -> Tensor:
        found = units(*plane.make(x, y))
        return found if plane.per_point == 1 else found.reshape(plane.per_point, -1).mean(0)

    with torch.no_grad():
        few, more = losses(flat_x[:2], flat_y[:2]), losses(flat_x[:5], flat_y[:5])
    if few.shape != (2,) or more.shape != (5,):
        return None
    alone = not torch.allclose(few, more[:2], equal_nan=True)
    per_sample = plane.kind != "class vectors" and "*" not in loss.signature.text
    if per_sample and (alone or not loss.additive):  # of one sample alone it says nothing
        return None
    made = [flat_x.clone().requires_grad_(), flat_y.clone().requires_grad_()]
    if alone:
        pairs = zip(made[0].split(1), made[1].split(1), strict=True)
        value = torch.cat([losses(*pair) for pair in pairs])
    else:
        value = losses(*made)
    gradient = None
    if loss.differentiable and value.requires_grad:
        found = torch.autograd.grad(value.sum(), made, allow_unused=True)
        filled = [torch.zeros_like(flat_x) if g is None else g for g in found]
        gradient = torch.stack(filled).reshape(2, points, points)
    grid = value.detach().reshape(points, points)
    return Surface(plane.kind, plane.axes, x, y, grid, gradient, alone)


def _plane(loss: Drawable) -> _Plane | None:
    """Return the plane of a loss, by what it takes."""
    operands = [either[0] for either in loss.signature.operands]
    match [str(operand) for operand in operands]:
        case ["real * 4", "real * 4"] | ["real N 4", "real N 4"]:
            axes = ("shift, in widths of the true box", "scale, as a power of 2")
            return _Plane("boxes", axes, (-2, 2), (-2, 2), _boxes)
        case ["real * 5", "real * 5"]:
            axes = ("shift, in widths of the true box", "angle between the boxes, in degrees")
            return _Plane("boxes", axes, (-2, 2), (-90, 90), _turned_boxes)
        case ["real N C *" | "real N C", "label N *" | "label N"]:
            axes = ("logit of the true class", "logit of another class, the third 0")
            return _Plane("three classes", axes, (-SPAN, SPAN), (-SPAN, SPAN), _classes)
        case ["real N D", "real N D", "real N D"] if loss.signature.unit == ("N",):
            axes = ("distance to the positive", "distance to the negative")
            return _Plane("pairs", axes, (0.02, 1.98), (0.02, 1.98), _triplet)
        case ["real N D", "real N D", "sign N"]:
            axes = ("distance of a pair that is alike", "distance of a pair that is not")
            return _Plane("pairs", axes, (0.02, 1.98), (0.02, 1.98), _like_and_unlike, 2)
        case ["real N D", "real N D"] if loss.family in PAIR_FAMILIES:
            axes = (
                "embedding, first coordinate",
                "embedding, second coordinate; its pair is (1, 0)",
            )
            return _Plane("pairs", axes, (-2, 2), (-2, 2), _pair)
        case ["real N D", "real C D", "label N"]:
            axes = ("embedding, first coordinate", "embedding, second coordinate")
            return _Plane("class vectors", axes, (-2, 2), (-2, 2), _class_vectors)
        case _:
            return _two_numbers(loss)


def _boxes(shift: Tensor, scale: Tensor) -> tuple[Tensor, ...]:
    half = torch.exp2(scale) / 2
    box = torch.stack([shift - half, -half, shift + half, half], -1)
    return box, box.new_tensor([-0.5, -0.5, 0.5, 0.5]).expand_as(box)


def _turned_boxes(shift: Tensor, angle: Tensor) -> tuple[Tensor, ...]:
    one, nothing = torch.ones_like(shift), torch.zeros_like(shift)
    box = torch.stack([shift, nothing, one, one / 2, angle * (math.pi / 180)], -1)
    return box, box.new_tensor([0, 0, 1, 0.5, 0]).expand_as(box)


def _classes(own: Tensor, other: Tensor) -> tuple[Tensor, ...]:
    logits = torch.stack([own, other, torch.zeros_like(own)], 1)
    return logits, torch.zeros(len(own), dtype=torch.int64)


def _at_distance(distance: Tensor, side: float) -> Tensor:
    """Return unit vectors at these distances from (1, 0)."""
    angle = 2 * (distance / 2).asin()
    return torch.stack([angle.cos(), side * angle.sin()], 1)


def _first(distance: Tensor) -> Tensor:
    return distance.new_tensor([1.0, 0.0]).expand(len(distance), 2)


def _triplet(positive: Tensor, negative: Tensor) -> tuple[Tensor, ...]:
    return _first(positive), _at_distance(positive, 1.0), _at_distance(negative, -1.0)


def _like_and_unlike(alike: Tensor, unlike: Tensor) -> tuple[Tensor, ...]:
    """Return two pairs for each point, the like ones first."""
    far = torch.cat([_at_distance(alike, 1.0), _at_distance(unlike, -1.0)])
    label = torch.cat([torch.ones_like(alike), -torch.ones_like(unlike)]).detach()
    return torch.cat([_first(alike), _first(unlike)]), far, label


def _pair(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return torch.stack([x, y], 1), _first(x)


def _class_vectors(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    angles = x.new_tensor([0.0, 2 * math.pi / 3, -2 * math.pi / 3])
    vectors = torch.stack([angles.cos(), angles.sin()], 1)
    return torch.stack([x, y], 1), vectors, torch.zeros(len(x), dtype=torch.int64)


def _two_numbers(loss: Drawable) -> _Plane | None:
    """Return the plane of a loss of several numbers per unit."""
    operands = [either[0] for either in loss.signature.operands]
    names = loss.signature.names
    single = all(o.dims == ("*",) for o in operands) or all(o.dims == ("N",) for o in operands)
    if not single or len(operands) < 2:
        return None
    domains = [operand.domain for operand in operands]
    if any(domain not in USUAL for domain in domains):
        return None
    one, two = 0, 1
    if "advantage" in names:
        two = names.index("advantage")
    elif names[1] == "target" and len(names) > 2 and domains[2] in ("real", "nonneg"):
        two = 2
    elif names == ("input", "target") and (
        domains[1] in ("prob", "sign") or domains == ["real", "real"]
    ):
        return None  # its curve says it all
    if domains[two] not in RANGES:
        return None
    rest = {
        i: 1.0
        if names[i] == "target" and domain == "nonneg"
        else NAMED.get(names[i], USUAL[domain])
        for i, domain in enumerate(domains)
        if i not in (one, two)
    }

    def make(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        at = {one: x, two: y}
        return tuple(
            at[i] if i in at else torch.full_like(x, rest[i]).detach() for i in range(len(names))
        )

    told = ", ".join(f"{names[i]} {number:g}" for i, number in rest.items())
    axes = (names[one].replace("_", " "), names[two].replace("_", " "))
    axes = (axes[0] + (f"  ({told})".replace("_", " ") if told else ""), axes[1])
    return _Plane("two numbers", axes, RANGES[domains[one]], RANGES[domains[two]], make)
