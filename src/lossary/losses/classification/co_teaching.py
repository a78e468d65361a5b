"""Cross-entropy of the samples that another network finds easy."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, real N C, label N -> N", keep="(0, 1]")
def co_teaching_loss(
    input: Tensor,
    peer: Tensor,
    target: Tensor,
    *,
    keep: float = 0.8,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Co-teaching loss, the cross-entropy :math:`-\log p_y` of the part ``keep`` of the batch for
    which the cross-entropy of a peer network is least.

    For labels of which some are wrong: two networks learn at once, each from the samples that the
    other finds easy, because wrong labels are hard at first and the two err differently. Compute it
    twice, with the networks exchanged. Begin with a ``keep`` of 1 and lower it, over the first
    epochs, to the part of the labels that is right.

    The mean is over the samples kept, at least ``keep`` times those of the batch that take part, so
    micro-batches do not add up to the loss of the whole. The peer gets no gradient.

    Args:
        input: logits of the network that learns, of shape (N, C).
        peer: logits of the network that chooses, of the shape of ``input``.
        target: class indices in [0, C), of shape (N,).
        keep: the part of the samples that is learnt from.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Han et al., *Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy
        Labels*, NeurIPS 2018, algorithm 1.

    >>> x, z = torch.tensor([[0.0, 0.0], [0.0, 9.0]]), torch.tensor([[9.0, 0.0], [0.0, 0.0]])
    >>> co_teaching_loss(x, z, torch.tensor([0, 0]), keep=0.5)
    tensor(0.6931)
    """
    units = F.cross_entropy(input, target, reduction="none")
    there = torch.ones_like(target, dtype=torch.bool) if weight is None else weight != 0
    hardness = F.cross_entropy(peer.detach(), target, reduction="none")
    rank = torch.where(there, hardness, torch.inf).argsort(stable=True).argsort()
    # a little less, so that rounding does not keep one sample too many
    kept = rank < (keep * there.sum() - 1e-4).ceil()
    return reduce(units, weigh(kept & there, weight), reduction)


class CoTeachingLoss(FunctionLoss):
    """Module form of :func:`co_teaching_loss`."""

    function = staticmethod(co_teaching_loss)

    def __init__(
        self, *, keep: float = 0.8, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, keep=keep, ignore_index=ignore_index)


SPEC = LossSpec(
    function=co_teaching_loss,
    module=CoTeachingLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"keep": 0.3}),
    paper="arXiv:1804.06872",
    exempt={"parts_add": "the easy samples are chosen from the whole batch"},
)
