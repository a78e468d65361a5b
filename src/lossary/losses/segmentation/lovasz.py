"""Lovász losses: intersection over union, extended from sets to scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import class_maps, difference, ratio, reduce_classes, reduce_samples, region_maps


@signature("real N *, prob N * -> N", mask="weight N *")
def lovasz_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Lovász hinge loss, :math:`\sum_k \max(0, m_{(k)}) (J_k - J_{k-1})`, of one region in each
    sample: :math:`m_i = 1 - x_i (2 q_i - 1)` are the pixels' hinge errors, sorted from the
    largest, and :math:`J_k` is one minus the intersection over union if the k worst pixels are
    wrong.

    For foreground against background that is judged by intersection over union, of which it is
    the tight convex surrogate. Its scores are no probabilities: do not put them through a sigmoid.
    Pixels that are right by more than the margin teach nothing, so it serves best to finish a
    training that began with :func:`~lossary.binary_cross_entropy_with_logits`. It sorts the pixels.

    Args:
        input: scores, before any sigmoid, of shape (N, ...).
        target: 1 inside the region and 0 outside, of the shape of ``input``.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Berman et al., *The Lovász-Softmax Loss*, CVPR 2018, section 2.

    >>> lovasz_hinge_loss(torch.tensor([[2.0, 0.5, -0.5]]), torch.tensor([[1, 0, 0]]))
    tensor(0.8333)
    """
    maps = region_maps(input, target, mask)
    errors = 1 - maps.logits * (2 * maps.q - 1)
    return reduce_samples(_extension(errors.relu(), maps.q, maps.mask), maps, weight, reduction)


@signature("real N C *, label N * -> N", class_weight="weight C", mask="weight N *")
def lovasz_softmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_weight: Tensor | None = None,
    skip_absent: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Lovász-softmax loss, the mean over the classes of :math:`\sum_k m_{(k)} (J_k - J_{k-1})` in
    each sample: :math:`m_i = |q_i - p_i|` are the pixels' errors in the class, sorted from the
    largest, with :math:`p = \mathrm{softmax}(x)`, and :math:`J_k` is one minus the intersection
    over union if the k worst pixels are wrong.

    For segmentation that is judged by intersection over union. It has no slope where the softmax
    saturates: add :func:`~lossary.cross_entropy`, or begin with it. It sorts the pixels of each
    class, so it costs more than :func:`~lossary.jaccard_loss`.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        class_weight: the weight of each class, of shape (C,), in the mean over the classes.
        skip_absent: whether classes that are not in the target of a sample are left out of its
            mean, as in the authors' program; else such a class costs its largest probability.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Berman et al., *The Lovász-Softmax Loss*, CVPR 2018, section 3.

    >>> lovasz_softmax_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.5000)
    """
    maps = class_maps(input, target, mask)
    losses = _extension(difference(maps).abs(), maps.q, maps.mask)
    return reduce_classes(losses, maps, class_weight, skip_absent, weight, reduction)


def _extension(errors: Tensor, q: Tensor, mask: Tensor | None) -> Tensor:
    """Return the Lovász extension of the Jaccard loss at ``errors``, over the last dimension."""
    mask = torch.ones_like(q) if mask is None else mask.expand_as(q)
    errors, order = errors.sort(dim=-1, descending=True)
    inside, outside = (mask * q).gather(-1, order), (mask * (1 - q)).gather(-1, order)
    union = inside.sum(-1, keepdim=True) + outside.cumsum(-1)
    jaccard = ratio((inside + outside).cumsum(-1), union)
    return (errors * (jaccard - F.pad(jaccard, (1, 0))[..., :-1])).sum(-1)


class LovaszHingeLoss(FunctionLoss):
    """Module form of :func:`lovasz_hinge_loss`."""

    function = staticmethod(lovasz_hinge_loss)

    def __init__(
        self,
        *,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            mask=mask,
        )


class LovaszSoftmaxLoss(FunctionLoss):
    """Module form of :func:`lovasz_softmax_loss`."""

    function = staticmethod(lovasz_softmax_loss)

    def __init__(
        self,
        *,
        class_weight: Tensor | None = None,
        skip_absent: bool = False,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            class_weight=class_weight,
            skip_absent=skip_absent,
            mask=mask,
        )


SPECS = (
    LossSpec(
        function=lovasz_hinge_loss,
        module=LovaszHingeLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1705.08790",
    ),
    LossSpec(
        function=lovasz_softmax_loss,
        module=LovaszSoftmaxLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"skip_absent": True},
            {"class_weight": torch.tensor([0.0, 2.0, 1.0])},
        ),
        paper="arXiv:1705.08790",
        exempt={"learns_from_errors": "where the softmax saturates, overlap has no slope"},
    ),
)
