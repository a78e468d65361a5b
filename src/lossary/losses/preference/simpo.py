"""Preferences by mean log-probabilities, without a reference."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._ratio import deformed_log


@signature("real *, real * -> *", beta="(0, inf)")
def simpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    *,
    beta: float = 2.0,
    gamma: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Simple preference optimization, :math:`-\log \sigma(\beta \ell_w - \beta \ell_l - \gamma)`
    of the mean log-probabilities :math:`\ell` of two responses.

    What generates text compares means over tokens, and so does this loss, without a reference: a
    longer response is no worse for its length. Nothing holds the policy near where it started but a
    small learning rate.

    Args:
        chosen: log-probabilities of the preferred responses, each the mean over the tokens of a
            response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        beta: the scale of the rewards; the paper takes 2 to 2.5, and 10 for some models.
        gamma: the lead that is asked of the preferred response, in rewards; the authors advise to
            tune its ratio to ``beta``, between 0 and 1.

    References:
        Meng, Xia and Chen, *SimPO: Simple Preference Optimization with a Reference-Free Reward*,
        NeurIPS 2024, eq. 6.

    >>> simpo_loss(torch.tensor([-0.5]), torch.tensor([-1.0]))
    tensor(0.4741)
    """
    return reduce(-F.logsigmoid(beta * (chosen - rejected) - gamma), weight, reduction)


@signature("real *, real * -> *", beta="(0, inf)", clip="(0, inf)")
def alphapo_loss(
    chosen: Tensor,
    rejected: Tensor,
    *,
    beta: float = 2.0,
    gamma: float = 0.5,
    alpha: float = 0.25,
    clip: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Preference optimization with a reward of another shape, :math:`-\log \sigma(r_w - r_l -
    \gamma)` with :math:`r = \beta (1 - e^{-\alpha \ell}) / \alpha` of the mean log-probabilities
    :math:`\ell` of two responses.

    :func:`~lossary.simpo_loss` is ``alpha`` 0. A positive ``alpha`` counts differences between
    unlikely responses for more, a negative one for less: a means against the fall of the likelihood
    of the preferred response. Beyond ``clip`` the exponential goes on along its tangent, which
    keeps value and gradient finite.

    Args:
        chosen: log-probabilities of the preferred responses, each the mean over the tokens of a
            response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        beta: the scale of the rewards.
        gamma: the lead that is asked of the preferred response, in rewards.
        alpha: the shape of the reward.
        clip: the value of :math:`-\alpha \ell` from which on the exponential grows linearly.

    References:
        Gupta et al., *AlphaPO: Reward Shape Matters for LLM Alignment*, ICML 2025.

    >>> alphapo_loss(torch.tensor([-0.5]), torch.tensor([-1.0]))
    tensor(0.4009)
    """
    better, worse = (deformed_log(x, alpha, clip) for x in (chosen, rejected))
    return reduce(-F.logsigmoid(beta * (better - worse) - gamma), weight, reduction)


class SimPOLoss(FunctionLoss):
    """Module form of :func:`simpo_loss`."""

    function = staticmethod(simpo_loss)

    def __init__(
        self,
        *,
        beta: float = 2.0,
        gamma: float = 0.5,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, gamma=gamma)


class AlphaPOLoss(FunctionLoss):
    """Module form of :func:`alphapo_loss`."""

    function = staticmethod(alphapo_loss)

    def __init__(
        self,
        *,
        beta: float = 2.0,
        gamma: float = 0.5,
        alpha: float = 0.25,
        clip: float = 64.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, gamma=gamma, alpha=alpha, clip=clip)


SPECS = (
    LossSpec(
        function=simpo_loss,
        module=SimPOLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"beta": 0.5, "gamma": 0.0}),
        paper="arXiv:2405.14734",
    ),
    LossSpec(
        function=alphapo_loss,
        module=AlphaPOLoss,
        traits=Trait.NONNEGATIVE,
        variants=(
            {},
            {"alpha": 0.0},
            {"alpha": -0.5, "beta": 0.5},
            {"alpha": 1.0, "clip": 1.0, "gamma": 1.2},
        ),
        paper="arXiv:2501.03884",
    ),
)
