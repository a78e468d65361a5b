"""Area under the ROC curve, by a game that needs no pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N, real, real, real, prob N -> N", positive_share="(0, 1)", margin="[0, inf)")
def auc_margin_loss(
    input: Tensor,
    a: Tensor,
    b: Tensor,
    alpha: Tensor,
    target: Tensor,
    *,
    positive_share: float,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""AUC margin loss, :math:`(1 - \pi) y (s - a)^2 + \pi (1 - y) (s - b)^2 + 2 \alpha \big(\pi
    (1 - \pi) m + \pi (1 - y) s - (1 - \pi) y s\big) - \pi (1 - \pi) \alpha^2`.

    For the area under the ROC curve of imbalanced binary classes: the squared hinge loss of all
    pairs as a game, so that samples come one by one. Descend in the network, :math:`a` and
    :math:`b`, which become the mean scores of the two classes, and ascend in :math:`\alpha`, kept
    at 0 or above: negate its gradient before the optimizer's step, and clamp it after. Begin with a
    network trained by the cross-entropy, and bound the scores, by a sigmoid for example. For
    batches with enough samples of both classes, :func:`~lossary.auc_squared_hinge_loss` is simpler.

    The loss may be negative.

    Args:
        input: scores :math:`s`, of shape (N,).
        a: the mean score of positives, a tensor without dimensions, learnt.
        b: the mean score of negatives, a tensor without dimensions, learnt.
        alpha: the multiplier :math:`\alpha`, a tensor without dimensions, learnt by ascent.
        target: labels 0 and 1, of shape (N,).
        positive_share: the part :math:`\pi` of the training samples that is positive.
        margin: the margin :math:`m` between the two classes.

    References:
        Yuan et al., *Large-scale Robust Deep AUC Maximization: A New Surrogate Loss and Empirical
        Studies on Medical Image Classification*, ICCV 2021.

    >>> x, y = torch.tensor([1.0]), torch.tensor([1.0])
    >>> a, b, alpha = torch.tensor(0.0), torch.tensor(0.0), torch.tensor(0.5)
    >>> auc_margin_loss(x, a, b, alpha, y, positive_share=0.5)
    tensor(0.1875)
    """
    p, rest = positive_share, 1 - positive_share
    spread = rest * target * (input - a).square() + p * (1 - target) * (input - b).square()
    gap = p * rest * margin + (p * (1 - target) - rest * target) * input
    return reduce(spread + 2 * alpha * gap - p * rest * alpha.square(), weight, reduction)


class AUCMarginLoss(FunctionLoss):
    """Module form of :func:`auc_margin_loss`.

    It owns ``a``, ``b`` and ``alpha``, which begin at 0, and is called with ``(input, target)``.
    """

    function = staticmethod(auc_margin_loss)

    def __init__(
        self, *, positive_share: float, margin: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, positive_share=positive_share, margin=margin)
        self.a = nn.Parameter(torch.zeros(()))
        self.b = nn.Parameter(torch.zeros(()))
        self.alpha = nn.Parameter(torch.zeros(()))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.a, self.b, self.alpha, target


SPEC = LossSpec(
    function=auc_margin_loss,
    module=AUCMarginLoss,
    traits=Trait.CONVEX,
    variants=({"positive_share": 0.1}, {"positive_share": 0.4, "margin": 0.5}),
    paper="arXiv:2012.03173",
    owned={"a": "a", "b": "b", "alpha": "alpha"},
)
