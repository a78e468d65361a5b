"""Sequence transduction whose scores are sums of two networks', without the table of all sums."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._labels import IMPOSSIBLE, clean_labels, infinite, inside, require
from .transducer import sum_of_paths

LEAST = 1e-290  # what a sum of exponentials is at least; its inverse can still be multiplied


@signature("real N T V, real N L V, label N U, count:T N, count:U N -> N", blank="int [0, inf)")
def simple_rnnt_loss(
    input: Tensor,
    prediction: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int = 0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Transducer loss of a network that only adds, :math:`-\log \sum_\pi \prod_i p(\pi_i \mid
    t_i, u_i)` with :math:`p(\cdot \mid t, u) = \mathrm{softmax}(x_t + z_u)`.

    The same numbers as :func:`~lossary.rnnt_loss` of ``input.unsqueeze(2) +
    prediction.unsqueeze(1)``, but the N x T x (U + 1) x V sums are never held: the sums of their
    exponentials are a product of two matrices. For large vocabularies, and to find which labels go
    with which frames before a stronger network looks at those pairs only (pruned RNN-T). Alone it
    recognises worse than a network that mixes both inputs.

    The product is computed in double precision. Where at a frame and place all classes that one
    network finds likely are less likely by a factor of :math:`e^{-667}` to the other, it is taken
    to be :math:`e^{-667}`, and has no gradient.

    Args:
        input: logits :math:`x` of the frames, of shape (N, T, V); what lies beyond the lengths may
            be any finite numbers.
        prediction: logits :math:`z` after each number of labels, of shape (N, U + 1, V).
        target: class indices, of shape (N, U), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        blank: the class that stands for no label.

    Raises:
        ValueError: if ``prediction`` has not U + 1 places, a label within its length is not a
            class or is the blank, or a sample has labels but no frame.

    References:
        Graves, *Sequence Transduction with Recurrent Neural Networks*, 2012, section 2; as a
        product: Kuang et al., *Pruned RNN-T for Fast, Memory-efficient ASR Training*, Interspeech
        2022.

    >>> x, z = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)  # two paths of three steps of 1/2
    >>> simple_rnnt_loss(x, z, torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1]))  # log 4
    tensor(1.3863)
    """
    size, _, classes = input.shape
    places = prediction.shape[1]
    if places != target.shape[1] + 1:
        raise ValueError(
            f"simple_rnnt_loss: prediction must have shape (N, U + 1, V) = ({size}, "
            f"{target.shape[1] + 1}, {classes}), one place more than target has labels, got "
            f"{tuple(prediction.shape)}"
        )
    labels = clean_labels("simple_rnnt_loss", target, target_lengths, classes, blank)
    framed = (input_lengths > 0) | (target_lengths == 0)
    few = "simple_rnnt_loss: input_lengths must be above 0 where there are labels"
    at = require(framed, few, (target, input_lengths, target_lengths))
    if at is not None:
        raise ValueError(f"{few}, got 0 at ({int(at)},)")
    stay, emit = simple_scores(input, prediction, labels, input_lengths, target_lengths, blank)
    units = sum_of_paths(stay, emit, input_lengths, target_lengths)
    return reduce(infinite(units), weight, reduction)


def simple_scores(
    input: Tensor,
    prediction: Tensor,
    labels: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int,
) -> tuple[Tensor, Tensor]:
    """Return the log-probabilities of the blank and of the next label, of shape (N, T, U + 1)."""
    frames, places = input.shape[1], prediction.shape[1]
    # what lies beyond the lengths: its scores are dropped below, but it must not overflow
    x = input.masked_fill(~inside(input_lengths, frames).unsqueeze(2), 0)
    z = prediction.masked_fill(~inside(target_lengths + 1, places).unsqueeze(2), 0)
    x = x - x.amax(2, keepdim=True).detach()
    z = z - z.amax(2, keepdim=True).detach()
    sums = x.double().exp() @ z.double().exp().mT
    log_sums = sums.clamp(min=LEAST).log().to(x.dtype)
    # of all classes two matter: the blank, and the label that comes next, which is none at the end
    following = torch.cat([labels, labels.new_full((len(labels), 1), blank)], 1).unsqueeze(2)
    next_x = x.gather(2, following.mT.expand(-1, frames, -1))
    stay = x[..., blank].unsqueeze(2) + z[..., blank].unsqueeze(1) - log_sums
    emit = next_x + z.gather(2, following).mT - log_sums
    reached = inside(input_lengths, frames).unsqueeze(2)
    reached = reached & inside(target_lengths + 1, places).unsqueeze(1)
    stay, emit = (s.masked_fill(~reached, 0).clamp(min=IMPOSSIBLE) for s in (stay, emit))
    return stay, emit


class SimpleRNNTLoss(FunctionLoss):
    """Module form of :func:`simple_rnnt_loss`."""

    function = staticmethod(simple_rnnt_loss)

    def __init__(self, *, blank: int = 0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, blank=blank)


def _example(generator: Generator) -> tuple[Tensor, ...]:
    """Equal neighbours, an empty target, padding that is no class; class 4 can be the blank."""
    target = torch.tensor([[1, 1], [2, -100], [1, 2], [-1, 7], [2, 3], [3, 3], [3, 9]])
    lengths = torch.tensor([4, 2, 1, 4, 3, 3, 2]), torch.tensor([2, 1, 2, 0, 2, 2, 1])
    input = torch.randn(7, 4, 5, generator=generator)
    return input, torch.randn(7, 3, 5, generator=generator), target, *lengths


SPEC = LossSpec(
    function=simple_rnnt_loss,
    module=SimpleRNNTLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"blank": 4}),
    paper="arXiv:2206.13236",
    example=_example,
)
