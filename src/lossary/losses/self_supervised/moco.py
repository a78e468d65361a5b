"""Telling a sample's other view from a queue of earlier samples."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import reduce_rows
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N D, real N D, real K D -> N", temperature="(0, inf)")
def moco_loss(
    input: Tensor,
    target: Tensor,
    queue: Tensor,
    *,
    temperature: float = 0.07,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""MoCo, :math:`-\log \frac{e^{\cos(x_i, y_i) / \tau}}{e^{\cos(x_i, y_i) / \tau} + \sum_k
    e^{\cos(x_i, z_k) / \tau}}` with keys :math:`y` and a queue of earlier keys :math:`z`, constants
    to the gradient.

    For representations of two views with small batches: negatives come from a queue instead of the
    batch, so their number is free, and micro-batches add up. Keys must change slowly to be
    comparable with those of the queue: they come from a moving average of the network, and
    batches have to be shuffled where batch normalization would give the answer away. The cosines
    with the queue are computed for some samples at a time.

    Args:
        input: embeddings :math:`x` of one view, the queries, of shape (N, D).
        target: embeddings :math:`y` of the other view, the keys, of shape (N, D).
        queue: keys :math:`z` of other samples, of shape (K, D).
        temperature: :math:`\tau`; the lower, the more the hardest negatives count.

    References:
        He et al., *Momentum Contrast for Unsupervised Visual Representation Learning*, CVPR 2020,
        eq. 1.

    >>> x, queue = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> moco_loss(x, x, queue, temperature=1.0)
    tensor(0.3133)
    """
    given = (normalize(input), normalize(target.detach()), normalize(queue.detach()), temperature)
    return reduce_rows(_moco, given, weight, reduction, width=1 + len(queue))


def _moco(rows: slice, x: Tensor, y: Tensor, queue: Tensor, temperature: float) -> Tensor:
    query = x[rows] / temperature
    own = (query * y[rows]).sum(1, keepdim=True)
    logits = torch.cat([own, query @ queue.T], 1)
    return logits.logsumexp(1) - own.squeeze(1)


class MoCoLoss(FunctionLoss):
    """Module form of :func:`moco_loss`.

    It owns the queue, which begins with random directions, and is called with ``(input, target)``.
    Call ``update(target)`` in every step of training, after the loss.

    Args:
        in_features: the length D of the embeddings.
        queue_size: the number K of keys.
    """

    function = staticmethod(moco_loss)
    queue: Tensor
    oldest: Tensor

    def __init__(
        self,
        in_features: int,
        queue_size: int = 65536,
        *,
        temperature: float = 0.07,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, temperature=temperature)
        self.register_buffer("queue", normalize(torch.randn(queue_size, in_features)))
        self.register_buffer("oldest", torch.tensor(0))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, target, self.queue

    @torch.no_grad()
    def update(self, target: Tensor) -> None:
        """Put keys in the place of the oldest ones. On several devices, gather them first."""
        size = len(self.queue)
        keys = normalize(target.to(self.queue.dtype))[max(0, len(target) - size) :]
        places = (self.oldest + torch.arange(len(keys), device=self.queue.device)) % max(1, size)
        self.queue[places] = keys
        self.oldest.copy_((self.oldest + len(keys)) % max(1, size))


_FIXED = "keys are constants to the gradient, by definition"

SPEC = LossSpec(
    function=moco_loss,
    module=MoCoLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"temperature": 0.5}),
    paper="arXiv:1911.05722",
    owned={"queue": "queue"},
    sizes={"in_features": "D", "queue_size": "K"},
    exempt={"gradient": _FIXED, "second_gradient": _FIXED},
)
