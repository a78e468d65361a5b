"""LossSpec: what tools may know about a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Flag, auto

from torch import Generator, Tensor

from .base import FunctionLoss
from .signature import Signature, signature_of


class Trait(Flag):
    """A claim about a loss, which the checker verifies.

    NONNEGATIVE: no unit's loss is below zero.
    ZERO_AT_TARGET: the loss is zero where the input equals the target.
    SYMMETRIC: the first two tensors may be swapped.
    CONVEX: convex in the first tensor.
    SHIFT_INVARIANT: adding a constant to all logits of a unit changes nothing.
    NOT_DIFFERENTIABLE: a metric; the result carries no gradient.
    RANDOM: draws random numbers; a ``generator`` makes it reproducible.
    """

    NONE = 0
    NONNEGATIVE = auto()
    ZERO_AT_TARGET = auto()
    SYMMETRIC = auto()
    CONVEX = auto()
    SHIFT_INVARIANT = auto()
    NOT_DIFFERENTIABLE = auto()
    RANDOM = auto()


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """What tools may know about a loss: tests, checker, docs, plots, command line, compare.

    Attributes:
        function: the loss function, decorated with its signature.
        module: the Module that binds the hyperparameters of ``function``.
        traits: claims, each one checked.
        variants: hyperparameters to check at.
        paper: where it comes from: an arXiv number, a DOI, or author, title, place and year.
        example: makes valid tensors, where the signature does not say enough to make them.
        owned: the operands that the Module owns, and its attributes that hold them; an operand
            that is a callable is given to the constructor under that name.
        sizes: the sizes that the constructor takes, and the dimensions of the signature they are,
            as in ``{"in_features": "D", "num_classes": "C"}``.
        exempt: laws that do not apply, each with the reason.
    """

    function: Callable[..., Tensor]
    module: type[FunctionLoss]
    traits: Trait = Trait.NONE
    variants: tuple[Mapping[str, object], ...] = ({},)
    paper: str = ""
    example: Callable[[Generator], tuple[object, ...]] | None = None
    owned: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, str] = field(default_factory=dict)
    exempt: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def family(self) -> str:
        """The folder that the loss lives in."""
        return self.function.__module__.split(".")[-2]

    @property
    def signature(self) -> Signature:
        found = signature_of(self.function)
        if found is None:
            raise TypeError(f"{self.name} has no signature")
        return found
