"""Agreement of two views, with variance and without covariance."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._batch import centred


@signature(
    "real N D, real N D -> N",
    invariance_weight="[0, inf)",
    variance_weight="[0, inf)",
    covariance_weight="[0, inf)",
    gamma="(0, inf)",
    eps="(0, inf)",
)
def vicreg_loss(
    input: Tensor,
    target: Tensor,
    *,
    invariance_weight: float = 25.0,
    variance_weight: float = 25.0,
    covariance_weight: float = 1.0,
    gamma: float = 1.0,
    eps: float = 1e-4,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""VICReg, :math:`\tfrac{\lambda}{D} \|x_i - y_i\|^2 + \mu\, (v(X) + v(Y)) + \nu\, (c(X) +
    c(Y))` with :math:`v(X) = \tfrac1D \sum_d \max(0, \gamma - \sqrt{\mathrm{Var}(X_d) +
    \epsilon})` and the covariances :math:`c(X) = \tfrac1D \sum_{d \ne e} \mathrm{Cov}(X)_{de}^2`.

    For representations of two views of the same samples: they are to agree, while each feature
    keeps its spread and features tell different things, so that nothing collapses without
    negatives. Variance and covariance, over N - 1, are those of the samples of the batch that
    weigh anything, and every sample bears them, so micro-batches do not add up. The first term is
    divided by D as in the paper's algorithm, for which its coefficients are, other than in its
    text. The program that the authors published halves the variance terms: that is
    ``variance_weight=12.5``.

    Args:
        input: embeddings :math:`X` of one view, of shape (N, D).
        target: those of the other view :math:`Y`, of shape (N, D).
        invariance_weight: :math:`\lambda`.
        variance_weight: :math:`\mu`.
        covariance_weight: :math:`\nu`.
        gamma: the standard deviation :math:`\gamma` from which on features cost nothing.
        eps: :math:`\epsilon`, added to the variances.

    References:
        Bardes, Ponce and LeCun, *VICReg: Variance-Invariance-Covariance Regularization for
        Self-Supervised Learning*, ICLR 2022, algorithm 1.

    >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    >>> vicreg_loss(x, y)  # 25 / 2 + 25 (1 - sqrt(0.5001))
    tensor(19.8206)
    """
    width = max(1, input.shape[1])
    units = invariance_weight * (input - target).square().sum(1) / width
    for view in (input, target):
        spread, count = centred(view, weight)
        covariance = spread.T @ spread / (count - 1).clamp(min=1)
        deviation = (covariance.diagonal() + eps).sqrt()
        narrow = (gamma - deviation).clamp(min=0).sum() / width
        others = covariance.tril(-1).square().sum() + covariance.triu(1).square().sum()
        units = units + variance_weight * narrow + covariance_weight * others / width
    return reduce(units, weight, reduction)


class VICRegLoss(FunctionLoss):
    """Module form of :func:`vicreg_loss`."""

    function = staticmethod(vicreg_loss)

    def __init__(
        self,
        *,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        gamma: float = 1.0,
        eps: float = 1e-4,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            invariance_weight=invariance_weight,
            variance_weight=variance_weight,
            covariance_weight=covariance_weight,
            gamma=gamma,
            eps=eps,
        )


SPEC = LossSpec(
    function=vicreg_loss,
    module=VICRegLoss,
    traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
    variants=(
        {},
        {
            "invariance_weight": 5.0,
            "variance_weight": 3.0,
            "covariance_weight": 2.0,
            "gamma": 2.0,
            "eps": 0.01,
        },
    ),
    paper="arXiv:2105.04906",
    exempt={"parts_add": "variance and covariance are those of the whole batch"},
)
