"""Cross-entropy of independent yes-or-no labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, reduce_kernel
from ...signature import signature
from ...spec import LossSpec, Trait
from ...validation import check_values, is_readable, level


@signature("prob *, prob * -> *", refuses="input")
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Binary cross-entropy, :math:`-y \log p - (1 - y) \log(1 - p)`, of probabilities.

    For networks that end in a sigmoid. From logits use
    :func:`~lossary.binary_cross_entropy_with_logits`: a probability that has been rounded to 0 or
    1 has lost what the loss needs. The logarithms are held at -100, as PyTorch holds them, so a
    sure and wrong answer costs 100; its gradient is bounded by 1e12. The gradient of the target is
    not held: it is infinite where a probability is 0 or 1.

    Args:
        input: probabilities, of any shape.
        target: labels 0 and 1, or probabilities, of the shape of ``input``.

    References:
        Good, *Rational Decisions*, Journal of the Royal Statistical Society B 1952, section 8.

    >>> binary_cross_entropy(torch.tensor([0.9, 0.2]), torch.tensor([1, 0]))
    tensor(0.1643)
    """
    if is_readable((input,)):
        try:
            return reduce_kernel(F.binary_cross_entropy, input, target, weight, reduction)
        except RuntimeError:  # torch's kernel has looked at the input: a nan, or no probability
            if level() == "values":
                check_values("binary_cross_entropy: input", "prob", input, None, nan=True)
    unknown = input.isnan()  # refused by torch's kernel; here a nan shows in the loss
    units = F.binary_cross_entropy(input.masked_fill(unknown, 0.5), target, reduction="none")
    return reduce(units.masked_fill(unknown, torch.nan), weight, reduction)


@signature("real *, prob * -> *")
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    *,
    pos_weight: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Binary cross-entropy, :math:`-w y \log p - (1 - y) \log(1 - p)` with :math:`p = \sigma(x)`.

    The standard loss of independent yes-or-no labels: one per sample, or many.

    Args:
        input: logits, of any shape.
        target: labels 0 and 1, or probabilities, of the shape of ``input``.
        pos_weight: the factor :math:`w` of the positive labels; it broadcasts to ``input``, so
            one number per class goes with the last dimension. It raises recall above precision.

    Raises:
        TypeError: if ``pos_weight`` is not a tensor.
        ValueError: if ``pos_weight`` does not broadcast to ``input``.

    References:
        Good, *Rational Decisions*, Journal of the Royal Statistical Society B 1952, section 8.

    >>> binary_cross_entropy_with_logits(torch.tensor([2.0, -1.0]), torch.tensor([1, 0]))
    tensor(0.2201)
    """
    if pos_weight is not None:
        pos_weight = _broadcastable(pos_weight, input)
    kernel = F.binary_cross_entropy_with_logits
    return reduce_kernel(kernel, input, target, weight, reduction, pos_weight=pos_weight)


def _broadcastable(pos_weight: Tensor, input: Tensor) -> Tensor:
    if not isinstance(pos_weight, Tensor):
        raise TypeError(
            f"pos_weight must be a tensor, got {type(pos_weight).__name__}; "
            "use torch.tensor(pos_weight)"
        )
    pairs = zip(pos_weight.shape[::-1], input.shape[::-1], strict=False)
    if pos_weight.ndim > input.ndim or any(p not in (1, n) for p, n in pairs):
        raise ValueError(
            f"pos_weight must broadcast to the shape of input, {tuple(input.shape)}, got "
            f"{tuple(pos_weight.shape)}; one number per class goes with the last dimension"
        )
    return pos_weight.to(input.dtype)


class BCELoss(FunctionLoss):
    """Module form of :func:`binary_cross_entropy`."""

    function = staticmethod(binary_cross_entropy)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class BCEWithLogitsLoss(FunctionLoss):
    """Module form of :func:`binary_cross_entropy_with_logits`."""

    function = staticmethod(binary_cross_entropy_with_logits)

    def __init__(self, *, pos_weight: Tensor | None = None, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, pos_weight=pos_weight)


SPECS = (
    LossSpec(
        function=binary_cross_entropy,
        module=BCELoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="doi:10.1111/j.2517-6161.1952.tb00104.x",
    ),
    LossSpec(
        function=binary_cross_entropy_with_logits,
        module=BCEWithLogitsLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"pos_weight": torch.tensor(3.0)}, {"pos_weight": torch.tensor([0.5, 2.0])}),
        paper="doi:10.1111/j.2517-6161.1952.tb00104.x",
    ),
)
