"""Distillation of answers: a student's logits against its teacher's."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.divergence import kl_of_logs
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

FAR = -1e30  # a logit of a class that is left out: finite, so that differences are too


@signature(
    "real N C *, real N C *, label N * -> N *",
    temperature="(0, inf)",
    alpha="[0, 1]",
)
def distillation_loss(
    input: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    temperature: float = 2.0,
    alpha: float = 0.5,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Distillation loss, :math:`\alpha T^2\, \mathrm{KL}(p^T \Vert q^T) - (1 - \alpha) \log q_y`,
    with the softmax q of the student's logits, p of the teacher's, and both at temperature T in
    the first term.

    A small network learns from a large one which wrong answers are nearly right. The factor
    :math:`T^2` keeps the share of both terms in the gradient when T changes. A mean over classes
    too, as some projects take it, makes the first term C times smaller. The teacher's logits get a
    gradient if they ask for one; detach them. For logits of a large vocabulary see
    :func:`~lossary.linear_distillation_loss`.

    Args:
        input: the student's logits, of shape (N, C, ...).
        teacher: the teacher's logits, of the same shape.
        target: class indices in [0, C), of shape (N, ...).
        temperature: what the logits are divided by; a high one shows more of the wrong answers.
        alpha: the share of the teacher; 1 forgets the labels.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Hinton, Vinyals and Dean, *Distilling the Knowledge in a Neural Network*, 2015, section 2.

    >>> x, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[100.0, 0.0]])
    >>> distillation_loss(x, teacher, torch.tensor([0]))  # (4 log 2 + log 2) / 2
    tensor(1.7329)
    """
    log_q, log_p = (input / temperature).log_softmax(1), (teacher / temperature).log_softmax(1)
    soft = temperature**2 * kl_of_logs(log_p, log_q)
    hard = -input.log_softmax(1).gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(alpha * soft + (1 - alpha) * hard, weight, reduction)


@signature(
    "real N C *, real N C *, label N * -> N *",
    temperature="(0, inf)",
    alpha="[0, inf)",
    beta="[0, inf)",
)
def decoupled_distillation_loss(
    input: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    temperature: float = 4.0,
    alpha: float = 1.0,
    beta: float = 8.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Decoupled distillation loss, :math:`T^2 (\alpha\, \mathrm{KL}(b^p \Vert b^q) + \beta\,
    \mathrm{KL}(\hat p \Vert \hat q))`, where :math:`b = (p_y, 1 - p_y)` and :math:`\hat p` is the
    softmax over the classes other than :math:`y`.

    In the divergence of :func:`~lossary.distillation_loss` the second term is multiplied by
    :math:`1 - p_y`, so a sure teacher says nothing about the wrong answers. Here it always does.
    The loss of the labels is not in it; add :func:`~lossary.cross_entropy`.

    Args:
        input: the student's logits, of shape (N, C, ...).
        teacher: the teacher's logits, of the same shape; detach them.
        target: class indices in [0, C), of shape (N, ...).
        temperature: what the logits are divided by.
        alpha: the factor of the true class against the others.
        beta: the factor of the others among themselves; the surer the teacher, the larger.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Zhao et al., *Decoupled Knowledge Distillation*, CVPR 2022, eq. 5 and 7.

    >>> x, teacher = torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 100.0]])
    >>> y = torch.tensor([0])  # of the other two classes the teacher knows which: log 2
    >>> decoupled_distillation_loss(x, teacher, y, temperature=1.0, alpha=0.0, beta=1.0)
    tensor(0.6931)
    """
    index = target.unsqueeze(1)
    x, t = input / temperature, teacher / temperature
    log_q, log_p = x.log_softmax(1), t.log_softmax(1)
    rest_q, rest_p = (z.scatter(1, index, FAR).log_softmax(1) for z in (x, t))
    others = kl_of_logs(rest_p, rest_q)
    true_q, true_p = (z.gather(1, index).squeeze(1) for z in (log_q, log_p))
    wrong_q, wrong_p = (z.scatter(1, index, FAR).logsumexp(1) for z in (log_q, log_p))
    pair = kl_of_logs(torch.stack([true_p, wrong_p], 1), torch.stack([true_q, wrong_q], 1))
    return reduce(temperature**2 * (alpha * pair + beta * others), weight, reduction)


@signature("real N C *, real N C * -> N *", alpha="[0, 1)", temperature="(0, inf)")
def skew_kl_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.1,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Skew divergence of a student's distribution q from a teacher's p, :math:`T^2\,
    \mathrm{KL}(p \Vert \alpha p + (1 - \alpha) q)`, softmaxes at temperature T.

    For language models: a little of the teacher in the mixture bounds the loss by
    :math:`-T^2 \log \alpha` and calms the gradient where the student has hardly any probability.
    For answers that the student wrote see :func:`~lossary.skew_reverse_kl_loss`.

    Args:
        input: the student's logits, of shape (N, C, ...).
        target: the teacher's logits, of the same shape; detach them.
        alpha: the share of the teacher in the mixture; 0 is the Kullback-Leibler divergence.
        temperature: what all logits are divided by.

    References:
        Ko et al., *DistiLLM: Towards Streamlined Distillation for Large Language Models*, ICML
        2024, eq. 3; Lee, *On the Effectiveness of the Skew Divergence for Statistical Language
        Analysis*, AISTATS 2001.

    >>> skew_kl_loss(torch.tensor([[0.0, 100.0]]), torch.tensor([[100.0, 0.0]]))  # -log 0.1
    tensor(2.3026)
    """
    log_q, log_p = (input / temperature).log_softmax(1), (target / temperature).log_softmax(1)
    units = kl_of_logs(log_p, _mixed(log_p, log_q, alpha))
    return reduce(temperature**2 * units, weight, reduction)


