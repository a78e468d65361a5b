"""The examples as a gallery: each with what it prints and, where there is something, a picture.

The programs in ``examples`` stay what they are. For the gallery each is copied with a line under
its title, which makes it a heading, and with the cell of ``docs/site/after`` that draws its result.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from lossary.files import write_whole

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
AFTER = HERE / "after"
STAGED = HERE.parent / "build" / "examples"
THUMBNAIL = HERE.parent / "build" / "shown.png"  # of what is not run
HEADER = """Examples
========

Whole programs, from ``examples/``, with what they print. Those that need data which you have to
download, or several processes, are shown without being run.
"""
SHOWN_ONLY = ("cifar10", "processes")  # want a download, and processes that start the program anew
FIRST_LINE = re.compile(r'^"""(.+)\n')
NOT_OF_THE_PAGE = re.compile(r"^# ruff: .*\n", re.MULTILINE)

SETTINGS = {
    "examples_dirs": [str(STAGED)],
    "gallery_dirs": ["gallery"],
    "filename_pattern": rf"/(?!(?:{'|'.join(SHOWN_ONLY)})\.py)\w+\.py$",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "write_computation_times": False,
    "capture_repr": (),
    "matplotlib_animations": False,
    "copyfile_regex": "",
    "default_thumb_file": str(THUMBNAIL),
    "image_scrapers": ("matplotlib",),
    "reset_modules": (),
    "parallel": False,
}


def staged(name: str) -> str:
    """Return an example as the gallery wants it.

    Raises:
        ValueError: if its docstring does not begin with a title.
    """
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    found = FIRST_LINE.match(text)
    if found is None:
        raise ValueError(
            f"examples/{name}.py must begin with a docstring whose first line is a title"
        )
    title = found[1].rstrip(".")
    text = f'r"""{title}\n{"=" * len(title)}\n{text[found.end() :]}'
    cell = AFTER / f"{name}.py"
    if cell.exists():
        text += "\n" + NOT_OF_THE_PAGE.sub("", cell.read_text(encoding="utf-8")).lstrip()
    return text


def write(app: Sphinx) -> None:
    """Copy the examples to where sphinx-gallery reads them."""
    shutil.rmtree(STAGED / "runs", ignore_errors=True)  # resume.py would go on with the last one
    STAGED.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(4, 2.8), facecolor="#f3f4f6")
    figure.text(0.5, 0.5, "shown, not run", ha="center", va="center", color="#555", fontsize=22)
    write_whole(THUMBNAIL, lambda path: figure.savefig(path, format="png"))
    wanted = {STAGED / "GALLERY_HEADER.rst": HEADER}
    for path in sorted(EXAMPLES.glob("*.py")):
        wanted[STAGED / path.name] = staged(path.stem)
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text)
    for path in STAGED.glob("*.py"):
        if path not in wanted:
            path.unlink()


def setup(app: Sphinx) -> ExtensionMetadata:
    """Copy before sphinx-gallery looks, which is at the same event with a later priority."""
    app.connect("builder-inited", write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
