"""Tokens of one text kept apart."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N T D, count:T N -> N", margin="[-1, 1]")
def simctg_loss(
    input: Tensor,
    input_lengths: Tensor,
    *,
    margin: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""SimCTG's contrastive loss, :math:`\frac{1}{T (T - 1)} \sum_{i \ne j} \max(0, \rho - 1 +
    \cos(h_i, h_j))` over the tokens of a text.

    Added to the :func:`~lossary.cross_entropy` of a language model. The representations of all
    tokens tend to point in one direction; kept apart, they tell repetitions from what is new, which
    contrastive search needs to write without them. It says nothing about which tokens are alike, so
    not for embeddings to be searched: see :func:`~lossary.supervised_contrastive_loss`. All pairs
    are formed, :math:`T^2` numbers per text.

    A text of fewer than two tokens has no pairs and costs nothing. A zero vector has cosine 0 with
    every other.

    Args:
        input: representations :math:`h` of the tokens, the last hidden states of the model, of
            shape (N, T, D); beyond the length anything.
        input_lengths: the number T of tokens of each text, of shape (N,).
        margin: :math:`\rho`; two tokens cost nothing below a cosine of :math:`1 - \rho`.

    References:
        Su et al., *A Contrastive Framework for Neural Text Generation*, NeurIPS 2022.

    >>> h = torch.tensor([[[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]])  # one pair of three is alike
    >>> simctg_loss(h, torch.tensor([3]))
    tensor(0.1667)
    """
    size = input.shape[1]
    within = torch.arange(size, device=input.device) < input_lengths.unsqueeze(1)
    tokens = normalize(input.masked_fill(~within.unsqueeze(2), 0))
    itself = torch.eye(size, dtype=torch.bool, device=input.device)
    pairs = within.unsqueeze(1) & within.unsqueeze(2) & ~itself
    costs = (tokens @ tokens.mT - (1 - margin)).clamp(min=0)
    total = torch.where(pairs, costs, 0.0).sum((1, 2))
    return reduce(total / pairs.sum((1, 2)).clamp(min=1), weight, reduction)


class SimCTGLoss(FunctionLoss):
    """Module form of :func:`simctg_loss`."""

    function = staticmethod(simctg_loss)

    def __init__(self, *, margin: float = 0.5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


def _example(generator: Generator) -> tuple[Tensor, ...]:
    x = torch.randn(6, 4, 3, generator=generator)
    return x, torch.tensor([4, 3, 1, 2, 0, 4])


SPEC = LossSpec(
    function=simctg_loss,
    module=SimCTGLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 1.0}),
    paper="arXiv:2202.06417",
    example=_example,
)