@signature("real N C *, real N C * -> N *", alpha="[0, 1)", temperature="(0, inf)")
def skew_reverse_kl_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.1,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Skew reverse divergence of a student's distribution q from a teacher's p, :math:`T^2\,
    \mathrm{KL}(q \Vert \alpha q + (1 - \alpha) p)`, softmaxes at temperature T.

    As :func:`~lossary.skew_kl_loss`, but the student is punished for what the teacher would not
    say, not for leaving out what it would: for students too small to say everything.

    Args:
        input: the student's logits, of shape (N, C, ...).
        target: the teacher's logits, of the same shape; detach them.
        alpha: the share of the student in the mixture; 0 is the reverse Kullback-Leibler
            divergence.
        temperature: what all logits are divided by.

    References:
        Ko et al., *DistiLLM: Towards Streamlined Distillation for Large Language Models*, ICML
        2024, section 3.1.

    >>> skew_reverse_kl_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[100.0, 0.0]]), alpha=0.5)
    tensor(0.1438)
    """
    log_q, log_p = (input / temperature).log_softmax(1), (target / temperature).log_softmax(1)
    units = kl_of_logs(log_q, _mixed(log_q, log_p, alpha))
    return reduce(temperature**2 * units, weight, reduction)


def _mixed(log_a: Tensor, log_b: Tensor, alpha: float) -> Tensor:
    """Return the logarithm of ``alpha * a + (1 - alpha) * b``."""
    if alpha == 0:
        return log_b
    a, b = log_a + math.log(alpha), log_b + math.log1p(-alpha)
    return b + F.softplus(a - b)


@signature("real N C *, real N C * -> N *", beta="[0, 1]", temperature="(0, inf)")
def generalized_jsd_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 0.5,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generalised Jensen-Shannon divergence of a student's distribution q and a teacher's p,
    :math:`T^2 (\beta\, \mathrm{KL}(p \Vert m) + (1 - \beta)\, \mathrm{KL}(q \Vert m))` with
    :math:`m = \beta p + (1 - \beta) q`, softmaxes at temperature T.

    For language models that learn from their own answers. Bounded, so that a token which one of
    both thinks impossible does not rule the batch. Divided by ``beta``, it nears
    :math:`\mathrm{KL}(p \Vert q)` at 0. At 0 itself it is that divergence, and at 1 the reverse
    :math:`\mathrm{KL}(q \Vert p)`, as in common implementations. For logits of a large vocabulary
    see :func:`~lossary.linear_distillation_loss`.

    Args:
        input: the student's logits, of shape (N, C, ...).
        target: the teacher's logits, of the same shape; detach them.
        beta: the share of the teacher in the mixture.
        temperature: what all logits are divided by.

    References:
        Agarwal et al., *On-Policy Distillation of Language Models*, ICLR 2024, eq. 1.

    >>> generalized_jsd_loss(torch.tensor([[0.0, 100.0]]), torch.tensor([[100.0, 0.0]]))  # log 2
    tensor(0.6931)
    """
    log_q, log_p = (input / temperature).log_softmax(1), (target / temperature).log_softmax(1)
    if beta == 0:
        units = kl_of_logs(log_p, log_q)
    elif beta == 1:
        units = kl_of_logs(log_q, log_p)
    else:
        log_m = _mixed(log_p, log_q, beta)
        units = beta * kl_of_logs(log_p, log_m) + (1 - beta) * kl_of_logs(log_q, log_m)
    return reduce(temperature**2 * units, weight, reduction)


