"""The site in docs/, which `make docs` builds with Sphinx."""

import pathlib
import sys

import plackett

EXTENSIONS = pathlib.Path(__file__).with_name("_extensions")
sys.path.insert(0, str(EXTENSIONS))

project = "plackett"
author = "the plackett authors"
release = version = plackett.__version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design", "names", "docstrings"]
exclude_patterns = ["_build"]
nitpicky = True
smartquotes = False  # quotes in prose are often code

# Markdown.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
highlight_language = "text"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Docstrings say what the arguments are, so signatures hold names and defaults alone.
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
maximum_signature_line_length = 80
add_module_names = False
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"

# The look. Nothing is fetched from other servers.
html_theme = "pydata_sphinx_theme"
html_title = "plackett"
html_theme_options = {
    "logo": {"text": "plackett"},
    "navbar_center": [],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["sphinx-version"],
    "footer_end": ["theme-version"],
    "show_toc_level": 2,
    "use_edit_page_button": False,
}
html_sidebars = {"**": ["all-pages"]}
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(EXTENSIONS / "scorer.js")
templates_path = ["_templates"]

# `make check-links` asks the servers.
linkcheck_timeout = 30
linkcheck_retries = 2
linkcheck_anchors = False
