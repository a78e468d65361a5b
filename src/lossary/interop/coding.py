"""Coding: what a loss takes from a framework that knows samples, outputs and targets alone."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Literal

from torch import Tensor

from ..catalog import catalog
from ..signature import Operand, signature_of
from ..spec import LossSpec

Coding = Literal["label", "zero_one", "sign", "number"]
"""How a loss takes the target: as class index, as 0 and 1, as -1 and 1, or as it is."""

CODINGS: dict[str, Coding] = {
    "label": "label",
    "count": "label",
    "prob": "zero_one",
    "sign": "sign",
}


@functools.cache
def _known() -> dict[object, LossSpec]:
    return {key: spec for spec in catalog() for key in (spec.function, spec.module)}


def spec_of(loss: object) -> LossSpec | None:
    """Return the record of a loss of the catalog: of its function, its Module or an instance."""
    if inspect.isfunction(loss):
        return _known().get(loss)
    kind = loss if isinstance(loss, type) else type(loss)
    return next((_known()[base] for base in kind.__mro__ if base in _known()), None)


def name_of(loss: object) -> str:
    """Return what messages call a loss."""
    spec = spec_of(loss)
    return spec.name if spec else getattr(loss, "__name__", type(loss).__name__)


def operands_of(loss: object) -> tuple[tuple[Operand, ...], ...] | None:
    """Return what is to be given to a loss, or None if it declares no signature.

    A Module inserts by itself what it owns.
    """
    signature, spec = signature_of(loss), spec_of(loss)
    if signature is None:
        return None
    owned = spec.owned if spec and not inspect.isfunction(loss) else {}
    pairs = zip(signature.names, signature.operands, strict=True)
    return tuple(operand for name, operand in pairs if name not in owned)


def coding_of(loss: object) -> Coding | None:
    """Return how a loss takes the target, or None if it declares no signature.

    Raises:
        ValueError: if it does not take one prediction and one target.
    """
    operands = operands_of(loss)
    if operands is None:
        return None
    if len(operands) != 2 or operands[1][0].domain == "fn":
        takes = ", ".join(" | ".join(map(str, either)) for either in operands)
        raise ValueError(
            f"{name_of(loss)} takes {takes!r}; here it is given one prediction and one target"
        )
    return CODINGS.get(operands[1][0].domain, "number")


def code(target: Tensor, coding: Coding, dtype: Any) -> Tensor:
    """Return a target as a loss takes it; of labels 0 and 1 signs are made.

    Args:
        target: as the data has it.
        coding: what the loss takes.
        dtype: the floating-point type of the prediction.

    Raises:
        ValueError: if class indices are not whole numbers.
    """
    if coding == "label":
        whole = target.long()
        if target.is_floating_point() and not bool((whole == target).all()):
            wrong = target[whole != target][0].item()
            raise ValueError(f"the target must hold class indices, whole numbers, got {wrong}")
        return whole
    if coding == "sign":
        target = target.to(dtype)
        # a batch without a 0 may be one of labels 1 alone, which both codings write the same way
        return 2 * target - 1 if bool((target == 0).any()) else target
    return target.to(dtype)