class DistillationLoss(FunctionLoss):
    """Module form of :func:`distillation_loss`."""

    function = staticmethod(distillation_loss)

    def __init__(
        self,
        *,
        temperature: float = 2.0,
        alpha: float = 0.5,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, temperature=temperature, alpha=alpha, ignore_index=ignore_index)


class DecoupledDistillationLoss(FunctionLoss):
    """Module form of :func:`decoupled_distillation_loss`."""

    function = staticmethod(decoupled_distillation_loss)

    def __init__(
        self,
        *,
        temperature: float = 4.0,
        alpha: float = 1.0,
        beta: float = 8.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            temperature=temperature,
            alpha=alpha,
            beta=beta,
            ignore_index=ignore_index,
        )


class SkewKLLoss(FunctionLoss):
    """Module form of :func:`skew_kl_loss`."""

    function = staticmethod(skew_kl_loss)

    def __init__(
        self, *, alpha: float = 0.1, temperature: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, temperature=temperature)


class SkewReverseKLLoss(FunctionLoss):
    """Module form of :func:`skew_reverse_kl_loss`."""

    function = staticmethod(skew_reverse_kl_loss)

    def __init__(
        self, *, alpha: float = 0.1, temperature: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, temperature=temperature)


class GeneralizedJSDLoss(FunctionLoss):
    """Module form of :func:`generalized_jsd_loss`."""

    function = staticmethod(generalized_jsd_loss)

    def __init__(
        self, *, beta: float = 0.5, temperature: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, temperature=temperature)


_TRAITS = Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT

SPECS = (
    LossSpec(
        function=distillation_loss,
        module=DistillationLoss,
        traits=_TRAITS | Trait.CONVEX,
        variants=({}, {"temperature": 1.0, "alpha": 1.0}, {"temperature": 5.0, "alpha": 0.2}),
        paper="arXiv:1503.02531",
    ),
    LossSpec(
        function=decoupled_distillation_loss,
        module=DecoupledDistillationLoss,
        traits=_TRAITS,
        variants=({}, {"temperature": 1.0, "alpha": 0.5, "beta": 2.0}),
        paper="arXiv:2203.08679",
    ),
    LossSpec(
        function=skew_kl_loss,
        module=SkewKLLoss,
        traits=_TRAITS | Trait.ZERO_AT_TARGET,
        variants=({}, {"alpha": 0.0, "temperature": 2.0}, {"alpha": 0.7}),
        paper="arXiv:2402.03898",
    ),
    LossSpec(
        function=skew_reverse_kl_loss,
        module=SkewReverseKLLoss,
        traits=_TRAITS | Trait.ZERO_AT_TARGET,
        variants=({}, {"alpha": 0.0, "temperature": 2.0}, {"alpha": 0.7}),
        paper="arXiv:2402.03898",
    ),
    LossSpec(
        function=generalized_jsd_loss,
        module=GeneralizedJSDLoss,
        traits=_TRAITS | Trait.ZERO_AT_TARGET,
        variants=({}, {"beta": 0.0}, {"beta": 1.0, "temperature": 2.0}, {"beta": 0.2}),
        paper="arXiv:2306.13649",
    ),
)
