"""Means of features."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N D, real N D -> D")
def feature_matching_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Feature matching, :math:`(\bar\phi_d(x) - \bar\phi_d(G(z)))^2` with the means
    :math:`\bar\phi` over the batch of features of a layer of the discriminator.

    A steadier aim for the generator than the discriminator's output. It matches means only: other
    moments are free. The unit is a feature, not a sample: the sum is the paper's squared distance,
    a weight has shape (D,), and micro-batches of samples do not add up to the whole.

    Args:
        real: features of real samples, of shape (N, D); flatten those of images.
        fake: features of generated samples, of the shape of ``real``.

    References:
        Salimans et al., *Improved Techniques for Training GANs*, NIPS 2016, section 3.1.

    >>> real, fake = torch.tensor([[1.0, 2.0], [3.0, 2.0]]), torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    >>> feature_matching_loss(real, fake, reduction="sum")
    tensor(2.)
    """
    count = max(len(real), 1)
    return reduce(((real - fake).sum(0) / count).square(), weight, reduction)


class FeatureMatchingLoss(FunctionLoss):
    """Module form of :func:`feature_matching_loss`."""

    function = staticmethod(feature_matching_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=feature_matching_loss,
    module=FeatureMatchingLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
    paper="arXiv:1606.03498",
)
