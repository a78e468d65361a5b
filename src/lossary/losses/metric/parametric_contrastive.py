"""Telling a class from the others of the batch and of a queue, and from their centres."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import reduce_rows
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import normalize
from ._batch import NEVER, same_class, taking_part


@signature(
    "real N D, real N C, label N, real K D, label K -> N",
    alpha="[0, inf)",
    temperature="(0, inf)",
)
def parametric_contrastive_loss(
    input: Tensor,
    logits: Tensor,
    target: Tensor,
    queue: Tensor,
    queue_target: Tensor,
    *,
    alpha: float = 0.05,
    temperature: float = 0.2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Parametric contrastive loss (PaCo), :math:`-\frac{\log p_{iy} + \alpha \sum_{j \in P_i} \log
    p_{ij}}{1 + \alpha |P_i|}` with the softmax p of sample i over the logits of all classes and,
    divided by :math:`\tau`, the cosines with all other samples of the batch and with a queue, of
    which :math:`P_i` are those of its class.

    For long-tailed data: contrasts among samples alone favour frequent classes, as these have more
    partners; the class centres that the logits are made of give each class a partner that is
    always there. With a small :math:`\alpha` a sample with many partners still learns most from
    its centre. Where classes are equally frequent and batches small, cross-entropy is simpler.

    Two views of each sample go into one batch, one after the other. For long tails the authors'
    code adds the logarithms of the class frequencies to the logits, in training only. As there, a
    sample's loss is divided by the sum of the weights of its partners.

    Args:
        input: embeddings, of shape (N, D).
        logits: what the classifier says, made from the same network, of shape (N, C).
        target: class indices in [0, C), of shape (N,).
        queue: embeddings of earlier samples, of shape (K, D); K may be 0.
        queue_target: their class indices in [0, C), of shape (K,).
        alpha: the weight :math:`\alpha` of a partner, where that of the centre is 1; 0 leaves
            samples only as what is to be told apart from the centre.
        temperature: :math:`\tau`, of the cosines.

    References:
        Cui et al., *Parametric Contrastive Learning*, ICCV 2021, section 3.

    >>> x, y = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 0])
    >>> logits, queue = torch.zeros(2, 2), (torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))
    >>> parametric_contrastive_loss(x, logits, y, *queue, alpha=1.0, temperature=1.0)
    tensor(1.0514)
    """
    there = taking_part(weight, input)
    given = (normalize(input), logits, target, there, normalize(queue), queue_target)
    width = len(input) + logits.shape[1] + len(queue)
    options = (alpha, temperature)
    return reduce_rows(_contrast, (*given, *options), weight, reduction, width=width)


def _contrast(
    rows: slice,
    x: Tensor,
    logits: Tensor,
    target: Tensor,
    there: Tensor,
    queue: Tensor,
    queue_target: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    query = x[rows] / temperature
    alike, unlike = same_class(target, there, rows)
    near = torch.where(alike | unlike, query @ x.T, NEVER)
    log_p = torch.cat([logits[rows], near, query @ queue.T], 1).log_softmax(1)
    classes = logits.shape[1]
    own = log_p.gather(1, target[rows].unsqueeze(1)).squeeze(1)
    partner = torch.cat([alike, target[rows].unsqueeze(1) == queue_target], 1)
    others = torch.where(partner, log_p[:, classes:], 0.0).sum(1)
    return -(own + alpha * others) / (1 + alpha * partner.sum(1).to(others.dtype))


class ParametricContrastiveLoss(FunctionLoss):
    """Module form of :func:`parametric_contrastive_loss`.

    It owns the queue, which begins with random directions of random classes, and is called with
    ``(input, logits, target)``. Call ``update`` in every step of training, after the loss.

    Args:
        in_features: the length D of the embeddings.
        num_classes: the number C of classes.
        queue_size: the number K of embeddings; 0 for none.
    """

    function = staticmethod(parametric_contrastive_loss)
    queue: Tensor
    queue_target: Tensor
    oldest: Tensor

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        queue_size: int = 8192,
        *,
        alpha: float = 0.05,
        temperature: float = 0.2,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, temperature=temperature)
        self.register_buffer("queue", normalize(torch.randn(queue_size, in_features)))
        self.register_buffer("queue_target", torch.randint(num_classes, (queue_size,)))
        self.register_buffer("oldest", torch.tensor(0))

    def operands(self, input: Tensor, logits: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, logits, target, self.queue, self.queue_target

    @torch.no_grad()
    def update(self, input: Tensor, target: Tensor) -> None:
        """Put samples in the place of the oldest ones. On several devices, gather them first."""
        size = len(self.queue)
        first = max(0, len(input) - size)
        keys = normalize(input.to(self.queue.dtype))[first:]
        places = (self.oldest + torch.arange(len(keys), device=keys.device)) % max(1, size)
        self.queue[places] = keys
        self.queue_target[places] = target[first:]
        self.oldest.copy_((self.oldest + len(keys)) % max(1, size))


SPEC = LossSpec(
    function=parametric_contrastive_loss,
    module=ParametricContrastiveLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"alpha": 1.0, "temperature": 0.5}, {"alpha": 0.0}),
    paper="arXiv:2107.12028",
    owned={"queue": "queue", "queue_target": "queue_target"},
    sizes={"in_features": "D", "num_classes": "C", "queue_size": "K"},
    exempt={"parts_add": "each sample is told from all others of the batch"},
)
