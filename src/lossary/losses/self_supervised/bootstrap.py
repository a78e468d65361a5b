"""Predicting the representation of another view, which stands still."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N D, real N D -> N")
def byol_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""BYOL, :math:`\|\bar p - \bar z\|^2 = 2 - 2 \cos(p, z)` of a prediction p and a target z that
    is a constant to the gradient.

    For representations of two views without negatives: the target comes from a slowly moving
    average of the network. The gradient is stopped here, so the target may come as it is. The
    paper adds the loss with the views swapped. That nothing collapses is the work of the predictor
    and the moving average, not of this loss.

    Args:
        input: the predictions of the online network, of shape (N, D).
        target: the projections of the target network for the other view, of shape (N, D).

    References:
        Grill et al., *Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning*,
        NeurIPS 2020, eq. 2.

    >>> byol_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
    tensor(0.5858)
    """
    return reduce(2 + 2 * _negative_cosine(input, target), weight, reduction)


@signature("real N D, real N D -> N")
def simsiam_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""SimSiam, :math:`-\cos(p, z)` of a prediction p and a target z that is a constant to the
    gradient.

    For representations of two views without negatives, by one network: half of
    :func:`~lossary.byol_loss`, less 1. The gradient is stopped here, so the target may come as it
    is. The paper takes the mean with the loss of the views swapped. A mean near -1 early in
    training is a sign of collapse: look at the spread of the normalized projections.

    Args:
        input: predictions, of shape (N, D).
        target: projections of the other view, of shape (N, D).

    References:
        Chen and He, *Exploring Simple Siamese Representation Learning*, CVPR 2021, eq. 1 and 3.

    >>> simsiam_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
    tensor(-0.7071)
    """
    return reduce(_negative_cosine(input, target), weight, reduction)


def _negative_cosine(input: Tensor, target: Tensor) -> Tensor:
    return -(normalize(input) * normalize(target.detach())).sum(1).clamp(-1, 1)


class BYOLLoss(FunctionLoss):
    """Module form of :func:`byol_loss`."""

    function = staticmethod(byol_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class SimSiamLoss(FunctionLoss):
    """Module form of :func:`simsiam_loss`."""

    function = staticmethod(simsiam_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


_FIXED = "the target is a constant to the gradient, by definition"

SPECS = (
    LossSpec(
        function=byol_loss,
        module=BYOLLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        paper="arXiv:2006.07733",
        exempt={"gradient": _FIXED, "second_gradient": _FIXED},
    ),
    LossSpec(
        function=simsiam_loss,
        module=SimSiamLoss,
        traits=Trait.SYMMETRIC,
        paper="arXiv:2011.10566",
        exempt={"gradient": _FIXED, "second_gradient": _FIXED},
    ),
)
