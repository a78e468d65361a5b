"""Area under the curve of precision and recall."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait

LEAST = 1e-6  # what a running mean is at least, where it divides


@signature("real N, prob N -> N", margin="(0, inf)")
def average_precision_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Average precision loss, of each positive :math:`i` :math:`1 - \sum_j y_j \ell_{ij} / \sum_j
    \ell_{ij}` with :math:`\ell_{ij} = \max(0, m - (s_i - s_j))^2`.

    One less the precision among the samples that score as high as the positive, those within the
    margin included in part: its mean is a smooth average precision. For retrieval and rare
    positives, where the area under the ROC curve looks better than the results are. The precision
    within a batch is not that of the data; for batches with few positives see
    :func:`~lossary.running_average_precision_loss`.

    The unit is a positive; the others weigh nothing themselves, but one of zero ``weight`` is not
    compared with. Samples are compared within the batch, so micro-batches do not add up to the loss
    of the whole.

    Args:
        input: scores :math:`s`, of shape (N,).
        target: labels 0 and 1, of shape (N,).
        margin: the difference :math:`m` beyond which a sample of lower score does not count.

    References:
        Qi et al., *Stochastic Optimization of Areas Under Precision-Recall Curves with Provable
        Convergence*, NeurIPS 2021.

    >>> average_precision_loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]))
    tensor(0.5000)
    """
    among_all, among_present = _means(input, target, margin, weight)
    # a sample is compared with itself, too, so there is always something to divide by
    rest = 1 - among_present / torch.where(among_all == 0, 1.0, among_all)
    return reduce(rest, weigh(target, weight), reduction)


@signature("real N, nonneg S K, prob N, label:S N -> N", margin="(0, inf)")
def running_average_precision_loss(
    input: Tensor,
    running: Tensor,
    target: Tensor,
    index: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Running average precision loss, of each positive :math:`i` :math:`\big(v_i \overline{\ell_i}
    - u_i \overline{y \ell_i}\big) / u_i^2` with :math:`\ell_{ij} = \max(0, m - (s_i - s_j))^2`, its
    mean :math:`\overline{\ell_i}` over the batch, and the running means :math:`u_i` of
    :math:`\overline{\ell_i}` and :math:`v_i` of :math:`\overline{y \ell_i}`.

    SOAP: its gradient is that of :func:`~lossary.average_precision_loss` over the whole data, where
    a batch holds too few samples to tell the precision. Its value tells nothing: it is zero where
    the running means are those of the batch, and may be negative. Watch the average precision
    instead. A sample whose running means are zero, as before its first update, costs nothing.

    The unit is a positive; the others weigh nothing themselves, but one of zero ``weight`` is not
    compared with. Samples are compared within the batch, so micro-batches do not add up to the loss
    of the whole. The running means get no gradient, and :math:`u_i` below 1e-6 counts as 1e-6.

    Args:
        input: scores :math:`s`, of shape (N,).
        running: :math:`u` and :math:`v` of every sample of the data set, of shape (S, 2). The
            Module owns them: call its ``update`` with every batch.
        target: labels 0 and 1, of shape (N,).
        index: the numbers of the batch's samples in the data set, of shape (N,).
        margin: the difference :math:`m` beyond which a sample of lower score does not count.

    References:
        Qi et al., *Stochastic Optimization of Areas Under Precision-Recall Curves with Provable
        Convergence*, NeurIPS 2021.

    >>> x, y, index = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), torch.tensor([0, 1])
    >>> running = torch.tensor([[2.0, 1.5], [0.0, 0.0]])
    >>> running_average_precision_loss(x, running, y, index)
    tensor(0.1250)
    """
    among_all, among_present = _means(input, target, margin, weight)
    if running.shape[1] != 2:
        raise ValueError(
            "running_average_precision_loss: running must have two columns, the means over all "
            f"and over positives, got {running.shape[1]}"
        )
    u, v = running.detach()[index].unbind(1)
    seen = u > 0
    u = u.clamp(min=LEAST)
    units = torch.where(seen, (v / u * among_all - among_present) / u, 0.0)
    return reduce(units, weigh(target, weight), reduction)


def _means(
    score: Tensor, target: Tensor, margin: float, weight: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the mean costs of each sample against all that take part, and against positives."""
    there = torch.ones_like(score) if weight is None else (weight != 0).to(score.dtype)
    there = there / there.sum().clamp(min=1)
    cost = (margin - (score.unsqueeze(1) - score)).clamp(min=0).square() * there
    return cost.sum(1), (cost * target).sum(1)


class AveragePrecisionLoss(FunctionLoss):
    """Module form of :func:`average_precision_loss`."""

    function = staticmethod(average_precision_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class RunningAveragePrecisionLoss(FunctionLoss):
    """Module form of :func:`running_average_precision_loss`.

    It owns the running means, which begin at 0, and is called with ``(input, target, index)``.
    ``update`` moves them; of several processes, give each the batches of all.

    Args:
        num_samples: the number S of samples of the data set.
    """

    function = staticmethod(running_average_precision_loss)
    running: Tensor
    margin: float

    def __init__(
        self, num_samples: int, *, margin: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin)
        self.register_buffer("running", torch.zeros(num_samples, 2))

    def operands(self, input: Tensor, target: Tensor, index: Tensor) -> tuple[Tensor, ...]:
        return input, self.running, target, index

    @torch.no_grad()
    def update(self, input: Tensor, target: Tensor, index: Tensor, rate: float = 0.9) -> None:
        """Move the means of a batch towards it, by ``rate`` of the way; call it before the loss."""
        score = input.to(self.running.dtype)
        means = torch.stack(_means(score, target.to(score.dtype), self.margin, None), 1)
        self.running[index] = (1 - rate) * self.running[index] + rate * means


def _example(generator: Generator) -> tuple[object, ...]:
    """Make two running means per sample, as the signature cannot say."""
    return (
        torch.randn(4, generator=generator),
        torch.rand(6, 2, generator=generator) + 0.1,
        torch.rand(4, generator=generator),
        torch.tensor([5, 0, 3, 2]),
    )


_EXEMPT = {"parts_add": "samples are compared across the whole batch"}

SPECS = (
    LossSpec(
        function=average_precision_loss,
        module=AveragePrecisionLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=({}, {"margin": 0.6}),
        paper="arXiv:2104.08736",
        exempt={
            **_EXEMPT,
            "learns_from_errors": "a rank far down changes the precision by almost nothing",
        },
    ),
    LossSpec(
        function=running_average_precision_loss,
        module=RunningAveragePrecisionLoss,
        traits=Trait.SHIFT_INVARIANT,
        variants=({}, {"margin": 0.6}),
        paper="arXiv:2104.08736",
        example=_example,
        owned={"running": "running"},
        sizes={"num_samples": "S"},
        exempt=_EXEMPT,
    ),
)
