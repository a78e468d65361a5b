"""LossBase: a loss with its hyperparameters bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from .reduction import Reduction, check_reduction, reduce
from .signature import Signature, full_precision, signature_of

if TYPE_CHECKING:
    from .compose import WeightedSum


class LossBase(nn.Module):
    """A loss of your own: define ``units``, and the rest is done here.

    ``units(self, *tensors)`` returns one loss per unit, unweighted and unreduced; weights, masks,
    reductions and parts are then the same as for every loss of the library. If some units do not
    take part, return a pair ``(losses, weights)``.

    >>> class CubicLoss(LossBase):
    ...     def __init__(self, *, power: float = 3.0, reduction: Reduction = "mean") -> None:
    ...         super().__init__(reduction, power=power)
    ...
    ...     def units(self, input: Tensor, target: Tensor) -> Tensor:
    ...         return (input - target).abs() ** self.power
    >>> loss = CubicLoss()
    >>> loss(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 5.0]))
    tensor(4.)
    >>> loss(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 5.0]), weight=torch.tensor([True, False]))
    tensor(8.)

    Args:
        reduction: how the losses of the units become the result.
        hyperparameters: become attributes; tensors become buffers, which move with the module but
            are not saved with it, and parameters are trained and saved.

    Attributes:
        of_whole_batch: whether the loss of a batch is not made of those of its halves, as where
            samples are compared; then processes have to gather their samples.
        takes: the signature, as in ``"real N C, label N -> N"``. Optional: with it, shapes, dtypes
            and values are checked on every call, and masked units are taken out whatever they
            hold. Without it, tensors whose leading dimensions are those of the weight are.
    """

    of_whole_batch: ClassVar[bool] = False
    takes: ClassVar[str | None] = None
    signature: ClassVar[Signature | None] = None
    units: Callable[..., Any]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "takes" in cls.__dict__ and cls.takes is not None:
            cls.signature = Signature.parse(cls.takes, loss=cls.__name__)
            if not cls.signature.unit:
                raise TypeError(
                    f'{cls.__name__}.takes must name the unit, as in "{cls.takes} -> N": what '
                    "units() returns one number for"
                )

    def __init__(self, reduction: Reduction = "mean", **hyperparameters: object) -> None:
        super().__init__()
        if not hasattr(type(self), "units"):
            raise TypeError(f"{type(self).__name__} must define units(self, *tensors)")
        check_reduction(reduction)
        self.reduction: Reduction = reduction
        self.hyperparameters = tuple(hyperparameters)
        for name, value in hyperparameters.items():
            if isinstance(value, nn.Parameter):
                self.register_parameter(name, value)
            elif isinstance(value, Tensor):
                self.register_buffer(name, value, persistent=False)
            else:
                setattr(self, name, value)

    def forward(self, *tensors: Any, weight: Tensor | None = None) -> Tensor:
        """Return the loss of ``tensors``, reduced as the module was told to."""
        return self.reduced(*tensors, weight=weight, reduction=self.reduction)

    def reduced(
        self, *tensors: Any, weight: Tensor | None = None, reduction: Reduction = "mean"
    ) -> Tensor:
        """Return the loss of ``tensors`` under another reduction than the module's own."""
        units, weight, _, narrow = self.weighted(tensors, weight)
        result = reduce(units, weight, reduction)
        return result if narrow is None or reduction == "parts" else result.to(narrow)

    def weighted(
        self, tensors: tuple[Any, ...], weight: Tensor | None
    ) -> tuple[Tensor, Tensor | None, tuple[Any, ...], torch.dtype | None]:
        """Return what is reduced: losses, weights, the tensors used, the dtype of the result."""
        if self.signature is not None:
            tensors, weight, _, narrow = self.signature.admit(tensors, weight)
        else:
            tensors, narrow = _widen(tensors)
            tensors = _exclude(tensors, weight)
        with full_precision(tensors):
            units = self.units(*tensors)
        if isinstance(units, tuple):
            units, own = units
            weight = own if weight is None else own * weight
        return units, weight, tensors, narrow

    def __mul__(self, factor: object) -> WeightedSum:
        from .compose import weighted

        return weighted(self).__mul__(factor)

    __rmul__ = __mul__

    def __add__(self, other: object) -> WeightedSum:
        from .compose import weighted

        return weighted(self).__add__(other)

    def extra_repr(self) -> str:
        return ", ".join(f"{n}={getattr(self, n)!r}" for n in (*self.hyperparameters, "reduction"))


class FunctionLoss(LossBase):
    """A loss function of this library with its hyperparameters bound."""

    function: Callable[..., Tensor]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if hasattr(cls, "function"):  # a class between may share what it does with several losses
            cls.signature = signature_of(cls.function)

    def __init__(self, reduction: Reduction = "mean", **hyperparameters: object) -> None:
        super().__init__(reduction, **hyperparameters)
        if self.signature is not None:
            self.signature.check_hyperparameters(hyperparameters)

    def operands(self, *tensors: Any) -> tuple[Any, ...]:
        """Return what the function takes; a module that owns some of it inserts it here."""
        return tensors

    def units(self, *tensors: Any) -> Tensor:
        return self.reduced(*tensors, reduction="none")

    def reduced(
        self, *tensors: Any, weight: Tensor | None = None, reduction: Reduction = "mean"
    ) -> Tensor:
        bound = {name: getattr(self, name) for name in self.hyperparameters}
        return self.function(*self.operands(*tensors), **bound, weight=weight, reduction=reduction)


def _widen(tensors: tuple[Any, ...]) -> tuple[tuple[Any, ...], torch.dtype | None]:
    """Bring half-precision tensors to single precision."""
    floating = [t.dtype for t in tensors if isinstance(t, Tensor) and t.is_floating_point()]
    if not any(dtype.itemsize < 4 for dtype in floating):
        return tensors, None
    wide = tuple(
        t.float() if isinstance(t, Tensor) and t.is_floating_point() and t.itemsize < 4 else t
        for t in tensors
    )
    return wide, floating[0]


def _exclude(tensors: tuple[Any, ...], weight: Tensor | None) -> tuple[Any, ...]:
    """Put zeros where a unit weighs nothing, into the tensors that begin with its dimensions."""
    if weight is None:
        return tensors
    out = []
    for t in tensors:
        if isinstance(t, Tensor) and t.shape[: weight.ndim] == weight.shape:
            nothing = (weight == 0).reshape(*weight.shape, *(1,) * (t.ndim - weight.ndim))
            t = t.masked_fill(nothing, 0)
        out.append(t)
    return tuple(out)
