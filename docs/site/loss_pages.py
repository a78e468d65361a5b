"""A page for every loss, a page for every family, and a list of all, written from the SPECs.

The pages go into ``docs/loss``, which git ignores. A page that has not changed is not written
again, so that Sphinx reads only those that have, and a picture is drawn anew only when the code
that it is made of changed.
"""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import torch
from docutils import nodes  # type: ignore[import-untyped]  # has no annotations
from pictures import Picture, fingerprint, picture
from sphinx.application import Sphinx
from sphinx.util.display import status_iterator
from sphinx.util.typing import ExtensionMetadata
from torch import Tensor

from lossary import catalog
from lossary.check import subject_of
from lossary.files import write_whole
from lossary.losses import __name__ as LOSSES
from lossary.signature import Operand
from lossary.spec import LossSpec, Trait

DOCS = Path(__file__).parent.parent
FOLDER = "loss"
VERIFICATION = DOCS / "verification.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (\S+) \| (\S+) \|$", re.MULTILINE)
BEYOND = (-1.0, 0.0, 2.0, 1e9)  # one of these lies outside every interval that has an end

# Names of packages, as the first word of a source in docs/verification.md.
PACKAGES = {
    "auraloss": "auraloss",
    "coral": "coral-pytorch",
    "entmax": "entmax",
    "kornia": "Kornia",
    "libauc": "LibAUC",
    "liger": "Liger Kernel",
    "monai": "MONAI",
    "optax": "Optax",
    "pml": "PyTorch Metric Learning",
    "pot": "POT",
    "properscoring": "properscoring",
    "scikit": "scikit-learn",
    "scipy": "SciPy",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "statsmodels": "statsmodels",
    "torch": "PyTorch",
}
LONGER = {
    "pytorch_crf": "pytorch-crf",
    "pytorch_metric_learning": "PyTorch Metric Learning",
    "pytorch_msssim": "pytorch-msssim",
}
PAPER = "the paper's equation, transcribed in the tests"
TRAITS = {
    Trait.NONNEGATIVE: "never below zero",
    Trait.ZERO_AT_TARGET: "zero where the input equals the target",
    Trait.SYMMETRIC: "the same if its first two tensors are swapped",
    Trait.CONVEX: "convex in its first tensor",
    Trait.SHIFT_INVARIANT: "the same if a constant is added to all logits of a unit",
    Trait.NOT_DIFFERENTIABLE: "a metric, which carries no gradient",
    Trait.RANDOM: "draws random numbers; give a `generator` to repeat them",
}
DOMAINS = {
    "real": "any numbers",
    "nonneg": "finite numbers, none below 0",
    "prob": "probabilities",
    "logprob": "logarithms of probabilities",
    "sign": "labels -1 and 1",
    "label": "class indices",
    "count": "whole numbers",
    "weight": "weights",
    "fn": "a function or module",
}


class Check(NamedTuple):
    """What a loss was held against, and the largest relative differences."""

    source: str
    value: str
    gradient: str


@functools.cache
def verified() -> dict[str, list[Check]]:
    """Return the rows of docs/verification.md, by loss."""
    found: dict[str, list[Check]] = {}
    for name, *cells in ROW.findall(VERIFICATION.read_text(encoding="utf-8")):
        found.setdefault(name, []).append(Check(*cells))
    return found


def source_name(source: str) -> str:
    """Return what people call a source.

    >>> source_name("monai_segmentation"), source_name("pytorch_crf")
    ('MONAI', 'pytorch-crf')

    Raises:
        KeyError: if the source is a package that PACKAGES does not name.
    """
    first = source.partition("_")[0]
    return PAPER if first == "papers" else LONGER.get(source) or PACKAGES[first]


def family_says(family: str) -> str:
    """Return what a family says of itself."""
    return (import_module(f"{LOSSES}.{family}").__doc__ or "").strip()


