"""Fine-tuning weighted by probability."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *")
def dft_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dynamic fine-tuning, :math:`-\bar p_y \log p_y` with :math:`p = \mathrm{softmax}(x)` and the
    constant :math:`\bar p_y = p_y`.

    :func:`~lossary.cross_entropy` in which a token counts as much as it is probable: what a policy
    gradient would do with the reward 1 for the given response. For fine-tuning a language model
    that knows the subject. What it has never seen it cannot learn from it, for there the weight is
    zero. The value falls at both ends; watch the likelihood instead.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Wu et al., *On the Generalization of SFT: A Reinforcement Learning Perspective with Reward
        Rectification*, 2025.

    >>> dft_loss(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    tensor(0.1118)
    """
    log_p = F.log_softmax(input, 1).gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(-log_p.detach().exp() * log_p, weight, reduction)


class DFTLoss(FunctionLoss):
    """Module form of :func:`dft_loss`."""

    function = staticmethod(dft_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPEC = LossSpec(
    function=dft_loss,
    module=DFTLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    paper="arXiv:2508.05629",
    exempt={
        "gradient": "the paper stops the gradient of the weight, which finite differences see",
        "second_gradient": "the same",
        "learns_from_errors": "by design: what the policy finds improbable hardly counts",
    },
)
