"""Settings of Sphinx for the documentation's site."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT))

project = "otel-mesh"
copyright = "otel-mesh, Apache-2.0"  # noqa: A001 - Sphinx's own name
release = tomllib.loads((_ROOT / "components" / "pyproject.toml").read_text())["project"]["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
    "docs.reference",
]
exclude_patterns = ["**/__pycache__"]
html_theme = "furo"
html_title = "otel-mesh"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
mermaid_height = "auto"
mermaid_fullscreen = False

myst_enable_extensions = ["colon_fence"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3

default_role = "py:obj"  # `Jaeger` in a docstring leads to the class
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 100
python_display_short_literal_types = True
