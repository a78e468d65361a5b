"""Boundary loss: probability far from where it belongs."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import average, class_maps, reduce_classes, reduce_samples, region_maps


@signature("real N C *, real N C * -> N", class_weight="weight C", mask="weight N *")
def boundary_loss(
    input: Tensor,
    distance: Tensor,
    *,
    class_weight: Tensor | None = None,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Boundary loss of exclusive classes, the mean of :math:`p_{ic} \varphi_{ic}` over the pixels
    and classes of each sample, with :math:`p = \mathrm{softmax}(x)` and signed distances
    :math:`\varphi`.

    To be added to a loss of overlap or a cross-entropy, with a factor that grows during training:
    errors cost more the farther they are from the true boundary. On its own it forgets small
    regions. It may be negative; its least value is where each class fills its region.

    The distances are computed once, from the labels, as with
    ``scipy.ndimage.distance_transform_edt``: that of the outside minus that of the inside, and
    zeros for a class that is not there.

    Args:
        input: logits, of shape (N, C, ...).
        distance: signed distance of each pixel to the boundary of the true region of each class,
            of the shape of ``input``: negative inside, positive outside.
        class_weight: the weight of each class, of shape (C,), in the mean over the classes.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Kervadec et al., *Boundary Loss for Highly Unbalanced Segmentation*, MIDL 2019, section 2.

    >>> boundary_loss(torch.zeros(1, 2, 2), torch.tensor([[[-1.0, 2.0], [1.0, -2.0]]]))
    tensor(0.)
    """
    maps = class_maps(input, distance, mask)
    losses = average(maps.p * maps.q, maps.mask)
    return reduce_classes(losses, maps, class_weight, False, weight, reduction)


@signature("real N *, real N * -> N", mask="weight N *")
def sigmoid_boundary_loss(
    input: Tensor,
    distance: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Boundary loss of one region, the mean of :math:`p_i \varphi_i` over the pixels of each
    sample, with :math:`p = \sigma(x)` and signed distances :math:`\varphi`.

    For foreground against background, to be added to a loss of overlap or a cross-entropy; see
    :func:`~lossary.boundary_loss`. Channels have losses of their own with ``flatten(0, 1)``.

    Args:
        input: logits, of shape (N, ...).
        distance: signed distance of each pixel to the boundary of the true region, of the shape
            of ``input``: negative inside, positive outside.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Kervadec et al., *Boundary Loss for Highly Unbalanced Segmentation*, MIDL 2019, section 2.

    >>> sigmoid_boundary_loss(torch.zeros(1, 3), torch.tensor([[-1.0, 1.0, 3.0]]))
    tensor(0.5000)
    """
    maps = region_maps(input, distance, mask)
    return reduce_samples(average(maps.p * maps.q, maps.mask), maps, weight, reduction)


class BoundaryLoss(FunctionLoss):
    """Module form of :func:`boundary_loss`."""

    function = staticmethod(boundary_loss)

    def __init__(
        self,
        *,
        class_weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            class_weight=class_weight,
            mask=mask,
        )


class SigmoidBoundaryLoss(FunctionLoss):
    """Module form of :func:`sigmoid_boundary_loss`."""

    function = staticmethod(sigmoid_boundary_loss)

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


SPECS = (
    LossSpec(
        function=boundary_loss,
        module=BoundaryLoss,
        traits=Trait.SHIFT_INVARIANT,
        variants=({}, {"class_weight": torch.tensor([0.0, 2.0, 1.0])}),
        paper="arXiv:1812.07032",
    ),
    LossSpec(
        function=sigmoid_boundary_loss,
        module=SigmoidBoundaryLoss,
        paper="arXiv:1812.07032",
    ),
)