def paper_link(paper: str) -> str:
    """Return a source as reST, linked where it is an arXiv number or a DOI.

    >>> paper_link("arXiv:1708.02002")
    '`arXiv:1708.02002 <https://arxiv.org/abs/1708.02002>`__'
    """
    kind, _, number = paper.partition(":")
    hosts = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
    if kind not in hosts:
        return paper.replace("*", r"\*")
    shown = paper.replace("<", r"\<").replace(">", r"\>")
    return f"`{shown} <{hosts[kind]}{quote(number, safe='/():;')}>`__"


def first_paragraph(spec: LossSpec) -> str:
    """Return what a loss is, on one line of reST."""
    doc = inspect.getdoc(spec.function) or ""
    return " ".join(doc.split("\n\n")[0].split())


def takes(spec: LossSpec) -> Iterator[str]:
    """Yield a line per tensor: its name, its domain in words, its shape."""
    for name, alternatives in zip(spec.signature.names, spec.signature.operands, strict=True):
        yield f"``{name}``: " + ", or ".join(_said(operand) for operand in alternatives)


def _said(operand: Operand) -> str:
    words = DOMAINS[operand.domain]
    if operand.whole and operand.over:
        upto = "to" if operand.domain == "count" else "below"
        words += f" {upto} the size of {operand.over}"
    if operand.domain == "fn":
        return words
    return f"{words}, of shape ``{_shape(operand.dims)}``" if operand.dims else f"{words}, one"


def _shape(dims: tuple[str, ...]) -> str:
    names = ", ".join("..." if dim == "*" else dim for dim in dims)
    return f"({names},)" if len(dims) == 1 and dims != ("*",) else f"({names})"


def errors(spec: LossSpec) -> list[str]:
    """Return what the loss says to values and shapes that it does not take: real messages."""
    said = []
    for name, interval in spec.signature.intervals.items():
        outside = next((value for value in BEYOND if value not in interval), None)
        if outside is not None:
            try:
                spec.signature.check_hyperparameters({name: outside})
            except ValueError as error:
                said.append(f"ValueError: {error}")
    tensors = tuple(subject_of(spec).example(seed=0))
    for place in reversed(range(len(tensors))):
        given = tensors[place]
        if isinstance(given, Tensor) and given.ndim:
            told = _refusal(spec, (*tensors[:place], given[:-1], *tensors[place + 1 :]))
            if told:
                return [*said, told]
    # any shape will do: then it says which dtype it wants
    place = next(i for i, given in enumerate(tensors) if isinstance(given, Tensor))
    told = _refusal(spec, (*tensors[:place], tensors[place].long(), *tensors[place + 1 :]))
    return [*said, told] if told else said


