"""What a translation did, what it left alone, and what to look at."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Change:
    """A name or a call that was rewritten.

    Attributes:
        line: where it was, counted from 1.
        before: its name as it was written.
        after: its name now.
        note: what to know of a loss of Lossary; or why ``lossary.migrate`` keeps it, and what would
            change with Lossary's own.
        kept: whether it is now a name of ``lossary.migrate``, which gives the framework's numbers.
    """

    line: int
    before: str
    after: str
    note: str = ""
    kept: bool = False


@dataclass(frozen=True, order=True)
class Left:
    """Something that was not rewritten.

    Attributes:
        line: where it is.
        name: its name as it is written.
        reason: why it was left alone, or what to do.
    """

    line: int
    name: str
    reason: str


@dataclass(frozen=True, order=True)
class Finding:
    """A line that is probably wrong, with or without Lossary, or works only after more changes.

    Attributes:
        line: where it is.
        text: what is wrong, and what would be right.
    """

    line: int
    text: str


@dataclass(frozen=True)
class Translation:
    """A translated script.

    Attributes:
        source: the script as it was.
        code: the script as it is now.
        changes: what was rewritten.
        left: what was left alone.
        warnings: what to look at.
        filename: its name.
    """

    source: str
    code: str
    changes: tuple[Change, ...] = ()
    left: tuple[Left, ...] = ()
    warnings: tuple[Finding, ...] = ()
    filename: str = "<script>"

    def diff(self) -> str:
        """Return the difference in the unified format; empty if there is none."""
        before, after = (
            [line if line.endswith("\n") else f"{line}\n" for line in text.splitlines(True)]
            for text in (self.source.replace("\r\n", "\n"), self.code.replace("\r\n", "\n"))
        )
        names = f"a/{self.filename}", f"b/{self.filename}"
        return "".join(difflib.unified_diff(before, after, *names))

    def report(self) -> str:
        """Return what was done, what was not, and what to look at, as plain text."""
        equal = [_change(c) for c in self.changes if not c.kept]
        kept = [_change(c) for c in self.changes if c.kept]
        sections = (
            ("Now Lossary's own, with the same number", _merged(equal)),
            ("Now lossary.migrate, which keeps the number", _merged(kept)),
            ("Left alone", _merged([(x.line, x.name, x.reason) for x in self.left])),
            ("Look at these lines", _merged([(x.line, x.text, "") for x in self.warnings])),
        )
        counts = f"{len(self.changes)} changed, {len(self.left)} left alone"
        lines = [f"{self.filename}: {counts}"]
        for title, entries in sections:
            if entries:
                lines += ["", f"{title}:", *entries]
        if equal:
            lines += ["", EVERYWHERE]
        return "\n".join(lines) + "\n"


EVERYWHERE = (
    "Of Lossary's own losses, everywhere: the mean of nothing is 0, not nan; shapes that would\n"
    "broadcast, samples without a batch, and labels out of range are errors: docs/migrating.md."
)


def _change(change: Change) -> tuple[int, str, str]:
    return change.line, f"{change.before} -> {change.after}", change.note


def _merged(entries: list[tuple[int, str, str]]) -> list[str]:
    """Say once what holds for several lines."""
    where: dict[tuple[str, str], list[int]] = {}
    for line, text, note in sorted(entries):
        where.setdefault((text, note), []).append(line)
    out = []
    for (text, note), numbers in where.items():
        found = ", ".join(str(number) for number in dict.fromkeys(numbers))
        out.append(f"  line {found}: {text}" if len(numbers) == 1 else f"  lines {found}: {text}")
        out += [f"      {note}"] if note else []
    return out
