"""The imports of a script: which are needed now, which are needed no more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import libcst as cst
from libcst import metadata

from .plan import Plan
from .references import Script, Uses, dotted, root


@dataclass
class Imports:
    """What is to be done about imports.

    Attributes:
        aliases: the name that each module has in the script.
        added: lines to add.
        removed: names that go: the statement, and the place in it.
        swapped: plans that need no new name, because their import now means Lossary's.
    """

    aliases: dict[str, str] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    removed: set[tuple[int, int]] = field(default_factory=set)
    swapped: dict[int, str] = field(default_factory=dict)


def decide(script: Script, plans: Sequence[Plan], uses: Uses) -> Imports:
    """Decide which imports the new script has.

    Args:
        script: the script as it is.
        plans: what becomes of the references.
        uses: its names and strings.
    """
    found = Imports()
    by_root = {id(root(plan.reference.node)): plan for plan in plans}
    swaps: dict[str, list[str]] = {}
    for binding in script.imported:
        place = _place(script.module, binding)
        read = [by_root.get(id(_first(access.node))) for access in binding.references]
        ours = [plan for plan in read if plan is not None]
        others = sum(other.name == binding.name for other in script.imported) > 1
        if place is None or not ours or len(ours) < len(read) or binding.name in uses.strings:
            continue
        if others and len({id(access.node) for access in binding.references}) != len(ours):
            continue
        found.removed.add(place)
        line = _swap(binding.name, ours)
        if line is not None:
            swaps.setdefault(line[0], []).append(line[1])
            found.swapped |= {id(plan.reference.node): plan.home for plan in ours}
    for plan in plans:
        if id(plan.reference.node) not in found.swapped and plan.home not in found.aliases:
            there = _existing(script, plan.home)
            found.aliases[plan.home] = there or _free(plan.home, uses.names)
            if there is None:
                found.added.append(_line(plan.home, found.aliases[plan.home]))
    found.added += [f"from {home} import {', '.join(sorted(n))}" for home, n in swaps.items()]
    found.added.sort(key=lambda line: (line.startswith("from"), line))
    return found


def edit(module: cst.Module, imports: Imports, packages: Collection[str]) -> cst.Module:
    """Add and remove imports; comments and blank lines stay.

    Args:
        module: the script, whose statements are those that ``imports`` was decided of.
        imports: what to do.
        packages: those of the frameworks: new imports come where theirs are.
    """
    body = list(module.body)
    at = next((i for i, s in enumerate(body) if _packages(s) & set(packages)), None)
    new: list[cst.SimpleStatementLine] = [
        cst.ensure_type(cst.parse_statement(line), cst.SimpleStatementLine)
        for line in imports.added
    ]
    out: list[cst.SimpleStatementLine | cst.BaseCompoundStatement] = []
    waiting: tuple[cst.EmptyLine, ...] = ()
    if at is None and new:
        at = _after_docstring(body)
        new[0] = new[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)] if at else [])
        body[at:at] = new
        return module.with_changes(body=body)
    for i, statement in enumerate(body):
        gone = {place for number, place in imports.removed if number == i}
        left = _without(statement, gone)
        if left is None:
            lines = (*waiting, *statement.leading_lines)
            if i == at and new:
                out += [new[0].with_changes(leading_lines=lines), *new[1:]]
                waiting = ()
            else:
                waiting = lines
            continue
        if waiting:
            # a blank line that stood above a removed import is not needed above one of its own
            keep = waiting if any(line.comment for line in waiting) else ()
            keep = keep if left.leading_lines else waiting
            left = left.with_changes(leading_lines=[*keep, *left.leading_lines])
            waiting = ()
        if i == at and new:
            if any(line.comment for line in left.leading_lines):
                out += [left, *new]
            else:
                out += [new[0].with_changes(leading_lines=left.leading_lines), *new[1:]]
                out.append(left.with_changes(leading_lines=[]))
        else:
            out.append(left)
    return module.with_changes(body=out)


def _names(node: cst.CSTNode) -> Sequence[cst.ImportAlias]:
    """Return what a line imports by name."""
    if isinstance(node, cst.Import | cst.ImportFrom) and not isinstance(node.names, cst.ImportStar):
        return node.names
    return ()


def _first(node: cst.CSTNode) -> cst.CSTNode:
    return root(node) if isinstance(node, cst.BaseExpression) else node


def _place(module: cst.Module, binding: metadata.ImportAssignment) -> tuple[int, int] | None:
    """Return where a name is imported; None if it is not a line of its own of the module."""
    for i, statement in enumerate(module.body):
        if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) > 1:
            continue
        if statement.body[0] is not binding.node or statement.trailing_whitespace.comment:
            continue
        for j, alias in enumerate(_names(statement.body[0])):
            if (alias.evaluated_alias or alias.evaluated_name) == binding.name:
                return i, j
    return None


def _swap(name: str, plans: Sequence[Plan]) -> tuple[str, str] | None:
    """Return the import that lets a name mean Lossary's, if that is all that it has to."""
    homes, names = {plan.home for plan in plans}, {plan.name for plan in plans}
    if len(homes) > 1 or not all(p.kept and p.args is None for p in plans):
        return None
    home = homes.pop()
    texts = {plan.reference.text for plan in plans}
    if texts == {name} and len(names) == 1:
        found = names.pop()
        return home, found if found == name else f"{found} as {name}"
    whole = all(plan.reference.text == f"{name}.{plan.name}" for plan in plans)
    if "." in name or not whole or not plans[0].reference.framework.foreign:
        return None
    parent, _, module = home.rpartition(".")
    return parent, module if module == name else f"{module} as {name}"


