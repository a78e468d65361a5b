"""Distillation between two linear layers' outputs, without holding those outputs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...fuse import fuse
from ...kernels.divergence import kl_of_logs
from ...kernels.linear import LinearLoss, LogitLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature(
    "real N D, real C D, real N E, real C E -> N",
    widens=False,
    beta="[0, 1]",
    temperature="(0, inf)",
)
def linear_distillation_loss(
    input: Tensor,
    linear_weight: Tensor,
    teacher_input: Tensor,
    teacher_weight: Tensor,
    *,
    beta: float = 0.0,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Divergence of a student's distribution q from a teacher's p, softmaxes of linear layers:
    :math:`T^2 D(p \Vert q)` at temperature :math:`T`.

    With ``beta`` 0 the Kullback-Leibler divergence :math:`\mathrm{KL}(p \Vert q)`, which covers
    all that the teacher does; with 1 the reverse :math:`\mathrm{KL}(q \Vert p)`, which seeks its
    main mode; between them the generalised Jensen-Shannon divergence
    :math:`\beta\, \mathrm{KL}(p \Vert m) + (1 - \beta)\, \mathrm{KL}(q \Vert m)` with
    :math:`m = \beta p + (1 - \beta) q`, which is bounded.

    For language models with large vocabularies: both tensors of logits are computed for some rows
    at a time; see :func:`~lossary.linear_cross_entropy`. A teacher that needs gradients makes the
    definition run as it is.

    Args:
        input: the student's hidden states, of shape (N, D).
        linear_weight: the weight of the student's last layer, of shape (C, D).
        teacher_input: the teacher's hidden states, of shape (N, E).
        teacher_weight: the weight of the teacher's last layer, of shape (C, E).
        beta: which divergence, from 0 to 1.
        temperature: what all logits are divided by.

    References:
        Hinton et al., *Distilling the Knowledge in a Neural Network*, 2015, section 2; Agarwal et
        al., *On-Policy Distillation of Language Models*, ICLR 2024, eq. 1.

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> linear_distillation_loss(x, w, torch.tensor([[0.0]]), torch.tensor([[1.0], [1.0]]))
    tensor(0.4338)
    """
    options = {"beta": beta, "temperature": temperature}
    job = LinearLoss(_OF_LOGITS, (), options, weight, (teacher_input, teacher_weight))
    result = job(input, linear_weight, None, reduction)
    return result if reduction == "parts" else result.to(input.dtype)


@signature("real N C, real N C -> N")
def _of_logits(
    input: Tensor,
    target: Tensor,
    *,
    beta: float,
    temperature: float,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    log_q, log_p = (input / temperature).log_softmax(1), (target / temperature).log_softmax(1)
    if beta == 0:
        units = kl_of_logs(log_p, log_q)
    elif beta == 1:
        units = kl_of_logs(log_q, log_p)
    else:
        a, b = math.log(beta) + log_p, math.log1p(-beta) + log_q
        log_m = torch.maximum(a, b) + torch.log1p(torch.exp(-(a - b).abs()))
        units = beta * kl_of_logs(log_p, log_m) + (1 - beta) * kl_of_logs(log_q, log_m)
    return reduce(temperature**2 * units, weight, reduction)


_FUSED = fuse(_of_logits, donate_input=True)
_OF_LOGITS = LogitLoss(_of_logits, lambda *_: _FUSED, "linear_distillation_loss")


class LinearDistillationLoss(FunctionLoss):
    """Module form of :func:`linear_distillation_loss`."""

    function = staticmethod(linear_distillation_loss)

    def __init__(
        self, *, beta: float = 0.0, temperature: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, temperature=temperature)


SPEC = LossSpec(
    function=linear_distillation_loss,
    module=LinearDistillationLoss,
    variants=({}, {"beta": 1.0, "temperature": 2.0}, {"beta": 0.3}),
    paper="arXiv:2306.13649",
)
