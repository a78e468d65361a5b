"""Hausdorff loss: errors weighted by their distance to the boundaries."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import average, difference, pixels, reduce_samples, region_maps


@signature("real N *, prob N *, nonneg N *, nonneg N * -> N", alpha="(0, inf)", mask="weight N *")
def hausdorff_loss(
    input: Tensor,
    target: Tensor,
    input_distance: Tensor,
    target_distance: Tensor,
    *,
    alpha: float = 2.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hausdorff loss by distance transforms, the mean of :math:`(p - q)^2 (d_p^\alpha +
    d_q^\alpha)` over the pixels of each sample, with :math:`p = \sigma(x)` and the distances
    :math:`d` to the boundaries of prediction and target.

    For foreground against background where the farthest error matters most, as the Hausdorff
    distance judges. To be added to a loss of overlap: near the boundary it has hardly a slope. It
    stands in for the distance, it does not estimate it. Channels have losses of their own with
    ``flatten(0, 1)``.

    The distances are numbers without a gradient, as of ``scipy.ndimage.distance_transform_edt``.
    Those of the prediction change at every step; zeros in their place give the one-sided loss,
    whose distances are computed once.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, of the shape of ``input``.
        input_distance: distance of each pixel to the boundary of the predicted region, where
            :math:`p > 1/2`, of the shape of ``input``.
        target_distance: distance of each pixel to the boundary of the true region, of the shape
            of ``input``.
        alpha: how much more distant errors count, :math:`\alpha`.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Karimi and Salcudean, *Reducing the Hausdorff Distance in Medical Image Segmentation with
        Convolutional Neural Networks*, IEEE Transactions on Medical Imaging 2020, section II.

    >>> near, far = torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 2.0]])
    >>> hausdorff_loss(torch.zeros(1, 2), torch.tensor([[1, 0]]), near, far)
    tensor(0.8750)
    """
    maps = region_maps(input, target, mask)
    distances = pixels(input_distance, 1) ** alpha + pixels(target_distance, 1) ** alpha
    losses = difference(maps).square() * distances
    return reduce_samples(average(losses, maps.mask), maps, weight, reduction)


class HausdorffLoss(FunctionLoss):
    """Module form of :func:`hausdorff_loss`."""

    function = staticmethod(hausdorff_loss)

    def __init__(
        self,
        *,
        alpha: float = 2.0,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            alpha=alpha,
            mask=mask,
        )


SPEC = LossSpec(
    function=hausdorff_loss,
    module=HausdorffLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"alpha": 1.0}),
    paper="arXiv:1904.10030",
)
