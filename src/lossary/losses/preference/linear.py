"""Preference losses of a linear layer's output, without holding that output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...kernels.linear import LinearLoss
from ...reduction import Reduction
from ...signature import Signature, full_precision, signature
from ...spec import LossSpec, Trait
from ..classification.linear_cross_entropy import OF_LOGITS
from .cpo import cpo_loss
from .dpo import dpo_loss
from .grpo import grpo_loss
from .kto import kto_loss
from .orpo import orpo_loss
from .simpo import simpo_loss


def _of_tokens(loss: str, input: str, tokens: str) -> Signature:
    ranges = {"linear_bias": "real C", "softcap": "(0, inf)", "temperature": "(0, inf)"}
    names = (input, "linear_weight", tokens)
    return Signature.parse("real N T D, real C D, label N T -> N T", names, loss, ranges, False)


_INPUT = _of_tokens("linear_log_probability", "input", "tokens")
_CHOSEN = _of_tokens("linear preference loss", "chosen", "chosen_tokens")
_REJECTED = _of_tokens("linear preference loss", "rejected", "rejected_tokens")


def linear_log_probability(
    input: Tensor,
    linear_weight: Tensor,
    tokens: Tensor,
    *,
    linear_bias: Tensor | None = None,
    ignore_index: int = -100,
    softcap: float | None = None,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Literal["none", "sum", "mean"] = "sum",
) -> Tensor:
    r"""Return the log-probability of each response, :math:`\sum_t \log p_t(y_t)` with :math:`p_t =
    \mathrm{softmax}(W h_t + b)`, in single precision at least.

    It is what losses of language models take as ``chosen``, ``policy`` or ``log_prob``, so with it
    each of them runs on hidden states; without gradients it gives those of a reference. The
    logits are computed for some tokens at a time, and a second time in the backward pass: how much
    a token counts is known when the loss of its response is, and by then the gradients of the
    layer's weight, one for each response, would not fit into memory.

    Args:
        input: hidden states, of shape (N, T, D), those from which ``tokens`` are predicted.
        linear_weight: the weight of the linear layer, of shape (C, D).
        tokens: token indices in [0, C), of shape (N, T).
        linear_bias: the bias of the linear layer, of shape (C,).
        ignore_index: a token with this index, of a prompt or padding, is left out.
        softcap: if given, logits are bounded to this by :math:`s \tanh(z / s)`.
        temperature: what the logits are divided by, after the bound.
        weight: one number or boolean per token, of shape (N, T).
        reduction: ``"sum"``, or the weighted ``"mean"`` over the tokens of a response, which give
            one number per response, of shape (N,); or ``"none"``, of shape (N, T), with 0 for
            tokens that are left out.

    >>> hidden, head = torch.tensor([[[1.0], [0.0], [2.0]]]), torch.tensor([[1.0], [-1.0]])
    >>> linear_log_probability(hidden, head, torch.tensor([[-100, 1, 0]]))
    tensor([-0.7113])
    """
    _INPUT.check_hyperparameters({"softcap": softcap, "temperature": temperature})
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"reduction must be none, sum or mean over tokens, got {reduction!r}")
    (found,) = _log_probabilities(
        [(_INPUT, input, tokens)],
        linear_weight,
        linear_bias,
        ignore_index,
        weight,
        reduction,
        softcap=softcap,
        temperature=temperature,
    )
    return found


def _log_probabilities(
    responses: Sequence[tuple[Signature, Tensor, Tensor]],
    matrix: Tensor,
    bias: Tensor | None,
    ignored: int,
    weight: Tensor | None,
    reduction: str,
    *,
    softcap: float | None = None,
    temperature: float = 1.0,
) -> list[Tensor]:
    """Return the log-probabilities of several tensors of responses.

    They are computed together, so that there is one gradient of the matrix and not several.
    """
    extras = {} if bias is None else {"linear_bias": bias}
    admitted = [
        takes.admit((input, matrix, tokens), weight, ignored, extras)
        for takes, input, tokens in responses
    ]
    rows, matrices, labels = zip(*(a.tensors for a in admitted), strict=True)
    weights = [a.weight for a in admitted]
    if all(w is None for w in weights):
        of_rows = None
    else:
        pairs = zip(weights, labels, strict=True)
        of_rows = _rows([torch.ones_like(y) if w is None else w for w, y in pairs])
    options = {
        "class_weight": None,
        "label_smoothing": 0.0,
        "z_loss": 0.0,
        "softcap": softcap,
        "temperature": temperature,
    }
    job = LinearLoss(OF_LOGITS, (_rows(labels),), options, of_rows)
    with full_precision(rows):
        bias = None if bias is None else bias.to(rows[0].dtype)
        units = job(_rows(rows), matrices[0], bias, "none")
    pieces = units.split([y.shape[0] * y.shape[1] for y in labels])
    return [
        _of_responses(-piece.reshape(y.shape), w, reduction)
        for piece, y, w in zip(pieces, labels, weights, strict=True)
    ]


def _rows(tensors: Sequence[Tensor]) -> Tensor:
    """Put all tokens of all tensors below each other."""
    flat = [t.flatten(0, 1) for t in tensors]
    return flat[0] if len(flat) == 1 else torch.cat(flat)


def _of_responses(log_prob: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Turn the weighted log-probabilities of tokens into those of responses."""
    if reduction == "none":
        return log_prob
    total = log_prob.sum(1)
    if reduction == "sum":
        return total
    if weight is None:
        return total / max(log_prob.shape[1], 1)
    count = weight.to(total.dtype).sum(1)
    return total / torch.where(count == 0, 1.0, count)


