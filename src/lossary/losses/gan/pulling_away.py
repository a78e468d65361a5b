"""Against samples that are all alike."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N D -> N")
def pulling_away_loss(
    input: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pulling-away term, :math:`\frac{1}{N - 1} \sum_{j \neq i} \cos^2(s_i, s_j)`, of
    representations :math:`s` of generated samples.

    Its mean over the batch is the paper's. Added to a generator's loss, with a small coefficient,
    it keeps samples from collapsing onto one mode: representations should be orthogonal, which no
    more than D of them can be. A representation of zeros is at a cosine of 0 to all. Samples are
    compared over the whole batch, so micro-batches do not add up; those of weight 0 are left out.

    Args:
        input: representations of generated samples, of shape (N, D), for instance of the layer
            before the last.

    References:
        Zhao, Mathieu and LeCun, *Energy-Based Generative Adversarial Networks*, ICLR 2017, the
        pulling-away term.

    >>> pulling_away_loss(torch.tensor([[1.0, 0.0], [2.0, 2.0]]))
    tensor(0.5000)
    """
    # of the right order of magnitude first, so that no square over- or underflows
    size = input.abs().sum(1, keepdim=True).detach()
    scaled = input / size.masked_fill(size == 0, 1.0)
    square = scaled.square().sum(1, keepdim=True)
    direction = scaled * square.masked_fill(square == 0, 1.0).rsqrt()
    alike = (direction @ direction.mT).square()
    others = alike.tril(-1) + alike.triu(1)
    there = input.new_ones(len(input)) if weight is None else (weight != 0).to(input.dtype)
    count = (there.sum() - there).clamp(min=1)
    return reduce((others * there).sum(1) / count, weight, reduction)


class PullingAwayLoss(FunctionLoss):
    """Module form of :func:`pulling_away_loss`."""

    function = staticmethod(pulling_away_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=pulling_away_loss,
    module=PullingAwayLoss,
    traits=Trait.NONNEGATIVE,
    paper="arXiv:1609.03126",
    exempt={
        "parts_add": "every sample is compared with all others of the batch",
    },
)
