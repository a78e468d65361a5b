"""Two students that teach each other."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...kernels.divergence import kl_of_logs
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, real N C *, label N * -> N *", alpha="[0, inf)")
def mutual_learning_loss(
    first: Tensor,
    second: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Deep mutual learning, :math:`-\log p_y - \log q_y + \alpha\, \mathrm{KL}(\bar q \Vert p) +
    \alpha\, \mathrm{KL}(\bar p \Vert q)` with the softmax p and q of two networks, the barred ones
    without gradient.

    Two students from scratch instead of a student and a teacher: each learns the labels and the
    other's answers. Of more students take the pairs. They gain while they differ: give them other
    seeds, or architectures.

    Args:
        first: logits of one network, of shape (N, C, ...).
        second: logits of the other, of the same shape.
        target: class indices in [0, C), of shape (N, ...).
        alpha: the weight of the other's answers.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Zhang et al., *Deep Mutual Learning*, CVPR 2018, with both networks in one step.

    >>> one, other = torch.tensor([[0.0, 0.0]]), torch.tensor([[100.0, 0.0]])
    >>> mutual_learning_loss(one, other, torch.tensor([0]))  # log 2 + 0 + log 2 + 50 - log 2
    tensor(50.6931)
    """
    log_p, log_q = first.log_softmax(1), second.log_softmax(1)
    index = target.unsqueeze(1)
    hard = -(log_p.gather(1, index) + log_q.gather(1, index)).squeeze(1)
    soft = kl_of_logs(log_q.detach(), log_p) + kl_of_logs(log_p.detach(), log_q)
    return reduce(hard + alpha * soft, weight, reduction)


class MutualLearningLoss(FunctionLoss):
    """Module form of :func:`mutual_learning_loss`."""

    function = staticmethod(mutual_learning_loss)

    def __init__(
        self, *, alpha: float = 1.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, ignore_index=ignore_index)


SPEC = LossSpec(
    function=mutual_learning_loss,
    module=MutualLearningLoss,
    traits=Trait.NONNEGATIVE | Trait.SYMMETRIC | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 0.3}),
    paper="arXiv:1706.00384",
    exempt={
        "gradient": "each network learns from the other as it stands, which finite differences see",
        "second_gradient": "the same",
    },
)