def _pair(
    chosen: Tensor,
    rejected: Tensor,
    matrix: Tensor,
    chosen_tokens: Tensor,
    rejected_tokens: Tensor,
    bias: Tensor | None,
    ignored: int,
    weight: Tensor | None,
    reduction: str,
) -> tuple[Tensor, Tensor]:
    """Return the log-probabilities of both responses of each pair."""
    responses = [(_CHOSEN, chosen, chosen_tokens), (_REJECTED, rejected, rejected_tokens)]
    takes_part = None if weight is None else (weight != 0).unsqueeze(1)
    better, worse = _log_probabilities(responses, matrix, bias, ignored, takes_part, reduction)
    return better, worse


@signature(
    "real N T D, real N S D, real V D, label N T, label N S, real N, real N -> N",
    widens=False,
    linear_bias="real V",
    beta="(0, inf)",
    label_smoothing="[0, 0.5]",
)
def linear_dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    linear_weight: Tensor,
    chosen_tokens: Tensor,
    rejected_tokens: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    linear_bias: Tensor | None = None,
    ignored_token: int = -100,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Direct preference optimization of hidden states, :math:`-(1 - \epsilon) \log \sigma(\beta h)
    - \epsilon \log \sigma(-\beta h)` with :math:`h = \log \frac{\pi(y_w)}{\pi_0(y_w)} - \log
    \frac{\pi(y_l)}{\pi_0(y_l)}`.

    :func:`~lossary.dpo_loss` of the log-probabilities that :func:`~lossary.linear_log_probability`
    gives, for large vocabularies: it does not hold the logits, and tokens that are left out cost
    nothing. Other preference losses are put together in the same way.

    Args:
        chosen: hidden states of the preferred responses, of shape (N, T, D), those from which
            ``chosen_tokens`` are predicted.
        rejected: those of the other responses, of shape (N, S, D).
        linear_weight: the weight of the linear layer, of shape (V, D).
        chosen_tokens: token indices of the preferred responses in [0, V), of shape (N, T).
        rejected_tokens: those of the other responses, of shape (N, S).
        reference_chosen: log-probabilities of the preferred responses under the reference, of shape
            (N,): of :func:`~lossary.linear_log_probability` without a gradient.
        reference_rejected: those of the other responses.
        linear_bias: the bias of the linear layer, of shape (V,).
        ignored_token: a token with this index, of a prompt or padding, is left out.
        beta: how strongly the policy is held near the reference; larger holds it nearer.
        label_smoothing: the share :math:`\epsilon` of pairs that are taken to be the wrong way
            round.

    References:
        Rafailov et al., *Direct Preference Optimization*, NeurIPS 2023, eq. 7.

    >>> hidden, head = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[1.0], [-1.0]])
    >>> tokens = torch.tensor([[0, 1]]), torch.tensor([[1, -100]])
    >>> reference = torch.tensor([-1.0]), torch.tensor([-2.0])
    >>> linear_dpo_loss(hidden, hidden, head, *tokens, *reference)
    tensor(0.6779)
    """
    better, worse = _pair(
        chosen,
        rejected,
        linear_weight,
        chosen_tokens,
        rejected_tokens,
        linear_bias,
        ignored_token,
        weight,
        "sum",
    )
    return dpo_loss(
        better,
        worse,
        reference_chosen,
        reference_rejected,
        beta=beta,
        label_smoothing=label_smoothing,
        weight=weight,
        reduction=reduction,
    )


@signature(
    "real N T D, real N S D, real V D, label N T, label N S -> N",
    widens=False,
    linear_bias="real V",
    beta="(0, inf)",
    coefficient="[0, inf)",
)
def linear_cpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    linear_weight: Tensor,
    chosen_tokens: Tensor,
    rejected_tokens: Tensor,
    *,
    linear_bias: Tensor | None = None,
    ignored_token: int = -100,
    beta: float = 0.1,
    coefficient: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Contrastive preference optimization of hidden states, :math:`-\log \sigma(\beta \ell_w -
    \beta \ell_l) - \lambda \ell_w` with the sums :math:`\ell` of the log-probabilities of tokens.

    :func:`~lossary.cpo_loss` without the logits; see :func:`~lossary.linear_dpo_loss`.

    Args:
        chosen: hidden states of the preferred responses, of shape (N, T, D), those from which
            ``chosen_tokens`` are predicted.
        rejected: those of the other responses, of shape (N, S, D).
        linear_weight: the weight of the linear layer, of shape (V, D).
        chosen_tokens: token indices of the preferred responses in [0, V), of shape (N, T).
        rejected_tokens: those of the other responses, of shape (N, S).
        linear_bias: the bias of the linear layer, of shape (V,).
        ignored_token: a token with this index, of a prompt or padding, is left out.
        beta: the scale of the difference.
        coefficient: the weight :math:`\lambda` of the likelihood.

    References:
        Xu et al., *Contrastive Preference Optimization: Pushing the Boundaries of LLM Performance
        in Machine Translation*, ICML 2024, the preference and the likelihood term.

    >>> hidden, head = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[1.0], [-1.0]])
    >>> tokens = torch.tensor([[0, 1]]), torch.tensor([[1, -100]])
    >>> linear_cpo_loss(hidden, hidden, head, *tokens)
    tensor(1.4500)
    """
    better, worse = _pair(
        chosen,
        rejected,
        linear_weight,
        chosen_tokens,
        rejected_tokens,
        linear_bias,
        ignored_token,
        weight,
        "sum",
    )
    return cpo_loss(
        better, worse, beta=beta, coefficient=coefficient, weight=weight, reduction=reduction
    )


