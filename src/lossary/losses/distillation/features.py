"""Distillation of features: what a student computes on the way against what its teacher does."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import length, normalize


@signature("real N *, real N * -> N")
def hint_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hint loss, :math:`\tfrac12 \|x - y\|^2` between the features of a student and its teacher.

    The oldest way to guide the middle of a student. Both need the same shape; where they differ, a
    small layer on the student's side makes them fit. It is a sum over the features.

    Args:
        input: the student's features, of shape (N, ...).
        target: the teacher's features, of the same shape; detach them.

    References:
        Romero et al., *FitNets: Hints for Thin Deep Nets*, ICLR 2015, eq. 3.

    >>> hint_loss(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 0.0]]))
    tensor(2.5000)
    """
    return reduce((input - target).square().unsqueeze(-1).flatten(1).sum(1) / 2, weight, reduction)


@signature("real N C *, real N E * -> N", p="[1, inf)")
def attention_transfer_loss(
    input: Tensor,
    target: Tensor,
    *,
    p: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Attention transfer loss, :math:`\left\| \frac{Q_x}{\|Q_x\|_2} - \frac{Q_y}{\|Q_y\|_2}
    \right\|_2` with the maps :math:`Q = \sum_c |A_c|^p` over the places of a layer.

    The student looks where its teacher looks. Channels are summed, so their numbers may differ;
    the places must be the same. The authors' program takes the mean square of the difference
    instead of its length. A layer without any activity has a map of zeros.

    Args:
        input: the student's activations, of shape (N, C, ...).
        target: the teacher's activations, of shape (N, E, ...); detach them.
        p: the power; a higher one looks more at the strongest channels.

    References:
        Zagoruyko and Komodakis, *Paying More Attention to Attention*, ICLR 2017, eq. 2.

    >>> x, y = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 2.0], [0.0, 1.0]]])
    >>> attention_transfer_loss(x, y)  # the distance of (1, 0) and (0, 1)
    tensor(1.4142)
    """
    q_x, q_y = (normalize((t.abs() ** p).sum(1).unsqueeze(-1).flatten(1)) for t in (input, target))
    return reduce(length(q_x - q_y).squeeze(1), weight, reduction)


@signature("real N C *, real N E * -> N")
def neuron_selectivity_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Neuron selectivity transfer, :math:`\overline{k(x, x')} + \overline{k(y, y')} -
    2\,\overline{k(x, y)}` with :math:`k(a, b) = \langle a, b \rangle^2` over pairs of channels,
    whose maps are scaled to length 1.

    The channels of the student, as a set, select the same places as those of its teacher; which
    channel does what is free, and so is their number. It is the squared difference of the mean
    outer products. For other kernels see :func:`~lossary.mmd_loss`.

    Args:
        input: the student's activations, of shape (N, C, ...).
        target: the teacher's activations, of shape (N, E, ...); detach them.

    References:
        Huang and Wang, *Like What You Like: Knowledge Distill via Neuron Selectivity Transfer*,
        2017, eq. 5 and 6, with the quadratic kernel without offset.

    >>> x, y = torch.tensor([[[2.0, 0.0]]]), torch.tensor([[[0.0, 3.0]]])
    >>> neuron_selectivity_loss(x, y)
    tensor(2.)
    """
    x, y = (normalize(t.unsqueeze(-1).flatten(2)) for t in (input, target))
    units = _mean_square(x, x) + _mean_square(y, y) - 2 * _mean_square(x, y)
    return reduce(units, weight, reduction)


def _mean_square(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.mT).square().sum((1, 2)) / max(1, x.shape[1] * y.shape[1])


class HintLoss(FunctionLoss):
    """Module form of :func:`hint_loss`."""

    function = staticmethod(hint_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class AttentionTransferLoss(FunctionLoss):
    """Module form of :func:`attention_transfer_loss`."""

    function = staticmethod(attention_transfer_loss)

    def __init__(self, *, p: float = 2.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, p=p)


class NeuronSelectivityLoss(FunctionLoss):
    """Module form of :func:`neuron_selectivity_loss`."""

    function = staticmethod(neuron_selectivity_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


_TRAITS = Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC

SPECS = (
    LossSpec(
        function=hint_loss,
        module=HintLoss,
        traits=_TRAITS | Trait.CONVEX,
        paper="arXiv:1412.6550",
    ),
    LossSpec(
        function=attention_transfer_loss,
        module=AttentionTransferLoss,
        traits=_TRAITS,
        variants=({}, {"p": 1.0}),
        paper="arXiv:1612.03928",
    ),
    LossSpec(
        function=neuron_selectivity_loss,
        module=NeuronSelectivityLoss,
        traits=_TRAITS,
        paper="arXiv:1707.01219",
    ),
)
