"""Direct preference optimization."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)", label_smoothing="[0, 0.5]")
def dpo_loss(
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
    r"""Direct preference optimization, :math:`-(1 - \epsilon) \log \sigma(\beta h) - \epsilon \log
    \sigma(-\beta h)` with :math:`h = \log \frac{\pi(y_w)}{\pi_0(y_w)} - \log
    \frac{\pi(y_l)}{\pi_0(y_l)}`.

    Trains a policy on pairs of responses without a reward model and without sampling. It asks for
    a difference only: both responses may become less likely, as long as the rejected one falls
    faster; where that hurts see :func:`~lossary.apo_zero_loss` or add the likelihood of the chosen
    one. Where every annotator agrees it drives the difference to infinity; see
    :func:`~lossary.ipo_loss`.

    With label smoothing it is called conservative. Some libraries divide log-probabilities by the
    number of tokens; the paper does not.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.
        label_smoothing: the share :math:`\epsilon` of pairs that are taken to be the wrong way
            round.

    References:
        Rafailov et al., *Direct Preference Optimization*, NeurIPS 2023, eq. 7; label smoothing:
        Mitchell, *A Note on DPO with Noisy Preferences and Relationship to IPO*, 2023.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> dpo_loss(*policy, *reference)
    tensor(0.5544)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    z = beta * gap
    return reduce(label_smoothing * z - F.logsigmoid(z), weight, reduction)


@signature("real *, real *, real *, real * -> *", beta="(0, inf)", label_smoothing="[0, 0.5)")
def robust_dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    label_smoothing: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Direct preference optimization, freed of the bias of flipped labels, :math:`\frac{-(1 -
    \epsilon) \log \sigma(\beta h) + \epsilon \log \sigma(-\beta h)}{1 - 2 \epsilon}`.

    If a share :math:`\epsilon` of the preferences is the wrong way round at random, its mean is
    that of :func:`~lossary.dpo_loss`, with its :math:`h`, on the true preferences. For that it
    falls without bound where a pair is ranked right by far; stop in time.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.
        label_smoothing: the share :math:`\epsilon` of pairs that are the wrong way round; 0 gives
            :func:`~lossary.dpo_loss`.

    References:
        Chowdhury, Kini and Natarajan, *Provably Robust DPO: Aligning Language Models with Noisy
        Feedback*, ICML 2024.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> robust_dpo_loss(*policy, *reference)
    tensor(0.5169)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    z = beta * gap
    # log s(-z) = log s(z) - z, which leaves one logarithm
    tilt = label_smoothing / (1 - 2 * label_smoothing)
    return reduce(-F.logsigmoid(z) - tilt * z, weight, reduction)


class DPOLoss(FunctionLoss):
    """Module form of :func:`dpo_loss`."""

    function = staticmethod(dpo_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, label_smoothing=label_smoothing)


class RobustDPOLoss(FunctionLoss):
    """Module form of :func:`robust_dpo_loss`."""

    function = staticmethod(robust_dpo_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        label_smoothing: float = 0.1,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, label_smoothing=label_smoothing)


SPECS = (
    LossSpec(
        function=dpo_loss,
        module=DPOLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"beta": 0.5, "label_smoothing": 0.2}),
        paper="arXiv:2305.18290",
    ),
    LossSpec(
        function=robust_dpo_loss,
        module=RobustDPOLoss,
        traits=Trait.CONVEX,
        variants=({}, {"beta": 0.5, "label_smoothing": 0.3}),
        paper="arXiv:2403.00409",
    ),
)
