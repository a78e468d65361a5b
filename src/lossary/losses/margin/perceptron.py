"""Losses that ask for the right side, and no margin."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, sign * -> *")
def perceptron_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Perceptron loss, :math:`\max(0, -y f)`.

    Only mistakes cost, and a score of 0 is none: without a margin or normalized scores the zero
    network is a minimum. :func:`~lossary.hinge_loss` has the margin.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.

    References:
        Rosenblatt, *The Perceptron: A Probabilistic Model for Information Storage and Organization
        in the Brain*, Psychological Review 1958.

    >>> perceptron_loss(torch.tensor([0.5, -2.0]), torch.tensor([1, 1]))
    tensor(1.)
    """
    return reduce((-target * input).clamp(min=0), weight, reduction)


@signature("real N C *, label N * -> N *")
def multi_class_perceptron_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-class perceptron loss, :math:`\max_c f_c - f_y`.

    Only mistakes cost: how far the best wrong class is ahead. As with
    :func:`~lossary.perceptron_loss`, equal scores are no mistake.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Collins, *Discriminative Training Methods for Hidden Markov Models*, EMNLP 2002.

    >>> multi_class_perceptron_loss(torch.tensor([[1.0, 3.0]]), torch.tensor([0]))
    tensor(2.)
    """
    own = input.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(input.amax(1) - own, weight, reduction)


class PerceptronLoss(FunctionLoss):
    """Module form of :func:`perceptron_loss`."""

    function = staticmethod(perceptron_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class MultiClassPerceptronLoss(FunctionLoss):
    """Module form of :func:`multi_class_perceptron_loss`."""

    function = staticmethod(multi_class_perceptron_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPECS = (
    LossSpec(
        function=perceptron_loss,
        module=PerceptronLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="doi:10.1037/h0042519",
    ),
    LossSpec(
        function=multi_class_perceptron_loss,
        module=MultiClassPerceptronLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        paper="doi:10.3115/1118693.1118694",
    ),
)