@signature(
    "real N T D, real N S D, real V D, label N T, label N S -> N",
    widens=False,
    linear_bias="real V",
    beta="(0, inf)",
)
def linear_simpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    linear_weight: Tensor,
    chosen_tokens: Tensor,
    rejected_tokens: Tensor,
    *,
    linear_bias: Tensor | None = None,
    ignored_token: int = -100,
    beta: float = 2.0,
    gamma: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Simple preference optimization of hidden states, :math:`-\log \sigma(\beta \ell_w - \beta
    \ell_l - \gamma)` with the means :math:`\ell` of the log-probabilities of tokens.

    :func:`~lossary.simpo_loss` without the logits; see :func:`~lossary.linear_dpo_loss`.

    Args:
        chosen: hidden states of the preferred responses, of shape (N, T, D), those from which
            ``chosen_tokens`` are predicted.
        rejected: those of the other responses, of shape (N, S, D).
        linear_weight: the weight of the linear layer, of shape (V, D).
        chosen_tokens: token indices of the preferred responses in [0, V), of shape (N, T).
        rejected_tokens: those of the other responses, of shape (N, S).
        linear_bias: the bias of the linear layer, of shape (V,).
        ignored_token: a token with this index, of a prompt or padding, is left out.
        beta: the scale of the rewards.
        gamma: the lead that is asked of the preferred response, in rewards.

    References:
        Meng, Xia and Chen, *SimPO: Simple Preference Optimization with a Reference-Free Reward*,
        NeurIPS 2024, eq. 6.

    >>> hidden, head = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[1.0], [-1.0]])
    >>> tokens = torch.tensor([[0, 1]]), torch.tensor([[1, -100]])
    >>> linear_simpo_loss(hidden, hidden, head, *tokens)
    tensor(0.0518)
    """
    better, worse = _pair(
        chosen,
        rejected,
        linear_weight,
        chosen_tokens,
        rejected_tokens,
        linear_bias,
        ignored_token,
        weight,
        "mean",
    )
    return simpo_loss(better, worse, beta=beta, gamma=gamma, weight=weight, reduction=reduction)


@signature(
    "real N T D, real N S D, real V D, label N T, label N S -> N",
    widens=False,
    linear_bias="real V",
    coefficient="[0, inf)",
)
def linear_orpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    linear_weight: Tensor,
    chosen_tokens: Tensor,
    rejected_tokens: Tensor,
    *,
    linear_bias: Tensor | None = None,
    ignored_token: int = -100,
    coefficient: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Odds ratio preference optimization of hidden states, :math:`-\ell_w - \lambda \log
    \sigma\bigl(\log \frac{o_w}{o_l} \bigr)` with the means :math:`\ell` of the log-probabilities of
    tokens and the odds :math:`o = P / (1 - P)` of :math:`P = e^\ell`.

    :func:`~lossary.orpo_loss` without the logits; see :func:`~lossary.linear_dpo_loss`. The first
    term is a mean over the tokens of each response, then over responses; some libraries take the
    mean over all tokens of the batch.

    Args:
        chosen: hidden states of the preferred responses, of shape (N, T, D), those from which
            ``chosen_tokens`` are predicted.
        rejected: those of the other responses, of shape (N, S, D).
        linear_weight: the weight of the linear layer, of shape (V, D).
        chosen_tokens: token indices of the preferred responses in [0, V), of shape (N, T).
        rejected_tokens: those of the other responses, of shape (N, S).
        linear_bias: the bias of the linear layer, of shape (V,).
        ignored_token: a token with this index, of a prompt or padding, is left out.
        coefficient: the weight :math:`\lambda` of the odds ratio.

    References:
        Hong, Lee and Thorne, *ORPO: Monolithic Preference Optimization without Reference Model*,
        EMNLP 2024, eq. 6 and 7.

    >>> hidden, head = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[1.0], [-1.0]])
    >>> tokens = torch.tensor([[0, 1]]), torch.tensor([[1, -100]])
    >>> linear_orpo_loss(hidden, hidden, head, *tokens)
    tensor(0.4167)
    """
    better, worse = _pair(
        chosen,
        rejected,
        linear_weight,
        chosen_tokens,
        rejected_tokens,
        linear_bias,
        ignored_token,
        weight,
        "mean",
    )
    return orpo_loss(better, worse, coefficient=coefficient, weight=weight, reduction=reduction)