def _refusal(spec: LossSpec, tensors: tuple[Any, ...]) -> str:
    """Return what a loss says to tensors that it does not take, or "" if it takes them."""
    try:
        with torch.no_grad():
            spec.function(*tensors, **spec.variants[0])
    except (ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    except RuntimeError:  # of a function of the user's, which no signature describes
        return ""
    return ""


def relatives(spec: LossSpec) -> tuple[list[LossSpec], list[LossSpec]]:
    """Return the losses that take the same tensors, and the others of the family."""
    others = [other for other in catalog() if other is not spec and other.family == spec.family]
    left = spec.signature.left
    return (
        [other for other in others if other.signature.left == left],
        [other for other in others if other.signature.left != left],
    )


def page(spec: LossSpec, drawn: Picture | None) -> str:
    """Return the page of a loss as reST."""
    name, module = spec.name, spec.module.__name__
    lines = [
        # in no toctree: the sidebar of every page would list all losses, and take most of the time
        ":orphan:",
        "",
        ".. meta::",
        f"   :description: {name}: a {_words(spec.family)} loss for PyTorch",
        "",
        *_title(name, "="),
        ".. currentmodule:: lossary",
        "",
        ".. rst-class:: crumbs",
        "",
        f":doc:`Losses </{FOLDER}/index>` / "
        f":doc:`{_words(spec.family)} </{FOLDER}/family/{spec.family}>`",
        "",
        ".. rst-class:: lead",
        "",
        first_paragraph(spec),
        "",
        *_picture(drawn),
        *_facts(spec),
        *_title("Function", "-"),
        f".. autofunction:: lossary.{name}",
        "",
        *_title("Module", "-"),
        f".. autoclass:: lossary.{module}",
        "   :no-undoc-members:",
        "",
        *_hyperparameters(spec),
        *_errors(spec),
        *_checks(spec),
        *_code(spec),
        *_related(spec),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _words(family: str) -> str:
    return family.replace("_", " ")


def _title(text: str, line: str) -> list[str]:
    return [text, line * len(text), ""]


def _picture(drawn: Picture | None) -> list[str]:
    if drawn is None:
        return []
    whole = f'<figure class="loss">\n{drawn.svg}\n<figcaption>{drawn.says}</figcaption>\n</figure>'
    return [".. raw:: html", "", textwrap.indent(whole, "   "), ""]


def _facts(spec: LossSpec) -> list[str]:
    dims = spec.signature.unit
    unit = f"one loss for each of ``{_shape(dims)}``" if dims else "one loss for the whole batch"
    traits = [words for trait, words in TRAITS.items() if trait in spec.traits]
    lines = [
        f":Family: :doc:`{_words(spec.family)} </{FOLDER}/family/{spec.family}>`",
        f":Module: :class:`{spec.module.__name__} <lossary.{spec.module.__name__}>`",
        ":Takes: " + "; ".join(takes(spec)),
        f":Unit: {unit} (``{spec.signature.text}``, see :doc:`/conventions`)",
    ]
    if spec.owned:
        held = ", ".join(f"``{name}``" for name in spec.owned)
        lines.append(f":Owned: the Module holds {held} itself")
    if traits:
        lines.append(":Checked claims: " + "; ".join(traits).replace("`", "``"))
    lines.append(f":Source: {paper_link(spec.paper)}")
    path = spec.function.__module__.replace(".", "/")
    lines.append(f":Implemented in: ``src/{path}.py``")
    return [*lines, ""]


def _hyperparameters(spec: LossSpec) -> list[str]:
    intervals = spec.signature.intervals
    if not intervals:
        return []
    parameters = inspect.signature(spec.function).parameters
    lines = [*_title("Hyperparameters", "-"), ".. list-table::", "   :header-rows: 1", ""]
    rows = [("name", "default", "may be")]
    for name, interval in intervals.items():
        default = parameters[name].default
        shown = "given by you" if default is inspect.Parameter.empty else f"``{default!r}``"
        rows.append(
            (f"``{name}``", shown, f"{'a whole number in ' * interval.whole}{interval.text}")
        )
    return [*lines, *_rows(rows), ""]


def _rows(rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"   {'*' if i == 0 else ' '} - {cell}" for row in rows for i, cell in enumerate(row)]


def _errors(spec: LossSpec) -> list[str]:
    said = errors(spec)
    if not said:
        return []
    return [
        *_title("Errors", "-"),
        "Shapes, dtypes and values are checked before the formula runs. For example:",
        "",
        ".. code-block:: text",
        "   :class: wraps",
        "",
        *(f"   {line}" for line in said),
        "",
    ]


def _checks(spec: LossSpec) -> list[str]:
    found = verified().get(spec.name, [])
    if not found:
        return []
    rows = [("implementation", "value", "gradient")]
    rows += [(source_name(c.source), _short(c.value), _short(c.gradient)) for c in found]
    return [
        *_title("Verified against", "-"),
        "The largest relative differences in double precision; see :doc:`/verification`.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        *_rows(rows),
        "",
    ]


def _short(number: str) -> str:
    return {"0e+00": "none", "-": "not compared"}.get(number, number)


def _code(spec: LossSpec) -> list[str]:
    """Show the function without its docstring, which the page has already."""
    source = inspect.getsource(inspect.unwrap(spec.function))
    bare = re.sub(r'\n    r?""".*?"""', "", source, count=1, flags=re.DOTALL)
    return [
        *_title("Code", "-"),
        ".. code-block:: python",
        "",
        textwrap.indent(bare.rstrip(), "   "),
        "",
    ]


def _related(spec: LossSpec) -> list[str]:
    same, others = relatives(spec)
    if not same and not others:
        return []
    lines = _title("Related", "-")
    if same:
        lines += ["Take the same tensors: " + ", ".join(map(link, same)) + ".", ""]
    if others:
        lines += [f"Others of {_words(spec.family)}: " + ", ".join(map(link, others)) + ".", ""]
    return lines


def link(spec: LossSpec) -> str:
    """Return a link to the page of a loss."""
    return f":doc:`{spec.name} </{FOLDER}/{spec.name}>`"


def family_page(family: str, specs: list[LossSpec]) -> str:
    """Return the page of a family: what it is, and its losses."""
    lines = [*_title(_words(family), "="), family_says(family), ""]
    return "\n".join([*lines, ".. currentmodule:: lossary", "", *_table(specs)]) + "\n"


def _table(specs: list[LossSpec]) -> list[str]:
    rows = [("loss", "what it is", "takes")]
    rows += [(link(s), first_paragraph(s), f"``{s.signature.left}``") for s in specs]
    lines = [".. list-table::", "   :class: losses", "   :header-rows: 1", "   :widths: 26 50 24"]
    return [*lines, "", *_rows(rows), ""]


def index_page() -> str:
    """Return the list of families, and of all losses."""
    families = {f: list(specs) for f, specs in groupby(catalog(), key=lambda spec: spec.family)}
    lines = [*_title("Losses by family", "=")]
    lines += [
        f"{len(catalog())} losses in {len(families)} families, each under one contract "
        "(:doc:`/conventions`). Type to find one by its name, by what it is, or by what it takes.",
        "",
        ".. currentmodule:: lossary",
        "",
    ]
    for family, specs in families.items():
        lines += _title(_words(family), "-")
        told = f":doc:`{len(specs)} losses <family/{family}>`"
        lines += [f"{family_says(family)} {told}", "", *_table(specs)]
    lines += [".. toctree::", "   :hidden:", ""]
    lines += [f"   family/{family}" for family in families]
    return "\n".join(lines) + "\n"


def write(app: Sphinx) -> None:
    """Write the pages, and take away those of losses that are no more."""
    torch.set_num_threads(1)
    folder = Path(app.srcdir) / FOLDER
    pictures = Path(app.doctreedir).parent / "pictures"
    for place in (folder / "family", pictures):
        place.mkdir(parents=True, exist_ok=True)
    wanted = {folder / "index.rst": index_page()}
    for family, specs in groupby(catalog(), key=lambda spec: spec.family):
        wanted[folder / "family" / f"{family}.rst"] = family_page(family, list(specs))
    for spec in status_iterator(
        catalog(),
        "drawing losses... ",
        "purple",
        len(catalog()),
        app.verbosity,
        stringify_func=lambda spec: spec.name,
    ):
        wanted[folder / f"{spec.name}.rst"] = page(spec, drawn_once(spec, pictures))
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text)
    for path in folder.rglob("*.rst"):
        if path not in wanted:
            path.unlink()


def drawn_once(spec: LossSpec, folder: Path) -> Picture | None:
    """Return the picture of a loss, which is kept in a folder until its code changes."""
    kept, key = folder / f"{spec.name}.txt", fingerprint(spec)
    if kept.exists():
        was, says, svg = kept.read_text(encoding="utf-8").split("\n", 2)
        if was == key:
            return Picture(svg, says) if svg else None
    made = picture(spec)
    write_whole(kept, f"{key}\n" + (f"{made.says}\n{made.svg}" if made else "\n"))
    return made


def on_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Link the page of a loss to those before and behind it."""
    folder, _, name = page.rpartition("/")
    if folder != FOLDER or name == "index":
        return
    names = [spec.name for spec in catalog()]
    at = names.index(name)
    for key, place in (("prev", at - 1), ("next", at + 1)):
        if 0 <= place < len(names):
            context[key] = {"title": names[place], "link": f"{names[place]}.html"}


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the pages before Sphinx looks which there are."""
    app.connect("builder-inited", write)
    app.connect("html-page-context", on_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
