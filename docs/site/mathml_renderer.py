"""A Sphinx extension: formulas become MathML while building, so that pages load nothing.

Sphinx's own renderers load a script from the network or call LaTeX. Every browser of today draws
MathML by itself, and :func:`lossary.explore.formula.mathml` writes it.
"""

from __future__ import annotations

from docutils import nodes  # type: ignore[import-untyped]  # has no annotations
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

from lossary.explore import formula
from lossary.explore.formula import mathml

LOG = logging.getLogger(__name__)
KNOWN = {
    *formula.GREEK,
    *formula.SIGNS,
    *formula.WORDS,
    *formula.ACCENTS,
    *formula.SPACES,
    *formula.SIZES,
    *formula.STYLES,
    *("frac", "tfrac", "dfrac", "binom", "sqrt"),
}


def unknown_commands(tex: str) -> list[str]:
    r"""Return the commands of a formula that would be drawn by their names.

    >>> unknown_commands(r"\log p \gg \begin{cases}")
    ['begin', 'gg']
    """
    found = (t[1:] for t in formula.TOKEN.findall(tex) if t.startswith("\\") and not t.isspace())
    return sorted({name for name in found if name.strip() and name not in KNOWN})


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(_checked(node))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on lines of its own."""
    made = _checked(node).replace("<math>", '<math display="block">', 1)
    self.body.append(f'<div class="math">{made}</div>\n')
    raise nodes.SkipNode


def _checked(node: nodes.math | nodes.math_block) -> str:
    tex = node.astext()
    if unknown := unknown_commands(tex):
        LOG.warning(
            "the formula %r has commands that lossary.explore.formula does not know: %s",
            tex,
            ", ".join(unknown),
            location=node,
            type="lossary",
            subtype="formula",
        )
    return mathml(tex)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the renderer as ``html_math_renderer = "mathml"``."""
    try:
        app.add_html_math_renderer("mathml", (inline, None), (block, None))
    except ExtensionError as error:
        raise ExtensionError(f"another extension already draws formulas: {error}") from error
    return {"parallel_read_safe": True, "parallel_write_safe": True}