@signature(
    "real N T D, real V D, label N T, real N, sign N -> N",
    widens=False,
    linear_bias="real V",
    kl="real",
    beta="(0, inf)",
    desirable_weight="[0, inf)",
    undesirable_weight="[0, inf)",
)
def linear_kto_loss(
    input: Tensor,
    linear_weight: Tensor,
    tokens: Tensor,
    reference: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    ignored_token: int = -100,
    kl: Tensor | None = None,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Kahneman-Tversky optimization of hidden states, :math:`\lambda_D\, \sigma(\beta (z - a))` of
    a desirable and :math:`\lambda_U\, \sigma(\beta (a - z))` of an undesirable response with
    :math:`a = \log \frac{\pi(y)}{\pi_0(y)}`.

    :func:`~lossary.kto_loss` without the logits; see :func:`~lossary.linear_dpo_loss`.

    Args:
        input: hidden states of the responses, of shape (N, T, D), those from which ``tokens`` are
            predicted.
        linear_weight: the weight of the linear layer, of shape (V, D).
        tokens: token indices of the responses in [0, V), of shape (N, T).
        reference: log-probabilities of the responses under the reference, of shape (N,): of
            :func:`~lossary.linear_log_probability` without a gradient.
        target: 1 for a desirable response, -1 for an undesirable one, of shape (N,).
        linear_bias: the bias of the linear layer, of shape (V,).
        ignored_token: a token with this index, of a prompt or padding, is left out.
        kl: an estimate of the divergence :math:`z` of the policy from the reference, a tensor of no
            dimensions; 0 without it. See :func:`~lossary.kto_loss`.
        beta: how fast the value saturates; the lower, the further the policy may go.
        desirable_weight: the factor :math:`\lambda_D`.
        undesirable_weight: the factor :math:`\lambda_U`.

    References:
        Ethayarajh et al., *KTO: Model Alignment as Prospect Theoretic Optimization*, ICML 2024,
        eq. 8.

    >>> hidden, head = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[1.0], [-1.0]])
    >>> tokens, reference = torch.tensor([[0, 1]]), torch.tensor([-1.0])
    >>> linear_kto_loss(hidden, head, tokens, reference, torch.tensor([1]))
    tensor(0.4955)
    """
    takes_part = None if weight is None else (weight != 0).unsqueeze(1)
    responses = [(_INPUT, input, tokens)]
    (policy,) = _log_probabilities(
        responses, linear_weight, linear_bias, ignored_token, takes_part, "sum"
    )
    return kto_loss(
        policy,
        reference,
        target,
        kl=kl,
        beta=beta,
        desirable_weight=desirable_weight,
        undesirable_weight=undesirable_weight,
        weight=weight,
        reduction=reduction,
    )


@signature(
    "real N T D, real C D, label N T, real N T, real N T, real N T -> N T",
    widens=False,
    linear_bias="real C",
    beta="[0, inf)",
    clip_low="[0, 1]",
    clip_high="[0, inf)",
    max_log_ratio="(0, inf)",
    temperature="(0, inf)",
)
def linear_grpo_loss(
    input: Tensor,
    linear_weight: Tensor,
    tokens: Tensor,
    old_log_prob: Tensor,
    reference_log_prob: Tensor,
    advantage: Tensor,
    *,
    linear_bias: Tensor | None = None,
    ignore_index: int = -100,
    temperature: float = 1.0,
    beta: float = 0.04,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    max_log_ratio: float = 20.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Loss of group relative policy optimization of hidden states, :math:`-\min(\rho A,\,
    \mathrm{clip}(\rho, 1 - \epsilon_l, 1 + \epsilon_h) A) + \beta (e^d - 1 - d)` with the ratio
    :math:`\rho = \pi(a) / \pi_{old}(a)` and :math:`d = \log \frac{\pi_0(a)}{\pi(a)}`.

    :func:`~lossary.grpo_loss` without the logits; see :func:`~lossary.linear_dpo_loss`. The unit is
    a token; for the mean over the tokens of a response first, and others, see there.

    Args:
        input: hidden states, of shape (N, T, D), those from which ``tokens`` are predicted.
        linear_weight: the weight of the linear layer, of shape (C, D).
        tokens: indices in [0, C) of the tokens that were sampled, of shape (N, T).
        old_log_prob: log-probabilities of the tokens under the policy that sampled them, of shape
            (N, T), without a gradient.
        reference_log_prob: those under the reference, without a gradient. Both are what
            :func:`~lossary.linear_log_probability` gives with ``reduction="none"``.
        advantage: how much better than expected each token was, of shape (N, T); one per response
            is repeated with ``advantage.unsqueeze(1).expand_as(tokens)``.
        linear_bias: the bias of the linear layer, of shape (C,).
        ignore_index: a token with this index, of a prompt or padding, weighs nothing.
        temperature: what the logits are divided by: that of the sampling.
        beta: the weight of the divergence.
        clip_low: how far the ratio may fall below 1 before it stops to count.
        clip_high: how far it may rise above 1.
        max_log_ratio: the log-ratio from which on the ratio goes on along its tangent, which keeps
            value and gradient finite.

    References:
        Shao et al., *DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language
        Models*, 2024, eq. 3 and 4.

    >>> hidden, head = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[1.0], [-1.0]])
    >>> old, advantage = torch.tensor([[-0.1269, -0.6931]]), torch.tensor([[1.0, -2.0]])
    >>> linear_grpo_loss(hidden, head, torch.tensor([[0, 1]]), old, old, advantage)
    tensor(0.5000)
    """
    takes_part = None if weight is None else weight != 0
    (log_prob,) = _log_probabilities(
        [(_INPUT, input, tokens)],
        linear_weight,
        linear_bias,
        ignore_index,
        takes_part,
        "none",
        temperature=temperature,
    )
    return grpo_loss(
        log_prob,
        old_log_prob,
        reference_log_prob,
        advantage,
        beta=beta,
        clip_low=clip_low,
        clip_high=clip_high,
        max_log_ratio=max_log_ratio,
        weight=weight,
        reduction=reduction,
    )


