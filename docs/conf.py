"""How Sphinx builds the site: `make docs`. Nothing is loaded from the network, then or later."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "site"))

from gallery import SETTINGS  # noqa: E402 - the path has to be set first

project = "Lossary"
author = "the authors of Lossary"
version = release = installed_version("lossary")
html_title = "Lossary"
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml_renderer",
    "loss_pages",
    "project_pages",
    "gallery",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".markdown": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["build", "site", "_static"]

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_type_aliases = {"Reduction": "Reduction"}
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
add_module_names = False
napoleon_numpy_docstring = False
napoleon_use_rtype = False

sphinx_gallery_conf = SETTINGS

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["losses.js"]
html_show_search_summary = False  # a page opened from the disk may not read its neighbours
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
