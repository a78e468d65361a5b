"""Distillation from a moving average of the network itself."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, real N C, real C -> N", temperature="(0, inf)", target_temperature="(0, inf)")
def dino_loss(
    input: Tensor,
    target: Tensor,
    center: Tensor,
    *,
    temperature: float = 0.1,
    target_temperature: float = 0.04,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""DINO, :math:`-\sum_c p_c \log q_c` with :math:`q = \mathrm{softmax}(x / \tau)` of the
    student and :math:`p = \mathrm{softmax}((y - b) / \tau_t)` of the teacher, a constant to the
    gradient.

    For representations of views of the same samples: the student is to give for one view what the
    teacher, a moving average of it, gives for another. The centre :math:`b` keeps single outputs
    from ruling and the low temperature of the teacher keeps all from being equal; only both
    together prevent collapse. With several views, take the mean over the pairs of different ones.

    Args:
        input: outputs :math:`x` of the student, of shape (N, C).
        target: outputs :math:`y` of the teacher for another view, of shape (N, C).
        center: :math:`b`, the running mean of the teacher's outputs, of shape (C,).
        temperature: :math:`\tau` of the student.
        target_temperature: :math:`\tau_t` of the teacher, lower than that of the student.

    References:
        Caron et al., *Emerging Properties in Self-Supervised Vision Transformers*, ICCV 2021, eq.
        1 to 4.

    >>> x, zero = torch.tensor([[1.0, 0.0]]), torch.tensor([0.0, 0.0])
    >>> dino_loss(x, x, zero, temperature=1.0, target_temperature=1.0)
    tensor(0.5822)
    """
    p = ((target.detach() - center.detach()) / target_temperature).softmax(1)
    return reduce(-(p * (input / temperature).log_softmax(1)).sum(1), weight, reduction)


class DINOLoss(FunctionLoss):
    """Module form of :func:`dino_loss`.

    It owns the centre, which begins at 0, and is called with ``(input, target)``. Call
    ``update(target)`` in every step of training, after the loss, with the outputs for all views.
    On several devices, gather them first.

    Args:
        num_outputs: the number C of outputs.
    """

    function = staticmethod(dino_loss)
    center: Tensor

    def __init__(
        self,
        num_outputs: int,
        *,
        temperature: float = 0.1,
        target_temperature: float = 0.04,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, temperature=temperature, target_temperature=target_temperature)
        self.register_buffer("center", torch.zeros(num_outputs))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, target, self.center

    @torch.no_grad()
    def update(self, target: Tensor, *, momentum: float = 0.9) -> None:
        """Move the centre towards the mean of the teacher's outputs, by 1 - ``momentum``."""
        if len(target):
            self.center.lerp_(target.to(self.center.dtype).mean(0), 1 - momentum)


_FIXED = "the teacher and its centre are constants to the gradient, by definition"

SPEC = LossSpec(
    function=dino_loss,
    module=DINOLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=({}, {"temperature": 1.0, "target_temperature": 0.5}),
    paper="arXiv:2104.14294",
    owned={"center": "center"},
    sizes={"num_outputs": "C"},
    exempt={"gradient": _FIXED, "second_gradient": _FIXED},
)
