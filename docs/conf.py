"""How Sphinx builds the site: `make docs`, into build/site."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "site"), *(str(HERE.parent / name) for name in ("", "envs", "agents"))]

import b2m_drive  # noqa: E402

project = "b2m-drive"
author = "the b2m-drive contributors"
copyright = author
release = version = b2m_drive.__version__

extensions = [
    "myst_nb",  # and, by it, myst_parser
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "markdown_docstrings",
    "native_equations",
    "pages_of_code",
]
exclude_patterns = ["site/*.py", "**/.ipynb_checkpoints"]
nb_execution_mode = "off"  # scripts/run_notebooks.py keeps what they showed
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist", "fieldlist"]
myst_heading_anchors = 4
default_role = "code"
viewcode_follow_imported_members = False  # names are documented where they are at home
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
add_module_names = False
python_maximum_signature_line_length = 88
copybutton_prompt_text = ">>> |\\.\\.\\. |\\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"b2m-drive {release}"
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["clips", "site/site.css"]
html_css_files = ["site.css"]
