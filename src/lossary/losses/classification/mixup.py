"""Cross-entropy of mixed samples."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N *, label N *, prob N -> N *")
def mixup_cross_entropy(
    input: Tensor,
    target: Tensor,
    other: Tensor,
    share: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Mixup cross-entropy, :math:`-\lambda \log p_y - (1 - \lambda) \log p_{y'}` with :math:`p =
    \mathrm{softmax}(x)`.

    For samples mixed from two, :math:`\lambda` of the first and the rest of the second, as by
    mixup or CutMix. The same as the cross-entropy with soft targets, without their memory; with
    label smoothing or more than two classes per sample take :func:`~lossary.cross_entropy`.

    Args:
        input: logits of the mixed samples, of shape (N, C, ...).
        target: class indices of the first samples in [0, C), of shape (N, ...).
        other: class indices of the second samples, of the shape of ``target``.
        share: the part :math:`\lambda` of the first sample, of shape (N,).

    References:
        Zhang et al., *mixup: Beyond Empirical Risk Minimization*, ICLR 2018.

    >>> x, lam = torch.tensor([[1.0, 3.0]]).log(), torch.tensor([0.75])
    >>> mixup_cross_entropy(x, torch.tensor([1]), torch.tensor([0]), lam)
    tensor(0.5623)
    """
    log_p = input.log_softmax(1)
    first = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    second = log_p.gather(1, other.unsqueeze(1)).squeeze(1)
    part = share.reshape(-1, *(1,) * (target.ndim - 1))
    return reduce(-part * first - (1 - part) * second, weight, reduction)


class MixupCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`mixup_cross_entropy`."""

    function = staticmethod(mixup_cross_entropy)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=mixup_cross_entropy,
    module=MixupCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    paper="arXiv:1710.09412",
)
