"""Cross-entropy against that of pairs that do not belong together."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, label N, real N C, label N -> N", alpha="[0, inf)")
def peer_loss(
    input: Tensor,
    target: Tensor,
    peer_input: Tensor,
    peer_target: Tensor,
    *,
    alpha: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Peer loss, :math:`-\log p_y + \alpha \log p'_{y'}` with :math:`p = \mathrm{softmax}(x)` of
    the sample, and the prediction :math:`p'` of one random sample and the label :math:`y'` of
    another.

    For labels of which some are wrong, where it is not known how many: the network pays for
    agreeing with labels that have nothing to do with the sample, as it would by learning the noise.
    The second part has no bound below. Train with the cross-entropy first, and bound the logits or
    keep ``alpha`` small.

    Draw the peers anew for each batch, by two permutations: ``peer_input = input[first]`` and
    ``peer_target = target[second]``, of samples whose label is not ``ignore_index``.

    Args:
        input: logits, of shape (N, C).
        target: class indices in [0, C), of shape (N,).
        peer_input: logits of other samples, of the shape of ``input``.
        peer_target: class indices of yet other samples in [0, C), of shape (N,).
        alpha: the weight :math:`\alpha` of the peers; 0 gives the cross-entropy.
        ignore_index: a unit with this class index as ``target`` weighs nothing.

    References:
        Liu and Guo, *Peer Loss Functions: Learning from Noisy Labels without Knowing Noise Rates*,
        ICML 2020.

    >>> x, z = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 3.0]]).log()
    >>> peer_loss(x, torch.tensor([0]), z, torch.tensor([1]))
    tensor(0.4055)
    """
    units = F.cross_entropy(input, target, reduction="none")
    peers = F.cross_entropy(peer_input, peer_target, reduction="none")
    return reduce(units - alpha * peers, weight, reduction)


class PeerLoss(FunctionLoss):
    """Module form of :func:`peer_loss`."""

    function = staticmethod(peer_loss)

    def __init__(
        self, *, alpha: float = 1.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, ignore_index=ignore_index)


SPEC = LossSpec(
    function=peer_loss,
    module=PeerLoss,
    traits=Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 0.3}),
    paper="arXiv:1910.03231",
)
