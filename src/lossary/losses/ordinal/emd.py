"""Earth mover's distance of ordered classes."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._places import places


@signature("real N C *, label N * | prob N C * -> N *")
def emd_squared_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared earth mover's distance, :math:`\sum_c (P_c - Q_c)^2` between the cumulative
    probabilities :math:`P` of :math:`p = \mathrm{softmax}(x)` and :math:`Q` of the target.

    For ordered classes: probability costs by how far it lies from where it belongs. Over C - 1 it
    is the ranked probability score, a proper score, by which forecasts are judged. A sure error
    costs much and teaches little: begin with :func:`~lossary.cross_entropy`, or add it.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), in their order, of shape (N, ...); or probabilities, such
            as shares of votes, of the shape of ``input``.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Hou, Yu and Samaras, *Squared Earth Mover's Distance-based Loss for Training Deep Neural
        Networks*, 2016; Epstein, *A Scoring System for Probability Forecasts of Ranked
        Categories*, Journal of Applied Meteorology 1969.

    >>> emd_squared_loss(torch.zeros(1, 4), torch.tensor([0]))  # (9 + 4 + 1) / 16
    tensor(0.8750)
    """
    p = input.softmax(1)
    if target.is_floating_point():
        error = (p - target).cumsum(1)
    else:
        error = p.cumsum(1) - (places(input) >= target.unsqueeze(1)).to(p.dtype)
    return reduce(error.square().sum(1), weight, reduction)


class EMDSquaredLoss(FunctionLoss):
    """Module form of :func:`emd_squared_loss`."""

    function = staticmethod(emd_squared_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPEC = LossSpec(
    function=emd_squared_loss,
    module=EMDSquaredLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    paper="arXiv:1611.05916",
    exempt={"learns_from_errors": "a bounded score is flat where the answer is sure and wrong"},
)
