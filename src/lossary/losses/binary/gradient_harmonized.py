"""Binary cross-entropy in which common sizes of the gradient count for less."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._harmony import harmony


@signature("real *, prob * -> *", bins="int [1, inf)")
def gradient_harmonized_loss(
    input: Tensor,
    target: Tensor,
    *,
    bins: int = 10,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gradient-harmonized classification loss, :math:`\frac{N}{M R(g)} \mathrm{BCE}(x, y)` with
    the size :math:`g = |\sigma(x) - y|` of the gradient and the number :math:`R(g)` of the
    :math:`N` units whose size falls into the same of :math:`M` bins.

    For detectors with many easy negatives: units of a common size share one voice, so the easy ones
    do not rule, and neither do the very hard ones, which are often wrongly labelled. It has nothing
    to tune but the bins. With few units the counts say little.

    The counts get no gradient. They are over the units of the batch that take part, so
    micro-batches do not add up to the loss of the whole. Some projects divide by the number of
    bins that are not empty, instead of :math:`M`.

    Args:
        input: logits, of any shape.
        target: probabilities, or labels 0 and 1, of the shape of ``input``.
        bins: the number :math:`M` of bins between 0 and 1.

    References:
        Li et al., *Gradient Harmonized Single-stage Detector*, AAAI 2019.

    >>> x, y = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0])
    >>> gradient_harmonized_loss(x, y, bins=2)
    tensor(0.3466)
    """
    size = (torch.sigmoid(input.detach()) - target).abs()
    cost = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    return reduce(harmony(size, bins, weight) * cost, weight, reduction)


class GradientHarmonizedLoss(FunctionLoss):
    """Module form of :func:`gradient_harmonized_loss`."""

    function = staticmethod(gradient_harmonized_loss)

    def __init__(self, *, bins: int = 10, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, bins=bins)


SPEC = LossSpec(
    function=gradient_harmonized_loss,
    module=GradientHarmonizedLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"bins": 3}),
    paper="arXiv:1811.05181",
    exempt={"parts_add": "the sizes of the gradients are counted over the whole batch"},
)
