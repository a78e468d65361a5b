"""Choice: a loss named on the command line or in Python, built anew for every cell."""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ..catalog import catalog
from ..data.tables import Table
from ..lookup import NotFoundError, find, import_from
from ..signature import signature_of
from ..spec import LossSpec, Trait
from .kind import Way
from .kinds import KINDS


class ChoiceError(ValueError):
    """No loss of that name, or one that does not fit; the message says what would."""


@dataclass(frozen=True)
class Choice:
    """A loss to compare.

    Attributes:
        name: how it was asked for.
        way: how it takes part in the task.
        make: makes the loss from hyperparameters.
        options: the values of each hyperparameter, of which the best is to be found.
        wants: the hyperparameters that :func:`known` tells from the training samples.
    """

    name: str
    way: Way = field(compare=False)
    make: Callable[..., Any] = field(compare=False)
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, compare=False)
    wants: frozenset[str] = field(default=frozenset(), compare=False)

    def candidates(self) -> list[dict[str, Any]]:
        """Return all hyperparameters to try; one of them if there is nothing to choose."""
        return [
            dict(zip(self.options, values, strict=True))
            for values in itertools.product(*self.options.values())
        ]

    def build(self, table: Table, hyperparameters: Mapping[str, Any] | None = None) -> Any:
        """Make the loss, with the first of all candidates if nothing else is said.

        Args:
            table: the samples that it may know.
            hyperparameters: of the loss.
        """
        told = known(table) if self.wants else {}
        told = {name: told[name] for name in self.wants}
        return self.way.build(self.make, told | dict(hyperparameters or self.candidates()[0]))


def choose(text: str, table: Table) -> Choice:
    """Find a loss for a table.

    Args:
        text: ``name`` or ``name:key=value,key=value`` of the catalog, or ``module:Loss`` of the
            user's own, with ``:key=value`` behind it if it takes any. ``key=1|2|5`` leaves the
            choice among three values.
        table: what it is for.

    Raises:
        ChoiceError: if there is none, or it takes something else than the table has.
    """
    head, told = _split(text)
    options = _options(text, told)
    kind = KINDS[table.task]
    try:
        loss = import_from(head) if ":" in head else find(head)
    except NotFoundError as error:
        raise ChoiceError(str(error)) from error
    way: Way | None
    if isinstance(loss, LossSpec):
        if Trait.NOT_DIFFERENTIABLE in loss.traits:
            raise ChoiceError(f"{loss.name} is a metric: it has no gradient to train with")
        way = kind.way(loss.signature, table, loss)
        if way is None:
            raise ChoiceError(
                f"{loss.name} takes {loss.signature.left!r}, which does not fit the "
                f"{kind.describe(table)} of {table.name}; these do: {', '.join(fitting(table))}"
            )
        choice = Choice(text, way, loss.module, options, _wants(loss.module, options, table))
    else:
        found = signature_of(loss)
        way = kind.way(found, table, None) if found else kind.default_way(table)
        if way is None:
            raise ChoiceError(
                f"{head} takes {found.left if found else '?'!r}, which does not fit the "
                f"{kind.describe(table)} of {table.name}"
            )
        if not inspect.isclass(loss):
            if options:
                raise ChoiceError(f"{head} is a function, it takes no hyperparameters here")
            # an object may hold weights: each training has its own
            return Choice(text, way, lambda: copy.deepcopy(loss))
        choice = Choice(text, way, loss, options, _wants(loss, options, table))
    for candidate in choice.candidates():
        try:
            choice.build(table, candidate)
        except (TypeError, ValueError) as error:
            raise ChoiceError(f"{text}: {error}") from error
    return choice


def given(name: str, loss: Any, table: Table) -> Choice:
    """Make a choice of a Module or function given from Python, or of what :func:`choose` takes."""
    if isinstance(loss, str):
        return replace(choose(loss, table), name=name)
    if inspect.isclass(loss) or not callable(loss):
        raise ChoiceError(
            f"{name}: a loss is a Module, a function of output and target or the name of one, got "
            + (f"the class {loss.__name__}" if inspect.isclass(loss) else repr(loss))
        )
    found, kind = signature_of(loss), KINDS[table.task]
    spec = next((s for s in catalog() if loss is s.function or type(loss) is s.module), None)
    if spec is not None and Trait.NOT_DIFFERENTIABLE in spec.traits:
        raise ChoiceError(f"{name} is a metric: it has no gradient to train with")
    way = kind.way(found, table, spec) if found else kind.default_way(table)
    if way is None:
        raise ChoiceError(f"{name} does not fit the {kind.describe(table)} of {table.name}")
    if way.wrap is not None:
        raise ChoiceError(f"{name}: name this loss as text here, it is made once for each level")
    made = Way(way.outputs, way.answer, way.target, way.squeeze)  # it knows its arguments already
    return Choice(name, made, lambda: copy.deepcopy(loss))


def known(table: Table) -> dict[str, Any]:
    """Return the hyperparameters that samples tell, by the names that losses have for them."""
    if table.task == "multilabel":
        count = table.y.sum(0)
    elif table.classes:
        count = torch.bincount(table.y.flatten(), minlength=len(table.classes)).float()
    else:
        return {}
    count = count.clamp(min=1)  # a class that is nowhere has no frequency to go by
    return {
        "class_count": count,
        "class_prior": count / count.sum(),
        "num_samples": len(table.y),
    }


def _wants(make: Callable[..., Any], options: Mapping[str, Any], table: Table) -> frozenset[str]:
    needed = inspect.signature(make).parameters.values()
    missing = {p.name for p in needed if p.default is p.empty and p.name not in options}
    return frozenset(missing & known(table).keys())


def fitting(table: Table) -> list[str]:
    """Return the losses of the catalog that can be trained on a table."""
    kind = KINDS[table.task]
    return [
        spec.name
        for spec in catalog()
        if kind.way(spec.signature, table, spec) and Trait.NOT_DIFFERENTIABLE not in spec.traits
    ]


def _split(text: str) -> tuple[str, str]:
    """Split the options off: what follows the last colon and has an equals sign."""
    head, _, tail = text.rpartition(":")
    return (head, tail) if head and "=" in tail else (text, "")


def _options(text: str, options: str) -> dict[str, tuple[Any, ...]]:
    try:
        call = ast.parse(f"loss({options})", mode="eval").body
    except SyntaxError as error:
        raise ChoiceError(f"{text}: write hyperparameters as key=value,key=value") from error
    assert isinstance(call, ast.Call)
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise ChoiceError(f"{text}: write hyperparameters as key=value,key=value")
    return {
        str(k.arg): tuple(_value(text, node) for node in _alternatives(k.value))
        for k in call.keywords
    }


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [node]


def _value(text: str, node: ast.expr) -> Any:
    """Return a number, a text or a tensor of numbers; nothing is evaluated."""
    if isinstance(node, ast.Name):
        return node.id
    try:
        value = ast.literal_eval(node)
    except ValueError as error:
        raise ChoiceError(f"{text}: {ast.unparse(node)} is not a plain value") from error
    return torch.tensor(value, dtype=torch.float32) if isinstance(value, list | tuple) else value
