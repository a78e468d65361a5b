"""Likelihoods of a predicted location and scale, with heavier tails than Gaussian."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real *, real *, nonneg * -> *", eps="(0, inf)")
def laplace_nll_loss(
    input: Tensor,
    target: Tensor,
    scale: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Laplace negative log-likelihood, :math:`\log 2 b + |x - y| / b`.

    The absolute error with a predicted width: for targets with outliers, where the Gaussian
    likelihood would answer with huge variances.

    Args:
        input: predicted means, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: predicted widths :math:`b`, none below 0, of the shape of ``input``.
        eps: the least width, in the unit of the target.

    References:
        Kotz et al., *The Laplace Distribution and Generalizations*, Birkhauser 2001, eq. 2.1.1.

    >>> laplace_nll_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([0.5]))
    tensor(4.)
    """
    scale = scale.clamp(min=eps)
    return reduce((2 * scale).log() + (input - target).abs() / scale, weight, reduction)


@signature("real *, real *, nonneg * -> *", eps="(0, inf)")
def logistic_nll_loss(
    input: Tensor,
    target: Tensor,
    scale: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of the logistic distribution, :math:`z + 2 \log(1 + e^{-z}) + \log
    s` with :math:`z = (y - x) / s`.

    Between the Gaussian and the Laplace distribution: smooth at the target, linear far from it.

    Args:
        input: predicted means, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: predicted widths :math:`s`, none below 0, of the shape of ``input``.
        eps: the least width, in the unit of the target.

    References:
        Balakrishnan, *Handbook of the Logistic Distribution*, Dekker 1991, eq. 1.1.1.

    >>> logistic_nll_loss(torch.tensor([1.0]), torch.tensor([1.0]), torch.tensor([1.0]))
    tensor(1.3863)
    """
    scale = scale.clamp(min=eps)
    size = (input - target).abs() / scale
    return reduce(size + 2 * F.softplus(-size) + scale.log(), weight, reduction)


@signature("real *, real *, nonneg * -> *", degrees_of_freedom="(0, inf)", eps="(0, inf)")
def student_t_nll_loss(
    input: Tensor,
    target: Tensor,
    scale: Tensor,
    *,
    degrees_of_freedom: float = 4.0,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Student-t negative log-likelihood, :math:`\tfrac{\nu + 1}{2} \log(1 + \tfrac{(x - y)^2}{\nu
    s^2}) + \log s + \log \tfrac{\sqrt{\nu \pi} \, \Gamma(\nu / 2)}{\Gamma((\nu + 1) / 2)}`.

    Tails that fall like a power: outliers pull less the farther they are. The fewer degrees of
    freedom, the heavier the tails; 1 is the Cauchy distribution.

    Args:
        input: predicted means, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: predicted widths :math:`s`, none below 0, of the shape of ``input``.
        degrees_of_freedom: :math:`\nu`.
        eps: the least width, in the unit of the target.

    References:
        Lange et al., *Robust Statistical Modeling Using the t Distribution*, JASA 1989, eq. 1.

    >>> x, y, s = torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([1.0])
    >>> student_t_nll_loss(x, y, s, degrees_of_freedom=1.0)
    tensor(1.8379)
    """
    scale = scale.clamp(min=eps)
    nu = degrees_of_freedom
    constant = math.lgamma(nu / 2) - math.lgamma((nu + 1) / 2) + math.log(nu * math.pi) / 2
    tail = (nu + 1) / 2 * (((input - target) / scale).square() / nu).log1p()
    return reduce(tail + scale.log() + constant, weight, reduction)


class LaplaceNLLLoss(FunctionLoss):
    """Module form of :func:`laplace_nll_loss`."""

    function = staticmethod(laplace_nll_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class LogisticNLLLoss(FunctionLoss):
    """Module form of :func:`logistic_nll_loss`."""

    function = staticmethod(logistic_nll_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class StudentTNLLLoss(FunctionLoss):
    """Module form of :func:`student_t_nll_loss`."""

    function = staticmethod(student_t_nll_loss)

    def __init__(
        self, *, degrees_of_freedom: float = 4.0, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, degrees_of_freedom=degrees_of_freedom, eps=eps)


SPECS = (
    LossSpec(
        function=laplace_nll_loss,
        module=LaplaceNLLLoss,
        variants=({}, {"eps": 0.5}),
        paper="doi:10.1007/978-1-4612-0173-1",
    ),
    LossSpec(
        function=logistic_nll_loss,
        module=LogisticNLLLoss,
        variants=({}, {"eps": 0.5}),
        paper="Balakrishnan, Handbook of the Logistic Distribution, Dekker, 1991",
    ),
    LossSpec(
        function=student_t_nll_loss,
        module=StudentTNLLLoss,
        variants=({}, {"degrees_of_freedom": 1.0, "eps": 0.5}),
        paper="doi:10.1080/01621459.1989.10478852",
    ),
)
