"""Binary cross-entropy for long-tailed labels that occur together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real N C, prob N C -> N",
    class_count="nonneg C",
    num_samples="int [2, inf)",
    alpha="[0, inf)",
    beta="[0, inf)",
    mu="(-inf, inf)",
    scale="(0, inf)",
    kappa="[0, inf)",
    gamma="[0, inf)",
)
def distribution_balanced_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_count: Tensor,
    num_samples: int,
    alpha: float = 0.1,
    beta: float = 10.0,
    mu: float = 0.2,
    scale: float = 2.0,
    kappa: float = 0.05,
    gamma: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Distribution-balanced loss, the mean over the labels of :math:`r_{nc} \big(y \log(1 +
    e^{-z}) + \tfrac1\lambda (1 - y) \log(1 + e^{\lambda z})\big)` with :math:`z = x - \kappa
    \log(N / n_c - 1)` and :math:`r_{nc} = \alpha + \sigma\Big(\beta \Big(\frac{1 / n_c}{\sum_k
    y_{nk} / n_k} - \mu\Big)\Big)`.

    For many labels of very different frequency: rare labels weigh more, by how often a sample with
    these labels would be drawn if classes were drawn evenly; and labels that are absent stop
    pushing down early, because most labels are absent in most samples. Predict from the plain
    logits. Where labels are about equally frequent, the plain binary cross-entropy is right.

    The code of the authors divides :math:`\kappa` by :math:`\lambda`, and multiplies by 2 a focal
    factor with a ``gamma`` of 2.

    Args:
        input: logits, of shape (N, C).
        target: labels 0 and 1, of shape (N, C).
        class_count: the number :math:`n_c` of training samples with each label, of shape (C,);
            counts as at least 1, and as less than ``num_samples``.
        num_samples: the number :math:`N` of training samples.
        alpha: the least weight :math:`\alpha`.
        beta: the steepness :math:`\beta` of the map to weights.
        mu: the ratio :math:`\mu` in the middle of that map.
        scale: the scale :math:`\lambda` of the logits of absent labels; 1 treats both alike.
        kappa: the strength :math:`\kappa` of the shift by frequency.
        gamma: the focus: a factor :math:`(1 - p_t)^\gamma` of the shifted and scaled logits.

    References:
        Wu et al., *Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed
        Datasets*, ECCV 2020.

    >>> x, y, n = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([5.0, 5.0])
    >>> options = {"alpha": 0.5, "mu": 1.0, "scale": 1.0}
    >>> distribution_balanced_loss(x, y, class_count=n, num_samples=10, **options)
    tensor(0.6931)
    """
    count = class_count.clamp(1, num_samples - 1)
    rate = 1 / count
    expected = (target * rate).sum(1, keepdim=True)
    nothing = expected == 0
    ratio = rate / torch.where(nothing, 1.0, expected)
    balance = torch.where(nothing, 1.0, torch.sigmoid(beta * (ratio - mu))) + alpha
    z = input - kappa * (num_samples / count - 1).log()
    present = F.softplus(-z) * torch.exp(gamma * F.logsigmoid(-z))
    absent = F.softplus(scale * z) * torch.exp(gamma * F.logsigmoid(scale * z)) / scale
    cost = balance * (target * present + (1 - target) * absent)
    return reduce(cost.sum(1) / max(1, input.shape[1]), weight, reduction)


class DistributionBalancedLoss(FunctionLoss):
    """Module form of :func:`distribution_balanced_loss`."""

    function = staticmethod(distribution_balanced_loss)

    def __init__(
        self,
        *,
        class_count: Tensor,
        num_samples: int,
        alpha: float = 0.1,
        beta: float = 10.0,
        mu: float = 0.2,
        scale: float = 2.0,
        kappa: float = 0.05,
        gamma: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            class_count=class_count,
            num_samples=num_samples,
            alpha=alpha,
            beta=beta,
            mu=mu,
            scale=scale,
            kappa=kappa,
            gamma=gamma,
        )


_COUNT = torch.tensor([50.0, 10.0, 1.0])

SPEC = LossSpec(
    function=distribution_balanced_loss,
    module=DistributionBalancedLoss,
    traits=Trait.NONNEGATIVE,
    variants=(
        {"class_count": _COUNT, "num_samples": 60},
        {
            "class_count": _COUNT,
            "num_samples": 50,
            "beta": 1.0,
            "scale": 1.5,
            "gamma": 2.0,
            "alpha": 0.3,
            "mu": 0.5,
            "kappa": 0.2,
        },
    ),
    paper="arXiv:2007.09654",
)
