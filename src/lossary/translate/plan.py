"""What becomes of each reference: the rules are asked here."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import libcst as cst

from .moves import WRITTEN, Equal, Given, Kept, Move, Untouched
from .references import Reference, Uses, named
from .report import Left

CLASS_OF_ITS_OWN = (
    "its class is named here without being called, so it stays a subclass of PyTorch's class"
)


@dataclass(frozen=True)
class Plan:
    """What is written in place of a reference.

    Attributes:
        reference: what is replaced.
        home: the module to import: ``lossary``, or one of ``lossary.migrate``.
        name: the name in it.
        args: the new arguments of the call; None if they stay.
        note: for the report.
    """

    reference: Reference
    home: str
    name: str
    args: tuple[cst.Arg | None, ...] | None
    note: str

    @property
    def kept(self) -> bool:
        """Whether ``lossary.migrate`` keeps the number."""
        return self.home != "lossary"


class Planner:
    """Make a plan for each reference of a script.

    Args:
        references: all of them: one that is not called holds back those that are.
        uses: how modules are used.
    """

    def __init__(self, references: Sequence[Reference], uses: Uses) -> None:
        self._uses = uses
        self._named = {r.offer.name for r in references if r.call is None and not r.offer.function}

    def plan(self, reference: Reference) -> Plan | Left:
        """Return what becomes of a reference."""
        offer = reference.offer
        if reference.call is None:
            return self._bare(reference)
        if any(arg.star for arg in reference.call.args):
            move: Move = Kept("what it is given with * is known only when the script runs")
            return Plan(reference, offer.home, offer.name, None, _why(move))
        positional = [a for a in reference.call.args if a.keyword is None]
        by_name = {a.keyword.value: a for a in reference.call.args if a.keyword is not None}
        try:
            bound = offer.signature.bind(*positional, **by_name)
        except TypeError as error:
            return _left(reference, f"{offer.home}.{offer.name} does not take this: {error}")
        places = {id(arg): name for name, arg in bound.arguments.items()}
        if len(places) != len(reference.call.args) or not all(
            isinstance(arg, cst.Arg) for arg in bound.arguments.values()
        ):  # it takes any number of arguments
            return Plan(reference, offer.home, offer.name, None, "")
        move = self._move(reference, bound)
        if isinstance(move, Untouched):
            return _left(reference, move.why)
        names = [places[id(arg)] for arg in reference.call.args]
        if isinstance(move, Kept):
            args = _kept_args(reference, names)
            return Plan(reference, offer.home, offer.name, args, move.why)
        name = move.function if offer.function else move.module
        return Plan(reference, "lossary", name, _equal_args(reference, names, move), move.note)

    def _bare(self, reference: Reference) -> Plan | Left:
        offer = reference.offer
        if reference.framework.foreign:
            move = reference.framework.rule(offer.name)(Given({}, offer.function))
            return Plan(reference, offer.home, offer.name, None, _why(move))
        if reference.tested:
            return _left(reference, "a test of the type; it holds for lossary.migrate's as well")
        note = "it is not called here, so what it is given is not known"
        return Plan(reference, offer.home, offer.name, None, note)

    def _move(self, reference: Reference, bound: inspect.BoundArguments) -> Move:
        offer = reference.offer
        defaults = {n: offer.signature.parameters[n].default for n in offer.options}
        options = {
            name: literal(bound.arguments[name].value) if name in bound.arguments else default
            for name, default in defaults.items()
        }
        move = reference.framework.rule(offer.name)(Given(options, offer.function))
        if not isinstance(move, Equal) or offer.function:
            return move
        if offer.name in self._named:
            return Kept(CLASS_OF_ITS_OWN)
        by_name = reference.assigned is not None and reference.assigned in self._uses.with_keywords
        if by_name or (reference.applied is not None and named(reference.applied)):
            return Kept("it is called with keywords; Lossary's modules take tensors by position")
        if move.renamed.get("weight") and reference.assigned in self._uses.weights - {None}:
            return Kept("its attribute weight is used, which Lossary calls class_weight")
        return move


def literal(node: cst.BaseExpression) -> object:
    """Return the value of a constant; :data:`WRITTEN` of any other expression."""
    if isinstance(node, cst.Name):
        return {"None": None, "True": True, "False": False}.get(node.value, WRITTEN)
    if isinstance(node, cst.SimpleString):
        bare = not node.prefix and "\\" not in node.raw_value
        return node.raw_value if bare else WRITTEN
    if isinstance(node, cst.Integer | cst.Float):
        return node.evaluated_value
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        value = literal(node.expression)
        return -value if isinstance(value, int | float) else WRITTEN
    return WRITTEN


def _why(move: Move) -> str:
    return move.why if isinstance(move, Kept) else ""


def _left(reference: Reference, reason: str) -> Left:
    return Left(reference.line, reference.text, reason)


def _with_keyword(arg: cst.Arg, name: str | None) -> cst.Arg:
    if name is None:
        return arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)
    if arg.keyword is not None:
        return arg.with_changes(keyword=arg.keyword.with_changes(value=name))
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return arg.with_changes(keyword=cst.Name(name), equal=equal)


def _kept_args(reference: Reference, names: list[str]) -> tuple[cst.Arg | None, ...] | None:
    """Give a function of ``lossary.migrate.torch`` its tensors by position and the rest by name."""
    offer, call = reference.offer, reference.call
    if call is None or not offer.function or reference.framework.foreign:
        return None
    tensors = [name for name in offer.signature.parameters if name not in offer.options]
    in_order = names[: len(tensors)] == tensors
    out = []
    for arg, name in zip(call.args, names, strict=True):
        if name in offer.options:
            out.append(_with_keyword(arg, name))
        else:
            out.append(_with_keyword(arg, None) if in_order else arg)
    return tuple(out)


def _equal_args(reference: Reference, names: list[str], move: Equal) -> tuple[cst.Arg | None, ...]:
    """Give a loss of Lossary what it takes, by the names it has for it."""
    assert reference.call is not None
    offer = reference.offer
    theirs = [name for name in offer.signature.parameters if name not in offer.options]
    function = getattr(import_module("lossary"), move.function)
    ours = list(inspect.signature(function).parameters)
    out: list[cst.Arg | None] = []
    for arg, name in zip(reference.call.args, names, strict=True):
        if name in move.dropped:
            out.append(None)
        elif name in offer.options:
            out.append(_with_keyword(arg, move.renamed.get(name, name)))
        else:
            tensor = ours[theirs.index(name)]
            out.append(_with_keyword(arg, None if arg.keyword is None else tensor))
    return tuple(out)
