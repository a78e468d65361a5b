"""Coefficients learned so that all losses pull on the shared layers with comparable force."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from .weighted_sum import BalancedSum

LEAST = 1e-3  # no coefficient falls below: at 0 a loss would have no say, below it would be raised


class GradNorm(BalancedSum):
    r"""A sum whose coefficients :math:`w_i` are learned so that the gradients of its parts have
    comparable norms at parameters :math:`W` that all of them share.

    With :math:`G_i = \lVert \nabla_W w_i L_i \rVert` and the rate :math:`r_i`, which is
    :math:`L_i / L_i(0)` divided by its mean over the losses, the coefficients minimize
    :math:`\sum_i \lvert G_i - \bar G \, r_i^\alpha \rvert`, where the mean :math:`\bar G` of the
    norms and the rates are constants. The network minimizes :math:`\sum_i w_i L_i`. One backward
    pass does both: what it leaves in the coefficients is the gradient of the first, so the
    optimizer needs nothing but them among its parameters, which the trainer sees to. The
    coefficients are brought to a sum of K, the number of losses, at the beginning of every step.

    Each part is differentiated a second time, down to the shared parameters: take few of them,
    such as the weights of the last shared layer. In evaluation and under ``torch.no_grad`` nothing
    is learned. To learn at a rate of their own, and without weight decay, the coefficients are a
    group ``{"params": loss.factors, "lr": 0.025, "weight_decay": 0.0}`` of the optimizer.

    Args:
        losses: each loss by the name of its part; none may become negative.
        shared: the parameters :math:`W`. They stay the network's: they are not saved with the loss.
        alpha: :math:`\alpha`, how strongly losses that fall slowly are favoured; 0 makes the norms
            equal.
        initial: the loss :math:`L_i(0)` that each part starts with, for parts whose first value
            says little: the logarithm of the number of classes for cross-entropy. The first value
            above 0 in training where it is not given.

    Raises:
        ValueError: if ``alpha`` is negative, no parameter is shared, an initial loss is of no part
            or not above 0, or a part does not depend on the shared parameters.

    References:
        Chen et al., *GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
        Multitask Networks*, ICML 2018, eq. 1 and 2 and algorithm 1.

    >>> import lossary
    >>> x = torch.nn.Parameter(torch.tensor([3.0]))
    >>> loss = GradNorm({"l1": lossary.L1Loss(), "mse": lossary.MSELoss()}, x, alpha=0.0)
    >>> value = loss(x, torch.tensor([1.0]))  # 2 + 4; the norms are 1 and 4, their mean is 2.5
    >>> value.backward()
    >>> value, loss.factors.grad
    (tensor(6., grad_fn=...), tensor([-1.,  4.]))
    """

    first: Tensor

    def __init__(
        self,
        losses: Mapping[str, nn.Module],
        shared: Tensor | Iterable[Tensor],
        *,
        alpha: float = 1.5,
        initial: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(losses)
        if not alpha >= 0:
            raise ValueError(f"alpha must lie in [0, inf), got {alpha}")
        # a tuple, because what is registered here would be saved and trained twice
        self.shared = (shared,) if isinstance(shared, Tensor) else tuple(shared)
        if not self.shared:
            raise ValueError("the gradients need at least one shared parameter to be compared at")
        if unknown := set(initial or {}) - set(losses):
            raise ValueError(f"initial losses of {sorted(unknown)}; the losses are {list(losses)}")
        for name, value in (initial or {}).items():
            if not 0 < value < math.inf:
                raise ValueError(f"the initial loss of {name!r} must lie in (0, inf), got {value}")
        self.alpha = alpha
        self.factors = nn.Parameter(torch.ones(len(losses)))
        given = [(initial or {}).get(name, math.nan) for name in losses]
        self.register_buffer("first", torch.tensor(given))  # nan is one that was not yet

    def coefficient(self, name: str) -> float:
        return self._scaled()[self.place(name)].item()

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        stacked = torch.stack([part.to(self.factors.dtype) for part in parts.values()])
        learning = self.training and torch.is_grad_enabled()
        if learning:
            with torch.no_grad():
                self.factors.copy_(self._scaled())
        value = (self._scaled() * stacked).sum(0)
        if learning:
            # adds exactly nothing to the value, and its gradient to the coefficients
            value = value + ((self.factors - self.factors.detach()) * self._slope(parts)).sum(0)
        return value

    def _scaled(self) -> Tensor:
        """Return coefficients whose sum is their number, apart from the parameter."""
        factors = self.factors.detach().clamp(min=LEAST)
        return factors * (len(factors) / factors.sum())

    def _slope(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return the derivative of the sum of distances in each coefficient.

        As the norm of a gradient is the coefficient times a number, no second derivative is needed.
        """
        norms = torch.stack([self._norm(name, part) for name, part in parts.items()])
        norms = norms.to(self.factors.dtype)
        values = torch.stack([part.detach().to(norms.dtype) for part in parts.values()])
        # a part of which nothing took part yet has a loss of 0, which is no beginning
        begins = self.first.isnan() & (values > 0) & values.isfinite()
        self.first = torch.where(begins, values, self.first)
        ratio = torch.where(self.first.isnan(), 1.0, values / self.first)
        rate = ratio / ratio.mean().clamp(min=torch.finfo(norms.dtype).tiny)
        pull = self.factors.detach() * norms
        return torch.sign(pull - pull.mean() * rate**self.alpha) * norms

    def _norm(self, name: str, part: Tensor) -> Tensor:
        """Return the norm of the gradient of a part at the shared parameters."""
        slopes: tuple[Tensor | None, ...] = (None,)
        if part.requires_grad:
            slopes = torch.autograd.grad(part, self.shared, retain_graph=True, allow_unused=True)
        pulling = [slope.detach() for slope in slopes if slope is not None]
        if not pulling:
            raise ValueError(
                f"{name!r} does not depend on the shared parameters: give parameters of a layer "
                "that every loss gets its input through"
            )
        return torch.stack([slope.square().sum() for slope in pulling]).sum().sqrt()

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"
