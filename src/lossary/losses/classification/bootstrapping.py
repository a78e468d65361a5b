"""Labels mixed with what the network believes."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", beta="[0, 1]")
def soft_bootstrapping_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 0.95,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Soft bootstrapping loss, :math:`-\sum_c (\beta \, 1[c = y] + (1 - \beta) p_c) \log p_c`
    with :math:`p = \mathrm{softmax}(x)`.

    For labels of which some are wrong: part of the target is the network's own prediction, so a
    contradiction by a sure network costs less. It also sharpens predictions; start it after some
    epochs.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        beta: the part :math:`\beta` of the given label.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Reed et al., *Training Deep Neural Networks on Noisy Labels with Bootstrapping*, ICLR 2015
        workshop, eq. 6.

    >>> soft_bootstrapping_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(0.6931)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    entropy = -(log_p.exp() * log_p).sum(1)
    return reduce(-beta * own + (1 - beta) * entropy, weight, reduction)


@signature("real N C *, label N * -> N *", beta="[0, 1]")
def hard_bootstrapping_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 0.8,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hard bootstrapping loss, :math:`-\beta \log p_y - (1 - \beta) \log \max_c p_c` with
    :math:`p = \mathrm{softmax}(x)`.

    As :func:`~lossary.soft_bootstrapping_loss`, with the network's first choice in place of its
    distribution.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        beta: the part :math:`\beta` of the given label.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Reed et al., *Training Deep Neural Networks on Noisy Labels with Bootstrapping*, ICLR 2015
        workshop, eq. 8.

    >>> hard_bootstrapping_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(0.6931)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(-beta * own - (1 - beta) * log_p.amax(1), weight, reduction)


class SoftBootstrappingLoss(FunctionLoss):
    """Module form of :func:`soft_bootstrapping_loss`."""

    function = staticmethod(soft_bootstrapping_loss)

    def __init__(
        self, *, beta: float = 0.95, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, ignore_index=ignore_index)


class HardBootstrappingLoss(FunctionLoss):
    """Module form of :func:`hard_bootstrapping_loss`."""

    function = staticmethod(hard_bootstrapping_loss)

    def __init__(
        self, *, beta: float = 0.8, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, ignore_index=ignore_index)


SPECS = (
    LossSpec(
        function=soft_bootstrapping_loss,
        module=SoftBootstrappingLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=({}, {"beta": 0.6}),
        paper="arXiv:1412.6596",
    ),
    LossSpec(
        function=hard_bootstrapping_loss,
        module=HardBootstrappingLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=({}, {"beta": 0.6}),
        paper="arXiv:1412.6596",
    ),
)
