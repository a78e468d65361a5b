"""Focal loss over the probability of a whole sequence of labels."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._alignment import Infeasible, alignment_units
from .ctc import _example


@signature(
    "real N T V, label N S, count:T N, count:S N -> N",
    alpha="[0, inf)",
    gamma="[0, inf)",
    blank="int [0, inf)",
)
def focal_ctc_loss(
    input: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    alpha: float = 1.0,
    gamma: float = 2.0,
    blank: int = 0,
    infeasible: Infeasible = "raise",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal CTC loss, :math:`\alpha (1 - p)^\gamma (-\log p)` where p is the probability of the
    target under all its alignments.

    :func:`~lossary.ctc_loss` in which samples that are read well count for less, for text whose
    characters are of very different frequency. Only near the end of training does it differ: as
    long as a whole sequence is unlikely, :math:`(1 - p)^\gamma` is 1.

    Args:
        input: logits, of shape (N, T, V); frames beyond the length may hold any finite numbers.
        target: class indices, of shape (N, S), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        alpha: a factor; it balances the loss against others.
        gamma: focusing strength; 0 gives ``alpha`` times the CTC loss.
        blank: the class that stands for no label.
        infeasible: what to do with a sample whose labels do not fit into its frames: ``"raise"``
            an error, or ``"ignore"`` it.

    Raises:
        ValueError: if a label within its length is not a class or is the blank, or a sample is
            infeasible.

    References:
        Feng et al., *Focal CTC Loss for Chinese Optical Character Recognition on Unbalanced
        Datasets*, Complexity 2019.

    >>> two_frames = torch.zeros(1, 2, 2)  # p is 3/4
    >>> one = torch.tensor([1])
    >>> focal_ctc_loss(two_frames, one.unsqueeze(0), torch.tensor([2]), one)
    tensor(0.0180)
    """
    units, weight = alignment_units(
        "focal_ctc_loss",
        input.log_softmax(2),
        target,
        input_lengths,
        target_lengths,
        blank,
        infeasible,
        weight,
    )
    # 1 - p without loss of digits where p is near 1; the floor keeps log 0 out of the gradient
    rest = -torch.expm1(-units.clamp(min=0))
    log_rest = rest.clamp(min=torch.finfo(rest.dtype).tiny).log()
    return reduce(alpha * torch.exp(gamma * log_rest) * units, weight, reduction)


class FocalCTCLoss(FunctionLoss):
    """Module form of :func:`focal_ctc_loss`."""

    function = staticmethod(focal_ctc_loss)

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        gamma: float = 2.0,
        blank: int = 0,
        infeasible: Infeasible = "raise",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, gamma=gamma, blank=blank, infeasible=infeasible)


SPEC = LossSpec(
    function=focal_ctc_loss,
    module=FocalCTCLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 0.25, "gamma": 0.5, "blank": 3}),
    paper="doi:10.1155/2019/9345861",
    example=_example,
)
