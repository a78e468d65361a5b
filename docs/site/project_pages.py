"""What the code host shows at the top, as pages of the site; and links that work in both places."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]  # has no annotations
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from lossary import catalog
from lossary.files import write_whole

ROOT = Path(__file__).parent.parent.parent
FOLDER = "project"
SUFFIX = ".markdown"
MARKDOWN = (".md", SUFFIX)
LIST = """Decisions
=========

.. toctree::
   :glob:

   /decisions/*
"""
PAGES = tuple(sorted(path.name for path in ROOT.glob("*.md")))
NAMES = "|".join(re.escape(page.removesuffix(".md")) for page in PAGES)
EXAMPLE = re.compile(r"\]\((?:\.\./)*examples/(\w+)\.py\)")
EXAMPLES = re.compile(r"\]\((?:\.\./)*examples/?\)")
OF_PROJECT = re.compile(rf"\]\((?:\.\./)+({NAMES})\.md((?:#[^)]*)?)\)")
DECISIONS = re.compile(r"\]\((?:\.\./)*decisions/?\)")
FROM_THE_TOP = re.compile(r"\]\((?:\./)?docs/")
ENTRY = re.compile(r"^((?:concepts|zh|project)/[\w.*-]+)\n", re.MULTILINE)
EMPTY_LIST = re.compile(r"^```\{toctree\}\n(?::.*\n)*\n*```\n", re.MULTILINE)
BESIDE = re.compile(rf"\]\(({NAMES})\.md((?:#[^)]*)?)\)")


def write(app: Sphinx) -> None:
    """Copy the pages of the project into the site, with their links to the documents."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    wanted = {folder / "decisions.rst": LIST}
    for name in PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        # under another suffix: the tests of links in Markdown files would read these copies too
        wanted[folder / name.replace(".md", SUFFIX)] = FROM_THE_TOP.sub("](../", text)
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text)


def led_inside(text: str, page: str) -> str:
    """Return a page whose links to examples and to pages of the project lead into the site.

    >>> led_inside("see [it](../examples/gan.py) and [us](../CONTRIBUTING.md#set-up)", "training")
    'see [it](/gallery/gan.rst) and [us](/project/CONTRIBUTING.markdown#set-up)'
    """
    if page == "index":  # the code host has the table only
        text = text.replace("](losses.md)", "](/loss/index.rst)")
    text = EXAMPLE.sub(r"](/gallery/\1.rst)", text)
    text = EXAMPLES.sub("](/gallery/index.rst)", text)
    text = OF_PROJECT.sub(rf"](/{FOLDER}/\1{SUFFIX}\2)", text)
    text = DECISIONS.sub(f"](/{FOLDER}/decisions.rst)", text)
    return (
        BESIDE.sub(rf"](/{FOLDER}/\1{SUFFIX}\2)", text) if page.startswith(f"{FOLDER}/") else text
    )


def without_missing_pages(text: str, folder: Path) -> str:
    """Return a page whose lists leave out what is not there yet, so that nothing depends on it.

    Sphinx warns of such entries, and its warning of an empty ``*`` has no type to leave it out by.
    """

    def kept(found: re.Match[str]) -> str:
        return found[0] if any(folder.glob(f"{found[1]}.*")) else ""

    text = ENTRY.sub(kept, text)
    return EMPTY_LIST.sub("", text)


def on_source(app: Sphinx, page: str, source: list[str]) -> None:
    """Change the links of a Markdown page before it is read."""
    if app.env.doc2path(page).suffix in MARKDOWN:
        source[0] = without_missing_pages(led_inside(source[0], page), Path(app.srcdir))


@functools.cache
def _names() -> dict[str, str]:
    """Return the page of every loss, by the names of its function and of its Module."""
    found = {spec.module.__name__: spec.name for spec in catalog()}
    return {**found, **{spec.name: spec.name for spec in catalog()}}


def on_doctree(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Link the names of losses in Markdown pages to their pages."""
    if app.env.doc2path(page).suffix not in MARKDOWN:
        return
    for code in list(tree.findall(nodes.literal)):
        name = _names().get(code.astext().removeprefix("lossary."))
        inside: nodes.Node | None = code
        while inside and not isinstance(inside, nodes.reference | nodes.title):
            inside = inside.parent
        if inside is None and name is not None:
            where = app.builder.get_relative_uri(page, f"loss/{name}")
            link = nodes.reference("", "", code.deepcopy(), internal=True, refuri=where)
            code.replace_self(link)


def on_page(
    app: Sphinx, page: str, template: str, context: dict[str, object], tree: nodes.document | None
) -> None:
    """Say in which language a translated page is written."""
    if page.startswith("zh/") or "zh-CN" in page:
        context["language"] = "zh-CN"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect all of it."""
    app.connect("builder-inited", write)
    app.connect("source-read", on_source)
    app.connect("doctree-resolved", on_doctree)
    app.connect("html-page-context", on_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
