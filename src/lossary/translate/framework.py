"""A framework: where its losses live, which of them there are, and the rules for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from .moves import Kept, Rule


@dataclass(frozen=True)
class Offer:
    """A name of a framework that ``lossary.migrate`` has too.

    Attributes:
        name: the name.
        home: the module of ``lossary.migrate`` that has it.
        signature: what it takes.
        function: whether it is a function.
    """

    name: str
    home: str
    signature: inspect.Signature
    function: bool

    @property
    def options(self) -> list[str]:
        """What it takes beside tensors."""
        every = self.signature.parameters.values()
        return [p.name for p in every if not self.function or p.default is not p.empty]


@dataclass(frozen=True)
class Framework:
    """A framework that scripts are translated from.

    Attributes:
        name: as it calls itself.
        packages: what its scripts import.
        homes: the modules of the framework, each with that of ``lossary.migrate``; or single names.
        rules: what becomes of a loss; of others the number is kept.
        others: names of ``lossary.migrate`` that are not the framework's, or mean something else.
        advice: what to do with names that are left alone.
        foreign: whether ``lossary.migrate`` stands for its classes, also where they are not called.
        rest: what to do with all its other names; empty if nothing.
        caution: what has to be so that the script runs; of the rest, or else of the losses.
        signatures: the module that says what its functions take, if not ``lossary.migrate``.
    """

    name: str
    packages: tuple[str, ...]
    homes: Mapping[str, str]
    rules: Mapping[str, Rule] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    advice: Mapping[str, str] = field(default_factory=dict)
    foreign: bool = True
    rest: str = ""
    caution: str = ""
    signatures: str | None = None

    def owns(self, path: str) -> bool:
        """Return whether a dotted name is one of the framework."""
        return path.split(".")[0] in self.packages

    def offer(self, path: str) -> Offer | None:
        """Return what ``lossary.migrate`` has for a dotted name of the framework."""
        module, _, name = path.rpartition(".")
        home = self.homes.get(module) or self.homes.get(path)
        if home is None or name in self.others or name.startswith("_"):
            return None
        found: Any = vars(import_module(home)).get(name)
        if not getattr(found, "__module__", "").startswith("lossary.migrate"):
            return None
        function = not inspect.isclass(found)
        known = found
        if function and self.signatures is not None:
            known = getattr(import_module(self.signatures), name)
        return Offer(name, home, inspect.signature(known), function)

    def rule(self, name: str) -> Rule:
        """Return the rule for a name."""
        return self.rules.get(name, lambda given: Kept())
