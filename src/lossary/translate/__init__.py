r"""Translate training scripts of PyTorch, Paddle, MindSpore and Keras to Lossary.

Losses become Lossary's own where the number is the same, and those of ``lossary.migrate`` where it
is not; what is not known is left alone and listed.

>>> from lossary.translate import translate
>>> found = translate("from torch import nn\nloss = nn.CrossEntropyLoss(label_smoothing=0.1)\n")
>>> print(found.code)
import lossary
loss = lossary.CrossEntropyLoss(label_smoothing=0.1)
"""

from __future__ import annotations

import warnings

try:
    import libcst as _libcst
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f'this needs {missing.name}: pip install "lossary[translate]"', name=missing.name
    ) from missing

from . import imports as _imports
from .framework import Framework
from .keras import KERAS
from .loops import Loops
from .mindspore import MINDSPORE
from .paddle import PADDLE
from .paddleocr import PADDLEOCR
from .plan import Plan, Planner
from .pytorch import PYTORCH
from .references import Packages, Reference, References, Script, Uses
from .report import (
    Change as Change,
    Finding as Finding,
    Left as Left,
    Translation as Translation,
)
from .rewrite import Rewriter
from .scripts import (
    TranslateError as TranslateError,
    read_script as read_script,
    write_script as write_script,
)

FRAMEWORKS = (PYTORCH, PADDLE, PADDLEOCR, MINDSPORE, KERAS)


def translate(source: str, *, filename: str = "<script>") -> Translation:
    """Translate a script.

    Args:
        source: the text of the script.
        filename: its name, for the report.

    Raises:
        TranslateError: if it is no Python, imports none of the frameworks, or would be no Python
            afterwards.
    """
    try:
        _check(source, filename)
        module = _libcst.parse_module(source)
    except (SyntaxError, ValueError, _libcst.ParserSyntaxError) as error:
        raise TranslateError(f"{filename} is not a Python script: {error}") from error
    script = Script(module)
    imported = Packages()
    script.module.visit(imported)
    packages = imported.found
    frameworks = [f for f in FRAMEWORKS if packages & set(f.packages)]
    if not frameworks and "lossary" not in packages:
        known = ", ".join(f"{f.name} ({' or '.join(f.packages)})" for f in FRAMEWORKS)
        raise TranslateError(f"{filename} imports none of {known}: there is nothing to translate")
    uses, references, loops = Uses(), References(script, frameworks), Loops(script)
    for visitor in (uses, references, loops):
        script.module.visit(visitor)
    planner = Planner(references.found, uses)
    planned = [planner.plan(reference) for reference in references.found]
    plans = [plan for plan in planned if isinstance(plan, Plan)]
    left = [*references.left, *(found for found in planned if isinstance(found, Left))]
    found = _imports.decide(script, plans, uses)
    names: dict[_libcst.CSTNode, str] = {
        plan.reference.node: f"{found.aliases[plan.home]}.{plan.name}"
        for plan in plans
        if id(plan.reference.node) not in found.swapped
    }
    new = script.module.visit(Rewriter(names, plans))
    new = _imports.edit(new, found, {p for f in frameworks for p in f.packages})
    changes = (
        Change(p.reference.line, p.reference.text, f"{p.home}.{p.name}", p.note, p.kept)
        for p in plans
    )
    code = new.code
    try:
        _check(code, filename)
    except SyntaxError as error:
        raise TranslateError(
            f"the translation of {filename} would be no Python: {error}; the script stays as it is"
        ) from error
    return Translation(
        source,
        code,
        tuple(sorted(changes)),
        tuple(sorted(left)),
        tuple(sorted({*loops.found, *_cautions(frameworks, references.found, left)})),
        filename,
    )


def _check(source: str, filename: str) -> None:
    """Raise SyntaxError if it is no Python; nothing is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python warns of in the script is not ours to say
        compile(source, filename, "exec", dont_inherit=True)


def _cautions(
    frameworks: list[Framework], references: list[Reference], left: list[Left]
) -> list[Finding]:
    """Say once of each framework what has to be so that the script runs."""
    out = []
    for framework in frameworks:
        lines = [x.line for x in left if x.reason == framework.rest]
        if not framework.rest:
            lines = [x.line for x in references if x.framework is framework]
        if lines and framework.caution:
            out.append(Finding(min(lines), framework.caution))
    return out
