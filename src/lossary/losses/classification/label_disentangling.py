"""Cross-entropy for long-tailed data whose logits are held to be density ratios."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec

NEVER = -1e30  # the logarithm of a share of zero, with which one can still calculate


@signature(
    "real N C, label N -> N",
    class_prior="prob C",
    alpha="[0, inf)",
    penalty="[0, inf)",
    eps="(0, 1)",
)
def label_disentangling_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_prior: Tensor,
    alpha: float = 0.1,
    penalty: float = 0.1,
    eps: float = 1e-8,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Label distribution disentangling loss (LADE), :math:`-\log \frac{\pi_y e^{x_y}}{\sum_c
    \pi_c e^{x_c}} + \alpha \sum_c \pi_c \left(-\bar x_c + E_c + \lambda E_c^2\right)` with the mean
    :math:`\bar x_c` of the logit of class c over the samples of c, and :math:`E_c = \log \tfrac1N
    \sum_i \frac{1}{C \pi_{y_i}} e^{x_{ic}}`.

    For long-tailed data whose test data may have any frequencies. The first part is
    :func:`~lossary.logit_adjusted_loss`; the second holds each logit by itself to be the logarithm
    of :math:`p(x \mid c) / p(x)` where all classes are equally frequent, by a bound of the
    divergence of the two (Donsker and Varadhan) with a penalty :math:`\lambda` on its drift.
    Predict from the plain logits plus the logarithms of the frequencies to be expected. Batches
    must not be small, as :math:`E_c` is a mean over them. The loss may be negative.

    The samples are weighted by the frequency of their own class; the authors' code takes that of
    class c instead.

    Args:
        input: logits, of shape (N, C).
        target: class indices in [0, C), of shape (N,).
        class_prior: the frequency :math:`\pi_c` of each class in training, of shape (C,); classes
            of frequency 0 count as ``eps``.
        alpha: the weight :math:`\alpha` of the second part.
        penalty: the strength :math:`\lambda` of the penalty.
        eps: the least frequency.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Hong et al., *Disentangling Label Distribution for Long-tailed Visual Recognition*, CVPR
        2021.

    >>> x, y, prior = torch.tensor([[1.0, 0.0]]), torch.tensor([0]), torch.tensor([0.5, 0.5])
    >>> label_disentangling_loss(x, y, class_prior=prior, alpha=1.0, penalty=1.0)  # log(1+1/e)+1/2
    tensor(0.8133)
    """
    log_prior = class_prior.clamp(min=eps).log()
    units = F.cross_entropy(input + log_prior, target, reduction="none")
    if len(input):
        there = torch.ones_like(target) if weight is None else (weight != 0).to(target.dtype)
        count = there.sum().clamp(min=1)
        # each logarithm of one over N C pi; where nothing is there, anything finite will do
        shares = -(count * input.shape[1]).to(input.dtype).log() - log_prior[target]
        shares = torch.where((there == 1) | ~there.any(), shares, NEVER)
        normaliser = (input + shares.unsqueeze(1)).logsumexp(0)
        held = (class_prior * (normaliser + penalty * normaliser.square())).sum()
        number = torch.zeros_like(class_prior, dtype=there.dtype).index_add(0, target, there)
        share = class_prior[target] * count / number[target].clamp(min=1)
        own = input.gather(1, target.unsqueeze(1)).squeeze(1)
        units = units + alpha * (held - share * own)
    return reduce(units, weight, reduction)


class LabelDisentanglingLoss(FunctionLoss):
    """Module form of :func:`label_disentangling_loss`."""

    function = staticmethod(label_disentangling_loss)

    def __init__(
        self,
        *,
        class_prior: Tensor,
        alpha: float = 0.1,
        penalty: float = 0.1,
        eps: float = 1e-8,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            class_prior=class_prior,
            alpha=alpha,
            penalty=penalty,
            eps=eps,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=label_disentangling_loss,
    module=LabelDisentanglingLoss,
    variants=(
        {"class_prior": torch.tensor([0.7, 0.2, 0.1])},
        {"class_prior": torch.tensor([0.5, 0.0, 0.5]), "alpha": 1.0, "penalty": 0.01, "eps": 0.01},
    ),
    paper="arXiv:2012.00321",
    exempt={"parts_add": "the means of exponentials are over the batch"},
)
