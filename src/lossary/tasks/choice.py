"""Choice: a loss named on the command line or in Python, built anew for every cell."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from ..catalog import catalog
from ..data.tables import Table
from ..lookup import NotFoundError, find, import_from
from ..signature import Signature, signature_of
from ..spec import LossSpec, Trait

Coding = Literal["label", "zero_one", "sign", "number"]
"""How the target is given to a loss: as class index, as 0 and 1, as -1 and 1, or as it is."""


class ChoiceError(ValueError):
    """No loss of that name, or one that does not fit; the message says what would."""


@dataclass(frozen=True)
class Choice:
    """A loss to compare.

    Attributes:
        name: how it was asked for.
        build: makes the loss.
        coding: how it takes the target.
    """

    name: str
    build: Callable[[], Any] = field(compare=False)
    coding: Coding

    def outputs(self, table: Table) -> int:
        """Return how many numbers the network gives per sample."""
        return len(table.classes) if self.coding == "label" else 1


def choose(text: str, table: Table) -> Choice:
    """Find a loss for a table.

    Args:
        text: ``name`` or ``name:key=value,key=value`` of the catalog, or ``module:Loss`` of the
            user's own, with ``:key=value`` behind it if it takes any.
        table: what it is for.

    Raises:
        ChoiceError: if there is none, or it takes something else than the table has.
    """
    head, options = _split(text)
    hyperparameters = _options(text, options)
    try:
        loss = import_from(head) if ":" in head else find(head)
    except NotFoundError as error:
        raise ChoiceError(str(error)) from error
    if isinstance(loss, LossSpec):
        if Trait.NOT_DIFFERENTIABLE in loss.traits:
            raise ChoiceError(f"{loss.name} is a metric: it has no gradient to train with")
        coding = _coding(loss.signature, table)
        if coding is None:
            raise ChoiceError(
                f"{loss.name} takes {loss.signature.left!r}, which does not fit the "
                f"{_describe(table)} of {table.name}; these do: {', '.join(fitting(table))}"
            )
        make: Callable[..., Any] = loss.module
    else:
        make = loss
        found = signature_of(loss)
        coding = _coding(found, table) if found else ("label" if table.classes else "number")
        if coding is None:
            raise ChoiceError(
                f"{head} takes {found.left if found else '?'!r}, which does not fit the "
                f"{_describe(table)} of {table.name}"
            )
        if not inspect.isclass(loss):
            if hyperparameters:
                raise ChoiceError(f"{head} is a function, it takes no hyperparameters here")
            return Choice(text, lambda: loss, coding)
    choice = Choice(text, lambda: make(**hyperparameters), coding)
    try:
        choice.build()
    except (TypeError, ValueError) as error:
        raise ChoiceError(f"{text}: {error}") from error
    return choice


def given(name: str, loss: Any, table: Table) -> Choice:
    """Make a choice of a Module or function given from Python."""
    found = signature_of(loss)
    coding = _coding(found, table) if found else ("label" if table.classes else "number")
    if coding is None:
        raise ChoiceError(f"{name} does not fit the {_describe(table)} of {table.name}")
    return Choice(name, lambda: copy.deepcopy(loss), coding)


def fitting(table: Table) -> list[str]:
    """Return the losses of the catalog that can be trained on a table."""
    return [
        spec.name
        for spec in catalog()
        if _coding(spec.signature, table) and Trait.NOT_DIFFERENTIABLE not in spec.traits
    ]


def _coding(signature: Signature, table: Table) -> Coding | None:
    """Return how a loss of this signature takes the table's target, or None if it does not fit."""
    takes = [{str(o).removesuffix(" *") for o in either} for either in signature.operands]
    if len(takes) != 2:
        return None
    if table.task == "regression":
        return "number" if _elementwise(takes, "real") else None
    if "real N C" in takes[0] and "label N" in takes[1]:
        return "label"
    if len(table.classes) == 2 and _elementwise(takes, "prob"):
        return "zero_one"
    if len(table.classes) == 2 and _elementwise(takes, "sign"):
        return "sign"
    return None


def _elementwise(takes: list[set[str]], domain: str) -> bool:
    return bool(takes[0] & {"real", "real N"} and takes[1] & {domain, f"{domain} N"})


def _describe(table: Table) -> str:
    if table.task == "regression":
        return "number to predict"
    return f"{len(table.classes)} classes"


def _split(text: str) -> tuple[str, str]:
    """Split the options off: what follows the last colon and has an equals sign."""
    head, _, tail = text.rpartition(":")
    return (head, tail) if head and "=" in tail else (text, "")


def _options(text: str, options: str) -> dict[str, Any]:
    try:
        call = ast.parse(f"loss({options})", mode="eval").body
    except SyntaxError as error:
        raise ChoiceError(f"{text}: write hyperparameters as key=value,key=value") from error
    assert isinstance(call, ast.Call)
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise ChoiceError(f"{text}: write hyperparameters as key=value,key=value")
    return {str(k.arg): _value(text, k.value) for k in call.keywords}


def _value(text: str, node: ast.expr) -> Any:
    """Return a number, a text or a tensor of numbers; nothing is evaluated."""
    if isinstance(node, ast.Name):
        return node.id
    try:
        value = ast.literal_eval(node)
    except ValueError as error:
        raise ChoiceError(f"{text}: {ast.unparse(node)} is not a plain value") from error
    return torch.tensor(value, dtype=torch.float32) if isinstance(value, list | tuple) else value
