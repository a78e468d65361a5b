"""A learned boundary between the distances of a class and those to others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...base import FunctionLoss
from ...kernels.pairs import distances, reduce_rows
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import normalize
from ._batch import same_class, taking_part


@signature("real N D, real C, label N -> N", margin="[0, inf)")
def margin_loss(
    input: Tensor,
    boundaries: Tensor,
    target: Tensor,
    *,
    margin: float = 0.2,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Margin loss, :math:`\mathrm{mean}_{P_i} \max(0, \alpha + d - \beta_{y_i}) +
    \mathrm{mean}_{N_i} \max(0, \alpha - d + \beta_{y_i})` with distances :math:`d` of embeddings
    of length 1.

    For retrieval: other than :func:`~lossary.contrastive_loss`, it lets a class spread, and learns
    how far, :math:`\beta`; other than triplets, it compares with one boundary only. All pairs of
    the batch take part, those of the same class :math:`P_i` weighing as much as those of others
    :math:`N_i`, as with one negative for each positive; the paper draws that negative, evenly over
    the distances.

    Args:
        input: embeddings, of shape (N, D).
        boundaries: the distance :math:`\beta` of each class, of shape (C,).
        target: class indices in [0, C), of shape (N,).
        margin: :math:`\alpha`, on both sides of the boundary.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Wu et al., *Sampling Matters in Deep Embedding Learning*, ICCV 2017.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> margin_loss(x, torch.tensor([1.4, 1.4]), torch.tensor([0, 0, 1, 1]))
    tensor(0.1858)
    """
    given = (normalize(input), boundaries, target, taking_part(weight, input), margin)
    # on a GPU the gradient of torch's distances holds the differences of coordinates
    width = input.numel() if input.is_cuda else len(input)
    return reduce_rows(_margin, given, weight, reduction, width=width)


def _margin(
    rows: slice, x: Tensor, boundaries: Tensor, target: Tensor, there: Tensor, margin: float
) -> Tensor:
    excess = distances(x[rows], x) - boundaries[target[rows]].unsqueeze(1)
    alike, unlike = same_class(target, there, rows)
    near = torch.where(alike, (margin + excess).clamp(min=0), 0.0).sum(1)
    far = torch.where(unlike, (margin - excess).clamp(min=0), 0.0).sum(1)
    return near / alike.sum(1).clamp(min=1) + far / unlike.sum(1).clamp(min=1)


class MarginLoss(FunctionLoss):
    """Module form of :func:`margin_loss`.

    It owns the boundaries, which learn, and is called with ``(input, target)``.

    Args:
        num_classes: the number C of classes.
        boundary: where the boundaries begin.
    """

    function = staticmethod(margin_loss)

    def __init__(
        self,
        num_classes: int,
        boundary: float = 1.2,
        *,
        margin: float = 0.2,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, margin=margin, ignore_index=ignore_index)
        self.boundaries = nn.Parameter(torch.full((num_classes,), float(boundary)))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.boundaries, target


SPEC = LossSpec(
    function=margin_loss,
    module=MarginLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 2.0}),
    paper="arXiv:1706.07567",
    owned={"boundaries": "boundaries"},
    sizes={"num_classes": "C"},
    exempt={"parts_add": "each sample is told from all others of the batch"},
)
