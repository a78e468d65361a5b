"""Cross-entropy of logits of one length."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N C *, label N * -> N *", temperature="(0, inf)")
def logit_norm_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float = 0.04,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""LogitNorm loss, the cross-entropy of :math:`x / (\tau \|x\|)`.

    The network cannot become surer by longer logits, only by turning them, which leaves their
    length as a sign of samples unlike the training data. Predict and rank by the plain logits. Its
    probabilities are as sharp as ``temperature`` makes them, so choose it by held-out data.

    The loss has a least value above zero. Logits of zero have no direction; they count as they are.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        temperature: :math:`\tau`, what the normalised logits are divided by.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Wei et al., *Mitigating Neural Network Overconfidence with Logit Normalization*, ICML 2022.

    >>> logit_norm_loss(torch.tensor([[3.0, 4.0]]), torch.tensor([0]), temperature=0.2)
    tensor(1.3133)
    """
    # a common factor changes nothing; without it no square leaves the range of the numbers
    size = input.detach().abs().amax(1, keepdim=True)
    logits = (input / torch.where(size == 0, 1.0, size)).movedim(1, -1)
    logits = (normalize(logits) / temperature).movedim(-1, 1)
    return reduce(F.cross_entropy(logits, target, reduction="none"), weight, reduction)


class LogitNormLoss(FunctionLoss):
    """Module form of :func:`logit_norm_loss`."""

    function = staticmethod(logit_norm_loss)

    def __init__(
        self, *, temperature: float = 0.04, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, temperature=temperature, ignore_index=ignore_index)


SPEC = LossSpec(
    function=logit_norm_loss,
    module=LogitNormLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"temperature": 0.5}),
    paper="arXiv:2205.09310",
)
