"""Boxes without extent, and what is no box."""

import pytest
import torch
from torch import Tensor

from lossary import catalog
from lossary.spec import LossSpec, Trait

SPECS = [
    spec
    for spec in catalog()
    if spec.family == "boxes"
    and spec.signature.operands[0][0].dims == spec.signature.operands[1][0].dims  # of box and box
]
CORNERS = [spec for spec in SPECS if spec.signature.operands[0][0].dims[-1] == "4"]


def degenerate(kind: str, size: int, scale: float) -> tuple[Tensor, Tensor]:
    """Make pairs of boxes that a network gives at the start, or at the end, of training."""
    box, other = torch.randn(2, 6, size, generator=torch.Generator().manual_seed(0)) * scale
    if kind in ("points", "both points"):
        box[:, 2:4] = box[:, :2] if size == 4 else 0.0
    if kind == "both points":
        other[:, 2:4] = other[:, :2] if size == 4 else 0.0
    if kind == "lines":
        box[:, 2] = box[:, 0] if size == 4 else 0.0
    if kind in ("equal", "lines"):
        other = box.clone()
    return box, other


@pytest.mark.parametrize("kind", ["any", "points", "both points", "lines", "equal"])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-6, 1.0, 1e4])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_box_has_a_finite_loss_and_gradient(spec: LossSpec, scale: float, kind: str) -> None:
    box, other = degenerate(kind, int(spec.signature.operands[0][0].dims[-1]), scale)
    box.requires_grad_()
    for hyper in spec.variants:
        units = spec.function(box, other, **hyper, reduction="none")
        (slope,) = torch.autograd.grad(units.sum(), box)
        assert units.isfinite().all()
        assert slope.isfinite().all()


@pytest.mark.parametrize("spec", CORNERS, ids=lambda spec: spec.name)
def test_swapped_corners_are_the_same_box(spec: LossSpec) -> None:
    box, other = (torch.tensor([row]) for row in ([0.0, 1.0, 2.0, 4.0], [1.0, 0.0, 4.0, 3.0]))
    swapped = box[:, [2, 3, 0, 1]]
    torch.testing.assert_close(spec.function(swapped, other), spec.function(box, other))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_other_numbers_than_those_of_a_box_are_refused(spec: LossSpec) -> None:
    with pytest.raises(ValueError, match=f"{spec.name}: input must have"):
        spec.function(torch.zeros(2, 3), torch.zeros(2, 3))


DRAWING = [spec for spec in CORNERS if Trait.ZERO_AT_TARGET in spec.traits]


@pytest.mark.parametrize("spec", DRAWING, ids=lambda spec: spec.name)
def test_a_network_that_says_nothing_learns_the_size_of_a_box(spec: LossSpec) -> None:
    """A point within the target has a gradient that makes it grow, along each axis."""
    point = torch.tensor([[0.5, 0.5, 0.5, 0.5]], requires_grad=True)
    nearly = torch.tensor([[0.4, 0.4, 0.6, 0.6]], requires_grad=True)
    target = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    (slope,) = torch.autograd.grad(spec.function(nearly, target, reduction="sum"), nearly)
    flat = spec.name == "log_iou_loss" and not slope.any()
    assert flat or ((slope[:, :2] >= 0).all() and (slope[:, 2:] <= 0).all())
    assert slope.any()
    (slope,) = torch.autograd.grad(spec.function(point, target, reduction="sum"), point)
    assert (slope[:, :2] >= 0).all()
    assert (slope[:, 2:] <= 0).all()
