"""Reward models, learnt from pairs."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def bradley_terry_loss(
    chosen: Tensor,
    rejected: Tensor,
    *,
    margin: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Loss of a reward model, :math:`-\log \sigma(r_w - r_l - m)`, from the rewards of a preferred
    and another response to the same prompt.

    Bradley and Terry's model of comparisons. It settles the differences of rewards alone: the
    rewards of all responses may drift together, so compare them between the responses to one
    prompt only.

    Args:
        chosen: rewards of the preferred responses, of any shape.
        rejected: rewards of the other responses, of the shape of ``chosen``.
        margin: the lead :math:`m` that is asked of the preferred response. Where every pair has its
            own, as with graded preferences, subtract it from ``chosen``.

    References:
        Bradley and Terry, *Rank Analysis of Incomplete Block Designs*, Biometrika 1952; of language
        models: Ouyang et al., *Training Language Models to Follow Instructions with Human
        Feedback*, NeurIPS 2022, eq. 1; the margin: Touvron et al., *Llama 2*, 2023, eq. 2.

    >>> bradley_terry_loss(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.5]))
    tensor(0.6437)
    """
    return reduce(-F.logsigmoid(chosen - rejected - margin), weight, reduction)


class BradleyTerryLoss(FunctionLoss):
    """Module form of :func:`bradley_terry_loss`."""

    function = staticmethod(bradley_terry_loss)

    def __init__(self, *, margin: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


SPEC = LossSpec(
    function=bradley_terry_loss,
    module=BradleyTerryLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"margin": 0.5}),
    paper="arXiv:2203.02155",
)
