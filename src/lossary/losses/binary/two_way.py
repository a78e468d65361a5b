"""Loss of many labels across the labels of a sample and across the samples of a label."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real N C, prob N C -> N", positive_temperature="(0, inf)", negative_temperature="(0, inf)"
)
def two_way_loss(
    input: Tensor,
    target: Tensor,
    *,
    positive_temperature: float = 4.0,
    negative_temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Two-way multi-label loss, :math:`\ell(x_{n \cdot}) + \frac1K \sum_c \ell(x_{\cdot c})` with
    :math:`\ell(x) = \mathrm{softplus}\big(T_- \log \sum_{y_i = 0} e^{x_i / T_-} + T_+ \log
    \sum_{y_i = 1} e^{-x_i / T_+}\big)`.

    For many labels of which few are present: the weakest present label is to score above the
    strongest absent one, within each sample, and for each class, across the batch. Scores are for
    ranking; they are not calibrated. Batches should be large enough to hold present and absent
    samples of most classes.

    The unit is a sample; to each the second part adds the mean over the :math:`K` classes that are
    present in the batch, so micro-batches do not add up to the loss of the whole. A sample without
    any present label weighs nothing.

    Args:
        input: scores, of shape (N, C).
        target: labels 0 and 1, of shape (N, C); a label is present where it is above 0.5.
        positive_temperature: :math:`T_+`; the larger, the more all present labels count.
        negative_temperature: :math:`T_-`; the larger, the more all absent labels count.

    References:
        Kobayashi, *Two-way Multi-Label Loss*, CVPR 2023.

    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> two_way_loss(x, y)
    tensor(0.6931)
    """
    present = target > 0.5
    absent = ~present
    if weight is not None:
        there = (weight != 0).unsqueeze(1)
        present, absent = present & there, absent & there
    temperatures = positive_temperature, negative_temperature
    of_class = _hardest_pair(input, present, absent, 0, *temperatures)
    classes = (present.sum(0) > 0).to(input.dtype)  # any() of a DTensor counts processes
    shared = (of_class * classes).sum() / classes.sum().clamp(min=1)
    units = _hardest_pair(input, present, absent, 1, *temperatures) + shared
    return reduce(units, weigh(present.any(1), weight), reduction)


def _hardest_pair(
    x: Tensor, present: Tensor, absent: Tensor, dim: int, t_present: float, t_absent: float
) -> Tensor:
    """Return the loss along ``dim``, zero where there is no pair."""
    pairs = present.any(dim) & absent.any(dim)
    nothing = ~pairs.unsqueeze(dim)  # there all take part, and the result is not taken
    low = torch.where(present | nothing, -x / t_present, -torch.inf).logsumexp(dim)
    high = torch.where(absent | nothing, x / t_absent, -torch.inf).logsumexp(dim)
    gap = torch.where(pairs, t_present * low + t_absent * high, 0.0)
    return torch.where(pairs, F.softplus(gap), 0.0)


class TwoWayLoss(FunctionLoss):
    """Module form of :func:`two_way_loss`."""

    function = staticmethod(two_way_loss)

    def __init__(
        self,
        *,
        positive_temperature: float = 4.0,
        negative_temperature: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            positive_temperature=positive_temperature,
            negative_temperature=negative_temperature,
        )


SPEC = LossSpec(
    function=two_way_loss,
    module=TwoWayLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=({}, {"positive_temperature": 1.0, "negative_temperature": 2.0}),
    paper="Kobayashi, Two-way Multi-Label Loss, CVPR 2023",
    exempt={"parts_add": "labels are compared across the whole batch"},
)
