"""Cross-entropy that trusts labels and predictions in part."""

from __future__ import annotations

import math

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", alpha="[0, inf)", beta="[0, inf)", delta="(0, 1)")
def in_trust_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    delta: float = 0.5,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""In-trust loss, :math:`-\alpha \log p_y - \beta \sum_c p_c \log(\delta p_c + (1 - \delta)
    q_c)` with :math:`p = \mathrm{softmax}(x)` and the one-hot label :math:`q`.

    For labels of which some are wrong, as those of taggers: the second part trusts the prediction
    by :math:`\delta` and the label by the rest, so a sure contradiction of a label has a bounded
    price there. With clean labels the cross-entropy is better.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        alpha: the weight :math:`\alpha` of the cross-entropy.
        beta: the weight :math:`\beta` of the second part.
        delta: the trust :math:`\delta` in the prediction.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Huang et al., *Named Entity Recognition via Noise Aware Training Mechanism with Data
        Filter*, Findings of ACL 2021.

    >>> in_trust_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(1.5301)
    """
    index = target.unsqueeze(1)
    log_p = input.log_softmax(1)
    own = log_p.gather(1, index)
    p = log_p.exp()
    trusted = math.log(delta) + log_p
    trusted = trusted.scatter(1, index, (delta * own.exp() + 1 - delta).log())
    units = -alpha * own.squeeze(1) - beta * (p * trusted).sum(1)
    return reduce(units, weight, reduction)


class InTrustLoss(FunctionLoss):
    """Module form of :func:`in_trust_loss`."""

    function = staticmethod(in_trust_loss)

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        beta: float = 1.0,
        delta: float = 0.5,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, beta=beta, delta=delta, ignore_index=ignore_index)


SPEC = LossSpec(
    function=in_trust_loss,
    module=InTrustLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 0.5, "beta": 2.0, "delta": 0.2}),
    paper="Huang et al., NER via Noise Aware Training Mechanism with Data Filter, ACL 2021",
)
