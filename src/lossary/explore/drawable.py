"""What can be drawn: a loss of the catalogue or of the user, with its knobs."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Generator, Tensor

from ..base import LossBase
from ..catalog import catalog
from ..curve import CLASSES, Curve, additive, first_classes, trace
from ..lookup import NotFoundError, find, import_from
from ..signature import Signature, signature_of
from ..spec import LossSpec, Trait
from .knobs import Knob, knobs_of

ERROR = "real *, real * -> *"  # what a function that says nothing is taken to compare


# A loss of the user's own may want other tensors than its signature says.
FAILURES = (TypeError, ValueError, IndexError, AttributeError, RuntimeError)


class DrawError(ValueError):
    """A loss cannot be drawn; the message says why and what would work."""


@dataclass(frozen=True)
class Drawable:
    """A loss that tools may draw.

    Attributes:
        name: what the legend says.
        family: of the catalogue, or "yours".
        signature: what it takes.
        call: gives the losses of the units, from tensors and hyperparameters.
        knobs: its numeric hyperparameters.
        fixed: its other hyperparameters; tensors have one number for each of at least 3 classes.
        differentiable: whether it has a gradient.
        doc: its docstring.
        module: the name of its Module, or "".
        paper: where it comes from.
        additive: whether the loss of a batch is made of those of its samples.
    """

    name: str
    family: str
    signature: Signature
    call: Callable[[tuple[Tensor, ...], Mapping[str, object]], Tensor]
    knobs: tuple[Knob, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=dict)
    differentiable: bool = True
    doc: str = ""
    module: str = ""
    paper: str = ""
    additive: bool = True

    def units(
        self, hyperparameters: Mapping[str, float], classes: int = CLASSES
    ) -> Callable[..., Tensor]:
        """Return what gives one loss per unit, at these hyperparameters.

        Raises:
            DrawError: if a name is not one of the knobs'.
        """
        known = {knob.name: knob for knob in self.knobs}
        if unknown := sorted(set(hyperparameters) - set(known)):
            has = ", ".join(known) or "none"
            raise DrawError(
                f"{self.name} has no numeric hyperparameter {', '.join(unknown)}; it has {has}"
            )
        try:
            turned = {name: known[name].check(value) for name, value in hyperparameters.items()}
        except ValueError as error:
            raise DrawError(f"{self.name}: {error}") from error
        hyper = {**first_classes(self.fixed, classes), **turned}

        def units(*tensors: Tensor) -> Tensor:
            found = self.call(tensors, hyper)
            if found.ndim:
                return found
            batch = len(tensors[0])
            singles = [self.call(tuple(t[i : i + 1] for t in tensors), hyper) for i in range(batch)]
            return torch.stack(singles)

        return units

    def curve(self, points: int, **hyperparameters: float) -> Curve | None:
        """Return value and gradient along one axis, or None if no single number describes it."""
        units = self.units(hyperparameters)
        try:
            return trace(
                self.signature,
                units,
                points,
                differentiable=self.differentiable,
                family=self.family,
                additive=self.additive,
            )
        except FAILURES as error:
            raise self.failed(error) from error

    def failed(self, error: Exception) -> DrawError:
        """Return what to raise where the loss itself failed."""
        return DrawError(f"{self.name} cannot be drawn as {self.signature.text}: {error}")


def drawable(loss: object) -> Drawable:
    """Make a loss of any form drawable.

    Args:
        loss: a name of `lossary list`; ``module:Loss``; a loss function; a Module or its class;
            or any function of input and target, which is drawn against their difference.

    Raises:
        DrawError: if it is none of these, or its class cannot be made without arguments.
    """
    if isinstance(loss, str):
        try:
            loss = import_from(loss) if ":" in loss else find(loss)
        except NotFoundError as error:
            raise DrawError(str(error)) from error
    if isinstance(loss, LossSpec):
        return _of_spec(loss)
    if isinstance(loss, type):
        try:
            loss = loss()
        except TypeError as error:
            raise DrawError(f"{loss} cannot be made without arguments: {error}") from error
    if isinstance(loss, LossBase):
        return _of_module(loss)
    for spec in catalog():
        if spec.function is loss:
            return _of_spec(spec)
    if callable(loss):
        return _of_function(loss)
    raise DrawError(f"cannot draw {loss!r}: give the name of a loss, a function or a Module")


def _of_spec(spec: LossSpec, bound: Mapping[str, object] | None = None) -> Drawable:
    random = "generator" in inspect.signature(spec.function).parameters
    given = spec.variants[0] if bound is None else bound
    knobs = knobs_of(spec.function, spec.signature.intervals, given)

    def call(tensors: tuple[Tensor, ...], hyper: Mapping[str, object]) -> Tensor:
        seeded = {"generator": Generator().manual_seed(0)} if random else {}
        return spec.function(*tensors, **hyper, **seeded, reduction="none")

    return Drawable(
        spec.name,
        spec.family,
        spec.signature,
        call,
        knobs,
        given,
        Trait.NOT_DIFFERENTIABLE not in spec.traits,
        inspect.getdoc(spec.function) or "",
        spec.module.__name__,
        spec.paper,
        additive(spec),
    )


def _of_module(module: LossBase) -> Drawable:
    bound = {name: getattr(module, name) for name in module.hyperparameters}
    for spec in catalog():
        if type(module) is spec.module and not spec.owned:
            return _told_apart(_of_spec(spec, bound), spec.function, bound)
    kind = type(module)
    named = inspect.signature(kind).parameters
    # a loss whose constructor takes what it holds can be made anew with other numbers
    again = set(bound) <= set(named) and all(
        n in bound or p.default is not p.empty for n, p in named.items()
    )
    declared = module.signature or Signature.parse(ERROR, loss=kind.__name__)
    knobs = knobs_of(kind, declared.intervals, bound) if again else ()

    def call(tensors: tuple[Tensor, ...], hyper: Mapping[str, object]) -> Tensor:
        owner = kind(**{**bound, **hyper}) if hyper else copy.deepcopy(module)
        return owner.to(tensors[0].dtype).reduced(*tensors, reduction="none")

    doc = inspect.getdoc(kind) or ""
    name = kind.__name__
    return _told_apart(
        Drawable(name, "yours", declared, call, knobs, doc=doc, module=name), kind, bound
    )


def _of_function(function: Callable[..., Any]) -> Drawable:
    name = getattr(function, "__name__", type(function).__name__)
    declared = signature_of(function) or Signature.parse(ERROR, loss=name)
    try:
        parameters = inspect.signature(function).parameters
    except ValueError as error:  # built in, without a signature
        raise DrawError(f"{name} does not say what it takes: wrap it in a function") from error
    reduced = "reduction" in parameters

    def call(tensors: tuple[Tensor, ...], hyper: Mapping[str, object]) -> Tensor:
        found = function(*tensors, **hyper, **({"reduction": "none"} if reduced else {}))
        if not isinstance(found, Tensor):
            raise DrawError(f"{name} returned {type(found).__name__}, not a tensor")
        return found

    knobs = knobs_of(function, declared.intervals)
    doc = inspect.getdoc(function) or ""
    return Drawable(name, "yours", declared, call, knobs, doc=doc)


def _told_apart(
    made: Drawable, maker: Callable[..., object], bound: Mapping[str, object]
) -> Drawable:
    """Name the numbers that differ from the defaults, which tell two of one loss apart."""
    usual = inspect.signature(maker).parameters
    told = {
        name: value
        for name, value in bound.items()
        if isinstance(value, int | float) and name in usual and value != usual[name].default
    }
    if not told:
        return made
    return replace(made, name=f"{made.name}({', '.join(f'{n}={v:g}' for n, v in told.items())})")
