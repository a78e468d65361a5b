"""Small router logits."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C * -> N *")
def router_z_loss(
    input: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Router z-loss, :math:`(\log \sum_c e^{x_c})^2`.

    An auxiliary loss for mixtures of experts, and for any softmax: it keeps logits small, where
    their rounding in half precision does no harm. Add it with a small coefficient, 0.001 in the
    paper. It says nothing on which expert is chosen; for that see
    :func:`~lossary.load_balancing_loss`.

    Args:
        input: router logits, of shape (N, C, ...): one number per expert.

    References:
        Zoph et al., *ST-MoE: Designing Stable and Transferable Sparse Expert Models*, 2022, eq. 5.

    >>> router_z_loss(torch.tensor([[0.0, 0.0]]))
    tensor(0.4805)
    """
    return reduce(input.logsumexp(1).square(), weight, reduction)


class RouterZLoss(FunctionLoss):
    """Module form of :func:`router_z_loss`."""

    function = staticmethod(router_z_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=router_z_loss,
    module=RouterZLoss,
    traits=Trait.NONNEGATIVE,
    paper="arXiv:2202.08906",
)