class LinearDPOLoss(FunctionLoss):
    """Module form of :func:`linear_dpo_loss`, called with the weight of the layer."""

    function = staticmethod(linear_dpo_loss)

    def __init__(
        self,
        *,
        linear_bias: Tensor | None = None,
        ignored_token: int = -100,
        beta: float = 0.1,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            linear_bias=linear_bias,
            ignored_token=ignored_token,
            beta=beta,
            label_smoothing=label_smoothing,
        )


class LinearCPOLoss(FunctionLoss):
    """Module form of :func:`linear_cpo_loss`, called with the weight of the layer."""

    function = staticmethod(linear_cpo_loss)

    def __init__(
        self,
        *,
        linear_bias: Tensor | None = None,
        ignored_token: int = -100,
        beta: float = 0.1,
        coefficient: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            linear_bias=linear_bias,
            ignored_token=ignored_token,
            beta=beta,
            coefficient=coefficient,
        )


class LinearSimPOLoss(FunctionLoss):
    """Module form of :func:`linear_simpo_loss`, called with the weight of the layer."""

    function = staticmethod(linear_simpo_loss)

    def __init__(
        self,
        *,
        linear_bias: Tensor | None = None,
        ignored_token: int = -100,
        beta: float = 2.0,
        gamma: float = 0.5,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            linear_bias=linear_bias,
            ignored_token=ignored_token,
            beta=beta,
            gamma=gamma,
        )


