"""Alignment by optimal transport."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._match import matched_gap


@signature("real N, real N, real N, real N -> N", beta="(0, inf)", label_smoothing="[0, 0.5]")
def aot_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Alignment by optimal transport, :math:`-(1 - \epsilon) \log \sigma(\beta h) - \epsilon \log
    \sigma(-\beta h)` with :math:`h = a_{(i)} - b_{(i)}`, the differences of the sorted log-ratios
    :math:`a = \log \frac{\pi(y_w)}{\pi_0(y_w)}` and :math:`b = \log \frac{\pi(y_l)}{\pi_0(y_l)}`.

    Asks of the preferred responses as a whole that each quantile of theirs exceeds that of the
    others, instead of each pair by itself: responses need not be to the same prompts. With pairs
    see :func:`~lossary.aot_pair_loss`.

    The i-th loss is that of the i-th preferred response and its match. Matches are made within the
    batch, so use large ones; those of micro-batches do not add up. What has weight 0 is matched
    with nothing; other weights do not change the matches.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of shape (N,).
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.
        label_smoothing: the share :math:`\epsilon` of pairs that are taken to be the wrong way
            round.

    References:
        Melnyk et al., *Distributional Preference Alignment of LLMs via Optimal Transport*, NeurIPS
        2024, the unpaired objective.

    >>> policy = torch.tensor([-10.0, -9.0]), torch.tensor([-14.0, -6.0])
    >>> reference = torch.tensor([-12.0, -9.0]), torch.tensor([-13.0, -8.0])
    >>> aot_loss(*policy, *reference)
    tensor(0.6688)
    """
    gap = matched_gap(chosen - reference_chosen, rejected - reference_rejected, weight)
    z = beta * gap
    return reduce(label_smoothing * z - F.logsigmoid(z), weight, reduction)


@signature("real N, real N, real N, real N -> N", beta="(0, inf)", label_smoothing="[0, 0.5]")
def aot_pair_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Alignment of pairs by optimal transport, :math:`-(1 - \epsilon) \log \sigma(\beta h) -
    \epsilon \log \sigma(-\beta h)` with :math:`h = a_{(i)} - b_{(i)}`, the differences of the
    sorted leads :math:`a = \log \frac{\pi(y_w)}{\pi(y_l)}` and :math:`b = \log
    \frac{\pi_0(y_w)}{\pi_0(y_l)}`.

    Where :func:`~lossary.dpo_loss` compares the policy's lead of each pair with the reference's,
    this compares the leads of all pairs of the batch, quantile by quantile.

    The i-th loss is that of the i-th lead of the policy and its match. For batches and weights see
    :func:`~lossary.aot_loss`.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of shape (N,).
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.
        label_smoothing: the share :math:`\epsilon` of pairs that are taken to be the wrong way
            round.

    References:
        Melnyk et al., *Distributional Preference Alignment of LLMs via Optimal Transport*, NeurIPS
        2024, the paired objective.

    >>> policy = torch.tensor([-10.0, -9.0]), torch.tensor([-14.0, -6.0])
    >>> reference = torch.tensor([-12.0, -9.0]), torch.tensor([-13.0, -8.0])
    >>> aot_pair_loss(*policy, *reference)
    tensor(0.6762)
    """
    gap = matched_gap(chosen - rejected, reference_chosen - reference_rejected, weight)
    z = beta * gap
    return reduce(label_smoothing * z - F.logsigmoid(z), weight, reduction)


class AOTLoss(FunctionLoss):
    """Module form of :func:`aot_loss`."""

    function = staticmethod(aot_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, label_smoothing=label_smoothing)


class AOTPairLoss(FunctionLoss):
    """Module form of :func:`aot_pair_loss`."""

    function = staticmethod(aot_pair_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, label_smoothing=label_smoothing)


SPECS = (
    LossSpec(
        function=aot_loss,
        module=AOTLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"beta": 0.5, "label_smoothing": 0.2}),
        paper="arXiv:2406.05882",
        exempt={"parts_add": "responses are matched by rank within the whole batch"},
    ),
    LossSpec(
        function=aot_pair_loss,
        module=AOTPairLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"beta": 0.5, "label_smoothing": 0.2}),
        paper="arXiv:2406.05882",
        exempt={"parts_add": "responses are matched by rank within the whole batch"},
    ),
)
