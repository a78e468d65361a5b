"""Softmax cross-entropy of a linear layer's output, without holding that output."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...fuse import fuse
from ...kernels.linear import LinearLoss, LogitLoss, RowLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from .cross_entropy import units_of


@signature(
    "real N D, real C D, label N | prob N C -> N",
    widens=False,
    linear_bias="real C",
    class_weight="weight C",
    label_smoothing="[0, 1]",
    z_loss="[0, inf)",
    softcap="(0, inf)",
    temperature="(0, inf)",
)
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Softmax cross-entropy of the logits :math:`x W^\top + b`, plus
    :math:`\lambda (\log \sum_c e^{z_c})^2` if asked for.

    The same numbers as :func:`~lossary.cross_entropy` of
    ``linear(input, linear_weight, linear_bias)``, for large vocabularies: the logits are computed
    for some rows at a time, and value and gradients in one go. Rows that do not take part cost
    nothing.

    The matrix products run in the dtype of ``input`` (float16, whose range is too small, in
    float32), the softmax in single precision.
    ``reduction="none"`` computes the logits a second time in the backward pass, because only then
    is it known how much each row counts. ``torch.compile`` sees one operator that does the same.
    Under ``torch.func``, for second derivatives and in an exported program the definition runs as
    it is, and holds the logits.

    Args:
        input: hidden states, of shape (N, D).
        linear_weight: the weight of the linear layer, of shape (C, D).
        target: class indices in [0, C), of shape (N,); or probabilities, of shape (N, C).
        linear_bias: the bias of the linear layer, of shape (C,).
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a row with this class index weighs nothing.
        label_smoothing: the part of the target that is spread evenly over all C classes.
        z_loss: the weight :math:`\lambda` of the squared log-partition, which keeps logits small.
        softcap: if given, logits are bounded to this by :math:`s \tanh(z / s)`.
        temperature: what the logits are divided by, after the bound.

    References:
        Wijmans et al., *Cut Your Losses in Large-Vocabulary Language Models*, ICLR 2025 (the
        method); Chowdhery et al., *PaLM*, JMLR 2023, section 5 (the squared log-partition).

    >>> x, w = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> linear_cross_entropy(x, w, torch.tensor([0]))
    tensor(0.1269)
    """
    options = {
        "class_weight": class_weight,
        "label_smoothing": label_smoothing,
        "z_loss": z_loss,
        "softcap": softcap,
        "temperature": temperature,
    }
    bias = None if linear_bias is None else linear_bias.to(input.dtype)
    job = LinearLoss(OF_LOGITS, (target,), options, weight)
    result = job(input, linear_weight, bias, reduction)
    return result if reduction == "parts" else result.to(input.dtype)


@signature(
    "real N C, label N | prob N C -> N", loss="linear_cross_entropy", class_weight="weight C"
)
def _of_logits(
    input: Tensor,
    target: Tensor,
    *,
    class_weight: Tensor | None,
    label_smoothing: float,
    z_loss: float,
    softcap: float | None,
    temperature: float,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    if softcap is not None:
        input = softcap * torch.tanh(input / softcap)
    if temperature != 1:
        input = input / temperature
    largest = input.amax(1, keepdim=True).detach()
    shifted = input - largest
    log_sum = shifted.exp().sum(1, keepdim=True).log()
    units, own = units_of(shifted - log_sum, target, class_weight, label_smoothing)
    if z_loss:
        units = units + z_loss * (largest + log_sum).squeeze(1).square()
    return reduce(units, weigh(own, weight), reduction)


_FUSED = fuse(_of_logits, donate_input=True)


def _rows(input: Tensor, target: Tensor) -> RowLoss:
    """Return what computes the loss of a chunk where ``input`` is."""
    if input.is_cuda and not target.is_floating_point():
        with contextlib.suppress(ImportError):  # torch for a GPU brings triton, but for Windows
            from ...kernels.rows_triton import RowsOnGpu

            return RowsOnGpu()
    return _FUSED


OF_LOGITS = LogitLoss(_of_logits, _rows, "linear_cross_entropy")


class LinearCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`linear_cross_entropy`, called with the weight of the layer."""

    function = staticmethod(linear_cross_entropy)

    def __init__(
        self,
        *,
        linear_bias: Tensor | None = None,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        softcap: float | None = None,
        temperature: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            linear_bias=linear_bias,
            class_weight=class_weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            z_loss=z_loss,
            softcap=softcap,
            temperature=temperature,
        )


SPEC = LossSpec(
    function=linear_cross_entropy,
    module=LinearCrossEntropyLoss,
    traits=Trait.NONNEGATIVE,
    variants=(
        {},
        {"label_smoothing": 0.1, "z_loss": 0.01},
        {"softcap": 2.0, "temperature": 0.5},
        {
            "class_weight": torch.tensor([0.5, 2.0, 1.0]),
            "linear_bias": torch.tensor([1.0, 0.0, -1.0]),
        },
    ),
    paper="arXiv:2411.09009",
)
