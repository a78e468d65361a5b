"""What a rule is told of a call, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final


class Written:
    """An option that is not a literal: its value is known only when the script runs."""

    def __repr__(self) -> str:
        return "<not a literal>"


WRITTEN: Final = Written()


@dataclass(frozen=True)
class Given:
    """The options of one call, with the framework's defaults where there are none.

    Attributes:
        options: literals as their values, anything else as :data:`WRITTEN`.
        function: whether a function is called, and not the constructor of a module.
    """

    options: Mapping[str, object]
    function: bool

    def __getitem__(self, name: str) -> object:
        return self.options.get(name)

    def has(self, name: str) -> bool:
        """Return whether an option may be other than None, False and 0."""
        found = self.options.get(name)
        return found is WRITTEN or bool(found)


@dataclass(frozen=True)
class Equal:
    """A loss of Lossary has the same number.

    Attributes:
        module: its class.
        function: its function.
        renamed: options that Lossary calls differently.
        dropped: options that the choice of the loss has taken care of.
        note: what to know.
    """

    module: str
    function: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    note: str = ""


@dataclass(frozen=True)
class Kept:
    """``lossary.migrate`` keeps the number; ``why`` says what Lossary's own would change."""

    why: str = ""


@dataclass(frozen=True)
class Untouched:
    """Nothing is done; ``why`` is the reason."""

    why: str


Move = Equal | Kept | Untouched
Rule = Callable[[Given], Move]


def without(move: Equal, *options: str) -> Equal:
    """Return the same without options that Lossary does not have."""
    return replace(move, dropped=move.dropped | set(options))


def plain(module: str, function: str, **renamed: str) -> Rule:
    """Return the rule of a loss that is Lossary's at all arguments."""
    return lambda given: Equal(module, function, renamed)


def kept(why: str) -> Rule:
    """Return the rule of a loss that is never Lossary's own."""
    return lambda given: Kept(why)


def reduced(rule: Rule) -> Rule:
    """Return the rule for calls whose reduction is written out and is one that Lossary has."""

    def checked(given: Given) -> Move:
        move, reduction = rule(given), given["reduction"]
        if not isinstance(move, Equal):
            return move
        if reduction is WRITTEN:
            return Kept("the reduction is known only when the script runs")
        if reduction not in ("none", "mean", "sum"):
            return Kept(f"Lossary has no reduction {reduction!r}; it has 'none', 'mean' and 'sum'")
        return move

    return checked
