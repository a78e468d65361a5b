"""Hinge loss of all thresholds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N *, real K, count:K N * -> N *", margin="[0, inf)")
def ordinal_hinge_loss(
    input: Tensor,
    thresholds: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Ordinal hinge loss, :math:`\sum_{k < y} \max(0, m - (f - \theta_k)) + \sum_{k \geq y}
    \max(0, m + (f - \theta_k))`.

    The support vector machine of ordered classes: a score has to lie beyond all thresholds below
    its class and before all others, by a margin. Errors cost in proportion to the classes that
    they pass, and the thresholds of the best fit are in order by themselves. It gives no
    probabilities; :func:`~lossary.cumulative_link_loss` does.

    Args:
        input: scores, of shape (N, ...).
        thresholds: the K ends between neighbouring classes, one less than there are classes.
        target: class indices from 0 to K, of shape (N, ...).
        margin: the distance :math:`m` from every threshold.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Chu and Keerthi, *New Approaches to Support Vector Ordinal Regression*, ICML 2005, implicit
        constraints; Rennie and Srebro, *Loss Functions for Preference Levels*, 2005, all-threshold.

    >>> thresholds = torch.tensor([-1.0, 1.0])  # 1 - 1.5 is below 0, and 1 - 0.5
    >>> ordinal_hinge_loss(torch.tensor([0.5]), thresholds, torch.tensor([1]))
    tensor(0.5000)
    """
    trailing = (1,) * (input.ndim - 1)
    place = torch.arange(len(thresholds), device=input.device).reshape(-1, *trailing)
    beyond = input.unsqueeze(1) - thresholds.reshape(-1, *trailing)
    lead = torch.where(target.unsqueeze(1) > place, beyond, -beyond)
    return reduce((margin - lead).clamp(min=0).sum(1), weight, reduction)


class OrdinalHingeLoss(FunctionLoss):
    """Module form of :func:`ordinal_hinge_loss`.

    It owns the thresholds, which learn, and is called with ``(input, target)``. They begin two
    apart, around 0, with room for the margin on both sides.

    Args:
        num_thresholds: their number K, one less than there are classes.
    """

    function = staticmethod(ordinal_hinge_loss)

    def __init__(
        self,
        num_thresholds: int,
        *,
        margin: float = 1.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, margin=margin, ignore_index=ignore_index)
        places = torch.arange(num_thresholds) - (num_thresholds - 1) / 2
        self.thresholds = nn.Parameter(2 * places)

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.thresholds, target


SPEC = LossSpec(
    function=ordinal_hinge_loss,
    module=OrdinalHingeLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"margin": 0.3}),
    paper="doi:10.1145/1102351.1102370",
    owned={"thresholds": "thresholds"},
    sizes={"num_thresholds": "K"},
)
