"""Telling what belongs together from noise."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N, real N K -> N")
def negative_sampling_loss(
    input: Tensor,
    negative: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative sampling loss, :math:`-\log \sigma(x) - \sum_k \log \sigma(-z_k)`.

    For embeddings of words, graphs and items: the true pair is to score high, K drawn ones low.
    Scores are no log-probabilities; for those see :func:`~lossary.noise_contrastive_loss`.

    Args:
        input: scores of the true pairs, of shape (N,).
        negative: scores of the drawn pairs, of shape (N, K).

    References:
        Mikolov et al., *Distributed Representations of Words and Phrases and their
        Compositionality*, NIPS 2013, eq. 4.

    >>> negative_sampling_loss(torch.tensor([0.0]), torch.tensor([[0.0, 0.0]]))
    tensor(2.0794)
    """
    return reduce(F.softplus(-input) + F.softplus(negative).sum(1), weight, reduction)


@signature("real N, real N K, real N, real N K -> N")
def noise_contrastive_loss(
    input: Tensor,
    negative: Tensor,
    input_log_noise: Tensor,
    negative_log_noise: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Noise-contrastive estimation, :math:`-\log \sigma(x - \log K q_x) - \sum_k \log
    \sigma(-(z_k - \log K q_k))`.

    Learns log-probabilities without their normalizing sum, by telling data from K draws of a known
    noise. The scores become logarithms of probabilities that sum to about 1.

    Args:
        input: scores of the data, of shape (N,).
        negative: scores of the draws, of shape (N, K).
        input_log_noise: the noise's log-probability of the data, of shape (N,).
        negative_log_noise: its log-probability of the draws, of shape (N, K).

    References:
        Gutmann and Hyvarinen, *Noise-Contrastive Estimation*, AISTATS 2010, eq. 3.

    >>> zero = torch.zeros(1)
    >>> noise_contrastive_loss(zero, zero[None], zero, zero[None])
    tensor(1.3863)
    """
    count = math.log(max(1, negative.shape[1]))
    drawn = F.softplus(negative - negative_log_noise - count).sum(1)
    return reduce(F.softplus(input_log_noise + count - input) + drawn, weight, reduction)


class NegativeSamplingLoss(FunctionLoss):
    """Module form of :func:`negative_sampling_loss`."""

    function = staticmethod(negative_sampling_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class NoiseContrastiveLoss(FunctionLoss):
    """Module form of :func:`noise_contrastive_loss`."""

    function = staticmethod(noise_contrastive_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=negative_sampling_loss,
        module=NegativeSamplingLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1310.4546",
    ),
    LossSpec(
        function=noise_contrastive_loss,
        module=NoiseContrastiveLoss,
        traits=Trait.NONNEGATIVE,
        paper="Gutmann and Hyvarinen, AISTATS 2010",
    ),
)