class LinearORPOLoss(FunctionLoss):
    """Module form of :func:`linear_orpo_loss`, called with the weight of the layer."""

    function = staticmethod(linear_orpo_loss)

    def __init__(
        self,
        *,
        linear_bias: Tensor | None = None,
        ignored_token: int = -100,
        coefficient: float = 0.1,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            linear_bias=linear_bias,
            ignored_token=ignored_token,
            coefficient=coefficient,
        )


class LinearKTOLoss(FunctionLoss):
    """Module form of :func:`linear_kto_loss`, called with the weight of the layer."""

    function = staticmethod(linear_kto_loss)

    def __init__(
        self,
        *,
        linear_bias: Tensor | None = None,
        ignored_token: int = -100,
        kl: Tensor | None = None,
        beta: float = 0.1,
        desirable_weight: float = 1.0,
        undesirable_weight: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            linear_bias=linear_bias,
            ignored_token=ignored_token,
            kl=kl,
            beta=beta,
            desirable_weight=desirable_weight,
            undesirable_weight=undesirable_weight,
        )


class LinearGRPOLoss(FunctionLoss):
    """Module form of :func:`linear_grpo_loss`, called with the weight of the layer."""

    function = staticmethod(linear_grpo_loss)

    def __init__(
        self,
        *,
        linear_bias: Tensor | None = None,
        ignore_index: int = -100,
        temperature: float = 1.0,
        beta: float = 0.04,
        clip_low: float = 0.2,
        clip_high: float = 0.2,
        max_log_ratio: float = 20.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            linear_bias=linear_bias,
            ignore_index=ignore_index,
            temperature=temperature,
            beta=beta,
            clip_low=clip_low,
            clip_high=clip_high,
            max_log_ratio=max_log_ratio,
        )


