"""Telling pairs from non-pairs, each by itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import reduce_rows
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import normalize
from ._batch import same_sample, taking_part


@signature("real N D, real N D -> N", temperature="(0, inf)")
def siglip_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    bias: float | Tensor = -10.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sigmoid loss of pairs, :math:`\sum_j \log(1 + e^{-z_{ij} (\cos(x_i, y_j) / \tau + b)})`
    with :math:`z_{ij} = 1` for a pair, :math:`i = j`, and -1 otherwise.

    For images and texts, as :func:`~lossary.clip_loss`: here every pair is judged by itself, not
    against the rest of the batch, so small batches do as well. The sum over the batch grows with
    its size. Temperature and bias may be tensors, and are meant to be trained: at fixed values
    the loss hardly tells anything. Samples that weigh nothing are in no pair. The pairs are
    computed for some samples at a time, so memory does not grow with the square of the batch.

    Args:
        input: embeddings :math:`x`, of shape (N, D).
        target: their partners :math:`y`, of shape (N, D).
        temperature: :math:`\tau`; the paper's :math:`t` is :math:`1 / \tau`, at first 10.
        bias: :math:`b`. Nearly all pairs are none, which a bias far below 0 says from the start.

    References:
        Zhai et al., *Sigmoid Loss for Language Image Pre-Training*, ICCV 2023, section 3.2.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> siglip_loss(x, x, temperature=1.0, bias=0.0)  # log(1 + 1/e) + log(2)
    tensor(1.0064)
    """
    there = taking_part(weight, input)
    given = (normalize(input), normalize(target), there, temperature, bias)
    return reduce_rows(_siglip, given, weight, reduction)


def _siglip(
    rows: slice,
    x: Tensor,
    y: Tensor,
    there: Tensor,
    temperature: float | Tensor,
    bias: float | Tensor,
) -> Tensor:
    logits = x[rows] / temperature @ y.T + bias
    wrong = torch.where(same_sample(x, rows), -logits, logits)
    return torch.where(there, F.softplus(wrong), 0.0).sum(1)


class SigLIPLoss(FunctionLoss):
    """Module form of :func:`siglip_loss`; give it parameters to train them."""

    function = staticmethod(siglip_loss)

    def __init__(
        self,
        *,
        temperature: float | Tensor = 0.1,
        bias: float | Tensor = -10.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, temperature=temperature, bias=bias)


SPEC = LossSpec(
    function=siglip_loss,
    module=SigLIPLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"temperature": 0.5, "bias": -1.0}),
    paper="arXiv:2303.15343",
    exempt={"parts_add": "each sample is held against all others of the batch"},
)