def _existing(script: Script, home: str) -> str | None:
    """Return the name that a module has in the script already."""
    for binding in script.imported:
        node = binding.node
        if _place(script.module, binding) is None:
            continue
        front = f"{dotted(node.module)}." if isinstance(node, cst.ImportFrom) else ""
        for alias in _names(node):
            local = alias.evaluated_alias or alias.evaluated_name
            if f"{front}{alias.evaluated_name}" == home and local == binding.name:
                return local
    return None


def _free(home: str, names: Collection[str]) -> str:
    name = home if home == "lossary" else f"lossary_{home.rpartition('.')[2]}"
    while name in names:
        name += "_"
    return name


def _line(home: str, alias: str) -> str:
    if home == "lossary":
        return "import lossary" if alias == home else f"import lossary as {alias}"
    parent, _, module = home.rpartition(".")
    return f"from {parent} import {module} as {alias}"


def _packages(statement: cst.BaseStatement) -> set[str]:
    """Return the packages that a line imports."""
    found: set[str] = set()
    for part in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
        if isinstance(part, cst.ImportFrom):
            found.add((dotted(part.module) or "").split(".")[0])
        elif isinstance(part, cst.Import):
            found |= {alias.evaluated_name.split(".")[0] for alias in part.names}
    return found


def _after_docstring(body: Sequence[cst.BaseStatement]) -> int:
    at = 0
    for i, statement in enumerate(body):
        part = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        docstring = (
            i == 0
            and isinstance(part, cst.Expr)
            and isinstance(part.value, cst.SimpleString | cst.ConcatenatedString)
        )
        if docstring or _packages(statement) == {"__future__"}:
            at = i + 1
    return at


def _without(
    statement: cst.SimpleStatementLine | cst.BaseCompoundStatement, gone: set[int]
) -> cst.SimpleStatementLine | cst.BaseCompoundStatement | None:
    """Return a line without some of the names that it imports; None if there are no others."""
    if not gone or not isinstance(statement, cst.SimpleStatementLine):
        return statement
    line = statement.body[0]
    every = _names(line)
    names = [alias for i, alias in enumerate(every) if i not in gone]
    if not names:
        return None
    names[-1] = names[-1].with_changes(comma=every[-1].comma)
    return statement.with_changes(body=[line.with_changes(names=names)])