_BIAS = torch.tensor([1.0, 0.0, -1.0])


def _pairs(generator: Generator) -> tuple[Tensor, ...]:
    """Make pairs that begin with a prompt, or end in padding."""
    hidden = (torch.randn(4, length, 5, generator=generator) for length in (3, 2))
    head = torch.randn(3, 5, generator=generator)
    chosen, rejected = (torch.randint(3, (4, n), generator=generator) for n in (3, 2))
    chosen[:, 0] = rejected[0, 1:] = rejected[2, 0] = -100
    return *hidden, head, chosen, rejected


def _pairs_and_reference(generator: Generator) -> tuple[Tensor, ...]:
    pairs = _pairs(generator)
    return *pairs, *(-3 * torch.rand(2, 4, generator=generator))


def _responses(generator: Generator) -> tuple[Tensor, ...]:
    hidden, _, head, tokens, _, reference, _ = _pairs_and_reference(generator)
    return hidden, head, tokens, reference, torch.tensor([1.0, -1.0, -1.0, 1.0])


SPECS = (
    LossSpec(
        function=linear_dpo_loss,
        module=LinearDPOLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"beta": 0.5, "label_smoothing": 0.2, "linear_bias": _BIAS}),
        paper="arXiv:2305.18290",
        example=_pairs_and_reference,
    ),
    LossSpec(
        function=linear_cpo_loss,
        module=LinearCPOLoss,
        variants=({}, {"beta": 0.5, "coefficient": 0.0, "linear_bias": _BIAS}),
        paper="arXiv:2401.08417",
        example=_pairs,
    ),
    LossSpec(
        function=linear_simpo_loss,
        module=LinearSimPOLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"beta": 0.5, "gamma": 0.0, "linear_bias": _BIAS}),
        paper="arXiv:2405.14734",
        example=_pairs,
    ),
    LossSpec(
        function=linear_orpo_loss,
        module=LinearORPOLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"coefficient": 1.0, "linear_bias": _BIAS}),
        paper="arXiv:2403.07691",
        example=_pairs,
    ),
    LossSpec(
        function=linear_kto_loss,
        module=LinearKTOLoss,
        traits=Trait.NONNEGATIVE,
        variants=(
            {},
            {"kl": torch.tensor(0.3), "beta": 0.5, "linear_bias": _BIAS},
            {"desirable_weight": 0.5, "undesirable_weight": 1.5},
        ),
        paper="arXiv:2402.01306",
        example=_responses,
    ),
    LossSpec(
        function=linear_grpo_loss,
        module=LinearGRPOLoss,
        variants=(
            {},
            {"beta": 0.5, "clip_low": 0.1, "clip_high": 0.28, "linear_bias": _BIAS},
            {"beta": 0.0, "temperature": 0.7, "max_log_ratio": 0.3},
        ),
        paper="arXiv:2402.03300",
    ),
)
