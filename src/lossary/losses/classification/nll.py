"""Negative log-likelihood of a class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, reduce_kernel, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("logprob N C *, label N * -> N *", picked="input", class_weight="weight C")
def nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood, :math:`-\log p_y`.

    For networks that end in a log-softmax. From logits use :func:`~lossary.cross_entropy`, which
    is the same in one step.

    Args:
        input: log-probabilities, of shape (N, C, ...). Only those of the labels are read.
        target: class indices in [0, C), of shape (N, ...).
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Fisher, *On the Mathematical Foundations of Theoretical Statistics*, 1922, section 6.

    >>> nll_loss(torch.tensor([[0.5, 0.5], [0.1, 0.9]]).log(), torch.tensor([0, 1]))
    tensor(0.3993)
    """
    own = None if class_weight is None else class_weight[target]
    if input.ndim == 2 and input.is_contiguous():  # torch's kernel fails on some strides
        return reduce_kernel(F.nll_loss, input, target, weigh(own, weight), reduction)
    units = -input.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(units, weigh(own, weight), reduction)


class NLLLoss(FunctionLoss):
    """Module form of :func:`nll_loss`."""

    function = staticmethod(nll_loss)

    def __init__(
        self,
        *,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, class_weight=class_weight, ignore_index=ignore_index)


SPEC = LossSpec(
    function=nll_loss,
    module=NLLLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"class_weight": torch.tensor([0.5, 2.0, 1.0])}),
    paper="doi:10.1098/rsta.1922.0009",
)
