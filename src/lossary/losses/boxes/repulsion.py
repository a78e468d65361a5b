"""Pushing boxes away from their neighbours', in crowds."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap, ratio


@signature("real * 4, real * 4 -> *", sigma="[0, 1)")
def repulsion_truth_loss(
    input: Tensor,
    target: Tensor,
    *,
    sigma: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Repulsion from other objects (RepGT), :math:`f(|b \cap g| / |g|)` with :math:`f(x) = -\ln(1
    - x)` up to :math:`\sigma`, and from there on its tangent, :math:`\frac{x - \sigma}{1 - \sigma}
    - \ln(1 - \sigma)`.

    For people in crowds, added with a weight of 0.5 or so to a loss that draws the box to its own
    object: it pushes the box off the neighbour that it overlaps most. Of the neighbour's area, not
    of the union, so that the box cannot get out of it by growing. Where objects are far apart it is
    0.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: for each box the true box it is pushed from: of those that are not its own, the one
            of the largest IoU with the proposal or anchor.
        sigma: the share :math:`\sigma` from which on the loss is straight; 0 makes it the share
            itself.

    References:
        Wang et al., *Repulsion Loss: Detecting Pedestrians in a Crowd*, CVPR 2018, section 4.

    >>> box, other = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]])
    >>> repulsion_truth_loss(box, other)  # half of it is covered: log 2
    tensor(0.6931)
    """
    lie = overlap("repulsion_truth_loss", input, target)
    width, height = lie.target_sides
    covered = ratio(lie.iou * lie.union, width * height)
    return reduce(_bent_log(covered, sigma), weight, reduction)


@signature("real N 4, label N -> N", sigma="[0, 1)")
def repulsion_box_loss(
    input: Tensor,
    target: Tensor,
    *,
    sigma: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Repulsion of boxes of different objects (RepBox), the mean of :math:`f(\mathrm{IoU}(b_i,
    b_j))` over the pairs that overlap, with :math:`f` of :func:`~lossary.repulsion_truth_loss`.

    For people in crowds, added with a weight of 0.5 or so to a loss that draws boxes to their
    objects: boxes of different people come to overlap less, so that removing near duplicates does
    not remove people. It compares all boxes with all others; those of different images must come
    in calls of their own, or where they do not overlap.

    The unit is a box, with the mean over the boxes it overlaps, and it weighs as many as these
    are.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (N, 4); corners in the wrong order are
            swapped.
        target: the number of the object of each box, from 0, of shape (N,).
        sigma: the IoU :math:`\sigma` from which on the loss is straight; 0 makes it the IoU itself.

    References:
        Wang et al., *Repulsion Loss: Detecting Pedestrians in a Crowd*, CVPR 2018, section 4.

    >>> boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    >>> repulsion_box_loss(boxes, torch.tensor([0, 1, 0]))  # 2 of 6
    tensor(0.3333)
    """
    if input.shape[-1] == 4:
        one, other = input.unsqueeze(1), input.unsqueeze(0)
    else:
        one = other = input  # whose shape overlap tells of
    iou = overlap("repulsion_box_loss", one, other).iou
    there = torch.ones_like(target, dtype=torch.bool) if weight is None else weight != 0
    apart = (target.unsqueeze(1) != target.unsqueeze(0)) & there
    count = (apart & (iou > 0)).sum(1).to(iou.dtype)
    units = torch.where(apart, _bent_log(iou, sigma), 0.0).sum(1) / count.clamp(min=1)
    return reduce(units, weigh(count, weight), reduction)


def _bent_log(x: Tensor, sigma: float) -> Tensor:
    return (x - sigma).clamp(min=0) / (1 - sigma) - torch.log1p(-x.clamp(max=sigma))


class RepulsionTruthLoss(FunctionLoss):
    """Module form of :func:`repulsion_truth_loss`."""

    function = staticmethod(repulsion_truth_loss)

    def __init__(self, *, sigma: float = 0.5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, sigma=sigma)


class RepulsionBoxLoss(FunctionLoss):
    """Module form of :func:`repulsion_box_loss`."""

    function = staticmethod(repulsion_box_loss)

    def __init__(self, *, sigma: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, sigma=sigma)


def _crowd(generator: Generator) -> tuple[object, ...]:
    """Make boxes of three objects that stand close, and of one far away."""
    number = torch.tensor([0, 1, 2, 0, 1, 3, 2])
    place = torch.tensor([0.0, 0.5, 1.1, 20.0])[number]
    centre = torch.stack([place, torch.zeros(7)], 1) + 0.2 * torch.randn(7, 2, generator=generator)
    side = torch.rand(7, 2, generator=generator) + 0.5
    return torch.cat([centre - side / 2, centre + side / 2], 1), number


SPECS = (
    LossSpec(
        function=repulsion_truth_loss,
        module=RepulsionTruthLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"sigma": 0.0}, {"sigma": 0.9}),
        paper="arXiv:1711.07752",
        example=example,
    ),
    LossSpec(
        function=repulsion_box_loss,
        module=RepulsionBoxLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"sigma": 0.2}),
        paper="arXiv:1711.07752",
        example=_crowd,
        exempt={"parts_add": "each box is pushed from all others"},
    ),
)
