"""Binary cross-entropy with its first coefficient changed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, prob * -> *", epsilon="[-1, inf)")
def poly_binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Poly-1 binary cross-entropy, :math:`\mathrm{BCE}(x, y) + \epsilon (y (1 - p) + (1 - y) p)`
    with :math:`p = \sigma(x)`.

    See :func:`~lossary.poly_cross_entropy`: more weight on confidence for positive values, less
    for negative.

    Args:
        input: logits, of any shape.
        target: probabilities, or labels 0 and 1, of the shape of ``input``.
        epsilon: :math:`\epsilon`, added to the coefficient 1.

    References:
        Leng et al., *PolyLoss: A Polynomial Expansion Perspective of Classification Loss
        Functions*, ICLR 2022, eq. 6, for two classes.

    >>> poly_binary_cross_entropy(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(1.1931)
    """
    cost = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    wrong = target * torch.sigmoid(-input) + (1 - target) * torch.sigmoid(input)
    return reduce(cost + epsilon * wrong, weight, reduction)


class PolyBCELoss(FunctionLoss):
    """Module form of :func:`poly_binary_cross_entropy`."""

    function = staticmethod(poly_binary_cross_entropy)

    def __init__(self, *, epsilon: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, epsilon=epsilon)


SPEC = LossSpec(
    function=poly_binary_cross_entropy,
    module=PolyBCELoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"epsilon": -0.5}),
    paper="arXiv:2204.12511",
)
