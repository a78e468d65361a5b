"""Cross-entropy that remembers what was predicted before."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

LEAST = 1e-4  # what the rest is at least, so that its logarithm is bounded


@signature("real N C, prob S C, label N, label:S N -> N", strength="[0, inf)")
def early_learning_loss(
    input: Tensor,
    ensemble: Tensor,
    target: Tensor,
    index: Tensor,
    *,
    strength: float = 3.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Early-learning regularization, :math:`-\log p_y + \lambda \log(1 - \sum_c p_c t_c)` with
    :math:`p = \mathrm{softmax}(x)` and the sample's earlier predictions :math:`t`.

    For labels of which some are wrong: networks learn the right ones first, so the second part
    holds them to what they predicted early, and keeps samples with wrong labels from being
    memorised. It needs the number of each sample in the data set, and memory for C numbers of each.
    The loss may be negative.

    :math:`1 - \sum_c p_c t_c` below 1e-4 counts as 1e-4.

    Args:
        input: logits, of shape (N, C).
        ensemble: the running mean :math:`t` of the predictions of every sample of the data set, of
            shape (S, C). The Module owns it: call its ``update`` with every batch.
        target: class indices in [0, C), of shape (N,).
        index: the numbers of the batch's samples in the data set, of shape (N,).
        strength: the weight :math:`\lambda` of the second part.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Liu et al., *Early-Learning Regularization Prevents Memorization of Noisy Labels*, NeurIPS
        2020.

    >>> x, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.5, 0.5]])
    >>> early_learning_loss(x, t, torch.tensor([0]), torch.tensor([0]), strength=0.5)
    tensor(0.3466)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    # one less the sum of p t is the sum of p (1 - t), without losing digits
    rest = (log_p.exp() * (1 - ensemble[index])).sum(1)
    return reduce(strength * rest.clamp(min=LEAST).log() - own, weight, reduction)


class EarlyLearningLoss(FunctionLoss):
    """Module form of :func:`early_learning_loss`.

    It owns the ensemble, which begins at 0, and is called with ``(input, target, index)``.
    ``update`` adds the predictions of a batch; of several processes, give each the batches of all.

    Args:
        num_samples: the number S of samples of the data set.
        num_classes: the number C of classes.
    """

    function = staticmethod(early_learning_loss)
    ensemble: Tensor

    def __init__(
        self,
        num_samples: int,
        num_classes: int,
        *,
        strength: float = 3.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, strength=strength, ignore_index=ignore_index)
        self.register_buffer("ensemble", torch.zeros(num_samples, num_classes))

    def operands(self, input: Tensor, target: Tensor, index: Tensor) -> tuple[Tensor, ...]:
        return input, self.ensemble, target, index

    @torch.no_grad()
    def update(self, input: Tensor, index: Tensor, momentum: float = 0.7) -> None:
        """Move the means of a batch's samples to its predictions; call it before the loss."""
        p = input.to(self.ensemble.dtype).softmax(1)
        self.ensemble[index] = momentum * self.ensemble[index] + (1 - momentum) * p


SPEC = LossSpec(
    function=early_learning_loss,
    module=EarlyLearningLoss,
    traits=Trait.SHIFT_INVARIANT,
    variants=({}, {"strength": 0.5}),
    paper="arXiv:2007.00151",
    owned={"ensemble": "ensemble"},
    sizes={"num_samples": "S", "num_classes": "C"},
)
