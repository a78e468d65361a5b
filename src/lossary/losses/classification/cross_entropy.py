"""Softmax cross-entropy."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, reduce_kernel, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real N C *, label N * | prob N C * -> N *",
    class_weight="weight C",
    label_smoothing="[0, 1]",
)
def cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Softmax cross-entropy, :math:`-\sum_c q_c \log p_c` with :math:`p = \mathrm{softmax}(x)`.

    The standard loss of classification into exclusive classes, and a proper score: it is smallest
    for the true probabilities. Where several classes may be true at once use
    :func:`~lossary.binary_cross_entropy_with_logits`.

    With class weights :math:`w`, the unit's loss is :math:`-\sum_c q_c w_c \log p_c` and its share
    of the mean is :math:`\sum_c q_c w_c`, so class indices and one-hot targets agree.

    Args:
        input: logits, of shape (N, C, ...). A logit of -inf marks an impossible class: it takes
            part neither in a soft target of zero nor in label smoothing.
        target: class indices in [0, C), of shape (N, ...); or probabilities, of the shape of
            ``input`` and summing to 1 over C. The dtype tells them apart: integer or floating.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.
        label_smoothing: the part of the target that is spread evenly over all C classes. To spread
            a part e over the other C - 1 classes, give e * C / (C - 1).

    References:
        Szegedy et al., *Rethinking the Inception Architecture*, CVPR 2016, section 7
        (label smoothing).

    >>> cross_entropy(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1]))
    tensor(0.2201)
    >>> cross_entropy(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
    tensor(1.1269)
    """
    if target.is_floating_point() or label_smoothing:
        units, own = units_of(input.log_softmax(1), target, class_weight, label_smoothing)
        return reduce(units, weigh(own, weight), reduction)
    own = None if class_weight is None else class_weight[target]
    return reduce_kernel(F.cross_entropy, input, target, weigh(own, weight), reduction)


def units_of(
    log_p: Tensor, target: Tensor, class_weight: Tensor | None, label_smoothing: float
) -> tuple[Tensor, Tensor | None]:
    """Return the cross-entropy of each unit from log-probabilities, and its share of the mean."""
    if target.is_floating_point():
        share = target if class_weight is None else target * _per_class(class_weight, log_p)
        units = -(share * log_p.masked_fill(log_p.isneginf() & (target == 0), 0.0)).sum(1)
        own = None if class_weight is None else share.sum(1)
    else:
        own = None if class_weight is None else class_weight[target]
        units = -log_p.gather(1, target.unsqueeze(1)).squeeze(1)
        units = units if own is None else own * units
    if label_smoothing:
        uniform, even = _uniform(log_p, class_weight)
        units = (1 - label_smoothing) * units + label_smoothing * uniform
        own = None if own is None else torch.lerp(own, even, label_smoothing)
    return (units if own is None else units / torch.where(own == 0, 1.0, own)), own


def _uniform(log_p: Tensor, class_weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the weighted cross-entropy against the uniform distribution, and its weight."""
    log_p = log_p.masked_fill(log_p.isneginf(), 0.0)
    if class_weight is None:
        return -log_p.mean(1), log_p.new_ones(())
    return -(log_p * _per_class(class_weight, log_p)).mean(1), class_weight.mean()


def _per_class(class_weight: Tensor, log_p: Tensor) -> Tensor:
    return class_weight.reshape(-1, *(1,) * (log_p.ndim - 2))


class CrossEntropyLoss(FunctionLoss):
    """Module form of :func:`cross_entropy`."""

    function = staticmethod(cross_entropy)

    def __init__(
        self,
        *,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            class_weight=class_weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )


SPEC = LossSpec(
    function=cross_entropy,
    module=CrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=(
        {},
        {"label_smoothing": 0.1},
        {"class_weight": torch.tensor([0.5, 2.0, 1.0])},
        {"class_weight": torch.tensor([0.5, 2.0, 1.0]), "label_smoothing": 0.1},
    ),
    paper="arXiv:1512.00567",
)
