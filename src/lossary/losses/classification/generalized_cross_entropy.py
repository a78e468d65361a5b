"""Losses between cross-entropy and absolute error, for wrong labels."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", q="(0, 1]")
def generalized_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    q: float = 0.7,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generalized cross-entropy, :math:`(1 - p_y^q) / q` with :math:`p = \mathrm{softmax}(x)`.

    For labels of which some are wrong: a sample that the network strongly disagrees with pulls
    less. Near :math:`q = 0` it is the cross-entropy, at 1 the absolute error, which resists wrong
    labels best and learns slowest. With clean labels the cross-entropy is better.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        q: the exponent.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Zhang and Sabuncu, *Generalized Cross Entropy Loss for Training Deep Neural Networks with
        Noisy Labels*, NeurIPS 2018, eq. 6.

    >>> generalized_cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([0]), q=1.0)
    tensor(0.5000)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(-torch.expm1(q * own) / q, weight, reduction)


@signature("real N C *, label N * -> N *", terms="[1, inf)")
def taylor_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    terms: int = 2,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Taylor cross-entropy, :math:`\sum_{k=1}^{t} (1 - p_y)^k / k` with :math:`p =
    \mathrm{softmax}(x)`.

    The first terms of the series of :math:`-\log p_y`: one gives the absolute error, many the
    cross-entropy. Bounded, so a wrong label costs little.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        terms: how many terms :math:`t`.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Feng et al., *Can Cross Entropy Loss Be Robust to Label Noise?*, IJCAI 2020, eq. 4.

    >>> taylor_cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([0]), terms=2)
    tensor(0.6250)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    rest, total = -torch.expm1(own), torch.zeros_like(own)
    for k in range(int(terms), 0, -1):  # Horner's rule
        total = rest * (1 / k + total)
    return reduce(total, weight, reduction)


class GeneralizedCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`generalized_cross_entropy`."""

    function = staticmethod(generalized_cross_entropy)

    def __init__(
        self, *, q: float = 0.7, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, q=q, ignore_index=ignore_index)


class TaylorCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`taylor_cross_entropy`."""

    function = staticmethod(taylor_cross_entropy)

    def __init__(
        self, *, terms: int = 2, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, terms=terms, ignore_index=ignore_index)


SPECS = (
    LossSpec(
        function=generalized_cross_entropy,
        module=GeneralizedCrossEntropyLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=({}, {"q": 0.2}),
        paper="arXiv:1805.07836",
        exempt={"learns_from_errors": "a sure contradiction is taken for a wrong label"},
    ),
    LossSpec(
        function=taylor_cross_entropy,
        module=TaylorCrossEntropyLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=({}, {"terms": 4}),
        paper="doi:10.24963/ijcai.2020/305",
        exempt={"learns_from_errors": "a sure contradiction is taken for a wrong label"},
    ),
)
