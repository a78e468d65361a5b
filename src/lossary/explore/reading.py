"""Docstrings, read: what a loss is, when to use it, its arguments and its source."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape

from .formula import mathml

SECTION = re.compile(r"^(Args|References|Source|Raises|Returns|Shape|Attributes|Example\w*):\s*$")
MARKUP = re.compile(r":(\w+):`([^`]*)`|``([^`]*)``|\*([^*\s][^*]*)\*", re.DOTALL)
NAMED = re.compile(r"^(\w+): (.*)$")


@dataclass(frozen=True)
class Reading:
    """The parts of a docstring, as HTML.

    Attributes:
        what: the first paragraph, with the formula.
        when: the second, which says when to use it and when not.
        more: the paragraphs after that.
        arguments: what each argument is.
        references: where it comes from.
    """

    what: str = ""
    when: str = ""
    more: tuple[str, ...] = ()
    arguments: dict[str, str] = field(default_factory=dict)
    references: str = ""


def read(doc: str) -> Reading:
    """Take a docstring of this library's form apart; other docstrings give their paragraphs."""
    sections: dict[str, list[str]] = {"": []}
    name = ""
    for line in doc.splitlines():
        if line.startswith(">>>"):
            name = "examples"
        elif found := SECTION.match(line):
            name = found[1]
        sections.setdefault(name, []).append("" if SECTION.match(line) else line)
    paragraphs = [p for p in re.split(r"\n\s*\n", "\n".join(sections[""]).strip()) if p.strip()]
    told = [marked(p) for p in paragraphs]
    return Reading(
        told[0] if told else "",
        told[1] if len(told) > 1 else "",
        tuple(told[2:]),
        _arguments(sections.get("Args", [])),
        marked(" ".join(line.strip() for line in sections.get("References", [])).strip()),
    )


def _arguments(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        start = NAMED.match(line.strip()) if indent <= 4 else None
        if start:
            last = start[1]
            found[last] = start[2]
        elif last and line.strip():
            found[last] += f" {line.strip()}"
    return {name: marked(text) for name, text in found.items()}


def marked(text: str) -> str:
    """Return text as HTML, with formulas as MathML."""

    def shown(found: re.Match[str]) -> str:
        role, inside, code, emphasis = found.groups()
        if role == "math":
            return mathml(inside)
        if role:
            return f"<code>{escape(inside.lstrip('~').removeprefix('lossary.'))}</code>"
        if code is not None:
            return f"<code>{escape(code)}</code>"
        return f"<em>{escape(emphasis)}</em>"

    out, end = [], 0
    for found in MARKUP.finditer(text):
        out += [escape(text[end : found.start()]), shown(found)]
        end = found.end()
    return " ".join("".join([*out, escape(text[end:])]).split())
