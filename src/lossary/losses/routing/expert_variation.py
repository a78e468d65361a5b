"""How unevenly the experts of a mixture are used, one number per expert."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

LEAST_NOISE = 1e-6


@signature("nonneg N C -> C")
def importance_loss(
    input: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Importance loss, :math:`(I_c / \bar I - 1)^2` with the sum :math:`I_c = \sum_n g_{nc}` of
    the gates of expert :math:`c` over the batch.

    An auxiliary loss for mixtures of experts. The mean over the experts is the square of the
    coefficient of variation of their importance. It is even where all experts get the same sum of
    gates, though one may get few tokens with large gates; for the number of tokens add
    :func:`~lossary.load_loss`.

    The unit is an expert, and the mean :math:`\bar I` is that of the experts that take part. To
    leave a token out, set its gates to zero. Where all gates are zero the loss is zero.

    Args:
        input: gates, of shape (N, C): one row per token, one column per expert, zero for experts
            that were not chosen.

    References:
        Shazeer et al., *Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts
        Layer*, ICLR 2017, eq. 6 and 7, without the coefficient.

    >>> importance_loss(torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    tensor(0.2500)
    """
    return reduce(_variation(input.sum(0), weight), weight, reduction)


@signature("real N C, real N C, nonneg N C -> C", top_k="int [1, inf)")
def load_loss(
    input: Tensor,
    noisy: Tensor,
    noise: Tensor,
    *,
    top_k: int = 1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Load loss, :math:`(L_c / \bar L - 1)^2` with :math:`L_c = \sum_n \Phi\big((x_{nc} -
    t_{nc}) / \sigma_{nc}\big)`, the expected number of tokens of expert :math:`c` if its noise were
    drawn again.

    An auxiliary loss for mixtures of experts with noisy top-k gates. How many tokens an expert gets
    has no gradient; how likely it is to get them has. The threshold :math:`t_{nc}` is the
    :math:`k`-th largest noisy logit among the other experts. The mean over the experts is the
    square of the coefficient of variation.

    The unit is an expert, and the mean :math:`\bar L` is that of the experts that take part. With
    at most ``top_k`` experts all of them are always chosen, and the loss is zero.

    Args:
        input: router logits before the noise, of shape (N, C).
        noisy: the same with the noise that was drawn, of shape (N, C).
        noise: the standard deviation :math:`\sigma` of the noise, of shape (N, C); below 1e-6 it
            counts as 1e-6.
        top_k: how many experts each token goes to.

    References:
        Shazeer et al., *Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts
        Layer*, ICLR 2017, appendix A, eq. 8 to 11, without the coefficient.

    >>> x, noise = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    >>> load_loss(x, x, noise)
    tensor(0.4661)
    """
    # without itself, an expert among the k largest is followed by the next one; where there is no
    # next one, it is chosen for sure
    nobody = noisy.new_full((noisy.shape[0], int(top_k) + 1), -torch.inf)
    largest = torch.cat([noisy, nobody], 1).topk(int(top_k) + 1, 1).values
    last, next_one = largest[:, -2:-1], largest[:, -1:]
    threshold = torch.where(noisy >= last, next_one, last)
    sure = threshold.isneginf()
    lead = (input - torch.where(sure, 0.0, threshold)) / noise.clamp(min=LEAST_NOISE)
    chance = torch.where(sure, 1.0, torch.special.ndtr(lead))
    return reduce(_variation(chance.sum(0), weight), weight, reduction)


def _variation(total: Tensor, weight: Tensor | None) -> Tensor:
    """Return the squares of relative differences from the mean of the experts that take part."""
    there = torch.ones_like(total) if weight is None else (weight != 0).to(total.dtype)
    mean = (total * there).sum() / there.sum().clamp(min=1)
    return ((total - mean) / torch.where(mean == 0, 1.0, mean)).square()


class ImportanceLoss(FunctionLoss):
    """Module form of :func:`importance_loss`."""

    function = staticmethod(importance_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class LoadLoss(FunctionLoss):
    """Module form of :func:`load_loss`."""

    function = staticmethod(load_loss)

    def __init__(self, *, top_k: int = 1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, top_k=top_k)


def _example(generator: Generator) -> tuple[object, ...]:
    """Make gates of enough experts for halves to have means of their own."""
    return (torch.rand(4, 5, generator=generator),)


_EXEMPT = {"parts_add": "an expert is judged by the mean of all experts"}

SPECS = (
    LossSpec(
        function=importance_loss,
        module=ImportanceLoss,
        traits=Trait.NONNEGATIVE,
        example=_example,
        paper="arXiv:1701.06538",
        exempt=_EXEMPT,
    ),
    LossSpec(
        function=load_loss,
        module=LoadLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"top_k": 2}),
        paper="arXiv:1701.06538",
        exempt=_EXEMPT,
    ),
)
