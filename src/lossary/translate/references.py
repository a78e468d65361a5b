"""What the names in a script stand for."""

# ruff: noqa: N802 - libcst calls the methods by the names of its nodes
from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import libcst as cst
from libcst import metadata

from .framework import Framework, Offer
from .report import Left

LIKE_A_LOSS = re.compile(r"(Loss|_loss|[cC]ross_?[eE]ntropy\w*|kl_div)$")
OWN = (
    "a loss of your own; as a lossary.LossBase that defines units() it would have weights and parts"
)


@dataclass(frozen=True)
class Reference:
    """A place where a script names something that ``lossary.migrate`` has.

    Attributes:
        node: the name, with its dots.
        text: the same as it is written.
        line: where it is.
        framework: whose it is.
        offer: what ``lossary.migrate`` has for it.
        call: the call of it, if it is called here.
        assigned: the last part of the name that the result is assigned to.
        tested: whether it stands in a call of ``isinstance`` or ``issubclass``.
        applied: the call of the result, if it is not assigned but called at once.
    """

    node: cst.Name | cst.Attribute
    text: str
    line: int
    framework: Framework
    offer: Offer
    call: cst.Call | None
    assigned: str | None
    tested: bool
    applied: cst.Call | None


class Script:
    """A parsed script and what libcst knows of its names.

    Attributes:
        module: the script.
        imported: the imports of the module itself.
        bound: the names that any import binds, anywhere in the script.
    """

    def __init__(self, module: cst.Module) -> None:
        self.wrapper = metadata.MetadataWrapper(module)
        self.module = self.wrapper.module
        self._scopes = self.wrapper.resolve(metadata.ScopeProvider)
        self._positions = self.wrapper.resolve(metadata.PositionProvider)
        self._parents = self.wrapper.resolve(metadata.ParentNodeProvider)
        self._contexts = self.wrapper.resolve(metadata.ExpressionContextProvider)
        imported = [
            (scope, found)
            for scope in set(filter(None, self._scopes.values()))
            for found in scope.assignments
            if isinstance(found, metadata.ImportAssignment)
        ]
        self.imported = [f for s, f in imported if isinstance(s, metadata.GlobalScope)]
        self.bound = {found.name.split(".")[0] for _, found in imported}

    def line(self, node: cst.CSTNode) -> int:
        """Return the line that a node begins on."""
        return self._positions[node].start.line

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return what a node is part of."""
        return self._parents.get(node)

    def meanings(self, node: cst.CSTNode) -> Collection[metadata.QualifiedName]:
        """Return all that a name which is read may stand for; nothing for other nodes."""
        scope = self._scopes.get(node)
        if scope is None or self._contexts.get(node) is not metadata.ExpressionContext.LOAD:
            return ()
        return scope.get_qualified_names_for(node)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Go through what a node is part of, from the inside to the outside."""
        found = self.parent(node)
        while found is not None:
            yield found
            found = self.parent(found)


def dotted(node: cst.CSTNode | None) -> str | None:
    """Return a name with its dots, as it is written; None of anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        front = dotted(node.value)
        return None if front is None else f"{front}.{node.attr.value}"
    return None


def last(node: cst.CSTNode | None) -> str | None:
    """Return the last part of a name, of whatever it may be an attribute."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else None


