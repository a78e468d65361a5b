"""Distillation of logits without their mean and scale."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...kernels.divergence import kl_of_logs
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

LEAST = 1e-4  # the least deviation, which bounds the gradient of logits that hardly differ


@signature("real N C *, real N C * -> N *", temperature="(0, inf)")
def standardized_distillation_loss(
    input: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Distillation of standardized logits, :math:`T^2\, \mathrm{KL}(p \Vert q)` with the softmax
    q of the student's and p of the teacher's logits, each less their mean over the classes and
    divided by T times their standard deviation.

    A small student cannot reach the size of a large teacher's logits and need not: only their
    relations are taught. So nothing is learnt about how sure to be; add
    :func:`~lossary.cross_entropy`, the paper with the weight 0.1 against 9. Logits that are all
    equal have no relations and stand for a uniform answer.

    Args:
        input: the student's logits, of shape (N, C, ...).
        teacher: the teacher's logits, of the same shape; detach them.
        temperature: how many standard deviations make one unit of a logit.

    References:
        Sun et al., *Logit Standardization in Knowledge Distillation*, CVPR 2024, algorithms 1
        and 2.

    >>> standardized_distillation_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[100.0, 300.0]]))
    tensor(1.8485)
    """
    log_q = _standardized(input, temperature).log_softmax(1)
    log_p = _standardized(teacher, temperature).log_softmax(1)
    return reduce(temperature**2 * kl_of_logs(log_p, log_q), weight, reduction)


def _standardized(logits: Tensor, temperature: float) -> Tensor:
    classes = max(1, logits.shape[1])
    off = logits - logits.sum(1, keepdim=True) / classes
    variance = off.square().sum(1, keepdim=True) / classes
    return off * (variance.clamp(min=LEAST**2).rsqrt() / temperature)


class StandardizedDistillationLoss(FunctionLoss):
    """Module form of :func:`standardized_distillation_loss`."""

    function = staticmethod(standardized_distillation_loss)

    def __init__(self, *, temperature: float = 2.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, temperature=temperature)


SPEC = LossSpec(
    function=standardized_distillation_loss,
    module=StandardizedDistillationLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SHIFT_INVARIANT,
    variants=({}, {"temperature": 0.7}),
    paper="arXiv:2403.01427",
)