def root(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return what the first dot stands behind."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node


class References(cst.CSTVisitor):
    """Find the references of a script, and what looks like a loss and is none of them.

    Args:
        script: the script.
        frameworks: those that it imports.
    """

    def __init__(self, script: Script, frameworks: Collection[Framework]) -> None:
        super().__init__()
        self.found: list[Reference] = []
        self.left: list[Left] = []
        self._script = script
        self._frameworks = frameworks
        self._known = {name for f in frameworks for name in (*f.rules, *f.advice)}

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        module = dotted(node.module) or ""
        if isinstance(node.names, cst.ImportStar) and self._framework(module):
            reason = "nobody can tell which names come from it: import them one by one"
            self._leave(node, f"from {module} import *", reason)
        return False

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        bases = {m.name for base in node.bases for m in self._script.meanings(base.value)}
        if node.name.value.endswith("Loss") and bases & {"torch.nn.Module", "paddle.nn.Layer"}:
            self._leave(node, f"class {node.name.value}", OWN)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        if dotted(node) is None:
            return True
        self._look(node)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self._look(node)

    def _framework(self, path: str) -> Framework | None:
        return next((f for f in self._frameworks if f.owns(path)), None)

    def _leave(self, node: cst.CSTNode, name: str, reason: str) -> None:
        self.left.append(Left(self._script.line(node), name, reason))

    def _look(self, node: cst.Name | cst.Attribute) -> None:
        first = root(node)
        assert isinstance(first, cst.Name)
        if first.value not in self._script.bound and last(node) not in self._known:
            return  # nothing that is imported; to ask for its meanings would take long
        part: cst.BaseExpression = node
        while isinstance(part, cst.Name | cst.Attribute):
            meanings = self._script.meanings(part)
            for meaning in meanings:
                framework = self._framework(meaning.name)
                if meaning.source is not metadata.QualifiedNameSource.IMPORT or framework is None:
                    continue
                offer = framework.offer(meaning.name)
                if offer is None:
                    continue
                if len(meanings) == 1:
                    self.found.append(self._reference(part, framework, offer))
                else:
                    self._leave(node, dotted(part) or "", "it may be something else as well")
                return
            part = part.value if isinstance(part, cst.Attribute) else cst.Ellipsis()
        self._look_for_others(node)

    def _look_for_others(self, node: cst.Name | cst.Attribute) -> None:
        """List what is not translated: losses, and everything of a framework with its tensors."""
        text, name = dotted(node) or "", last(node) or ""
        parent = self._script.parent(node)
        called = isinstance(parent, cst.Call) and parent.func is node
        for meaning in self._script.meanings(node):
            path, imported = meaning.name, meaning.source is metadata.QualifiedNameSource.IMPORT
            framework = self._framework(path) if imported else None
            if framework is not None:
                if name in framework.advice:
                    self._leave(node, text, framework.advice[name])
                elif framework.rest:
                    self._leave(node, text, framework.rest)
                elif called and LIKE_A_LOSS.search(name):
                    self._leave(node, text, f"no loss of {framework.name} that is known here")
            elif imported and called and LIKE_A_LOSS.search(name):
                if not path.startswith("lossary."):
                    self._leave(node, text, f"it is {path}, which is not known here")
            elif called and "." in text and name in self._known:
                first = text.split(".")[0]
                if first not in ("self", "cls"):
                    self._leave(node, text, f"{first} is not a module that is imported here")

    def _reference(
        self, node: cst.Name | cst.Attribute, framework: Framework, offer: Offer
    ) -> Reference:
        script = self._script
        parent = script.parent(node)
        call = parent if isinstance(parent, cst.Call) and parent.func is node else None
        tested = any(
            isinstance(a, cst.Call) and dotted(a.func) in ("isinstance", "issubclass")
            for a in script.above(node)
        )
        outer = None if call is None else script.parent(call)
        return Reference(
            node=node,
            text=dotted(node) or "",
            line=script.line(node),
            framework=framework,
            offer=offer,
            call=call,
            assigned=None if call is None else self._assigned(call),
            tested=tested and call is None,
            applied=outer if isinstance(outer, cst.Call) and outer.func is call else None,
        )

    def _assigned(self, call: cst.Call) -> str | None:
        """Return what a new module is called, if it is assigned; ``.to(device)`` may be between."""
        node: cst.CSTNode = call
        parent = self._script.parent(node)
        while isinstance(parent, cst.Attribute | cst.Call):
            node, parent = parent, self._script.parent(parent)
        if isinstance(parent, cst.Assign) and parent.value is node:
            return last(parent.targets[0].target)
        if isinstance(parent, cst.AnnAssign) and parent.value is node:
            return last(parent.target)
        return None


TENSORS = frozenset(
    {"input", "target", "input1", "input2", "anchor", "positive", "negative", "log_input"}
)


def named(call: cst.Call) -> bool:
    """Return whether a call has tensors of a loss by keyword."""
    return any(arg.keyword is not None and arg.keyword.value in TENSORS for arg in call.args)


class Uses(cst.CSTVisitor):
    """How modules are used that are assigned to some name.

    Attributes:
        with_keywords: the last parts of names that are called with tensors by keyword.
        weights: those whose attribute ``weight`` is read or written.
        names: every name in the script.
        strings: every string, as it is written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.with_keywords: set[str | None] = set()
        self.weights: set[str | None] = set()
        self.names: set[str] = set()
        self.strings: set[str] = set()

    def visit_Call(self, node: cst.Call) -> None:
        if named(node):
            self.with_keywords.add(last(node.func))

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if node.attr.value == "weight":
            self.weights.add(last(node.value))

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        self.strings.add(node.raw_value)


class Packages(cst.CSTVisitor):
    """The packages that a script imports, anywhere in it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def visit_Import(self, node: cst.Import) -> None:
        self.found |= {alias.evaluated_name.split(".")[0] for alias in node.names}

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        if not node.relative:
            self.found.add((dotted(node.module) or "").split(".")[0])
