"""Configures Sphinx for `make site`. The pages stay in place, so that their links also work in the repository."""

import re
import sys
import warnings
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

import streamfsm
from streamfsm.machines.diagrams import svg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from generate import DRAWN, taken_by_recordings  # noqa: E402

project = "streamfsm"
author = "the streamfsm developers"
version = release = streamfsm.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
    "sphinx_copybutton",
]
root_doc = "docs/index"
include_patterns = ["docs/**", "*.md", "examples/captures/README.md", "conformance/*.md"]
exclude_patterns = [".*", "build", "dist", "mutants"]

myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]

autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "exclude-members": "model_config, model_post_init"}
always_use_bars_union = True
napoleon_numpy_docstring = False
suppress_warnings = [
    "config.cache",  # a function cannot be cached
    "sphinx_autodoc_typehints.forward_reference",  # in pydantic
    "sphinx_autodoc_typehints.guarded_import",
]
warnings.filterwarnings("ignore", module="sphinx_autodoc_typehints")  # it uses functions that Sphinx 10 removes

html_theme = "furo"
html_title = f"streamfsm {version}"
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_extra_path = ["extra"]
html_show_sphinx = False
html_copy_source = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def typehints_formatter(annotation: Any, _config: object) -> str | None:
    """Show the union of messages by its name, not by its members."""
    return ":data:`~streamfsm.StreamMessage`" if annotation is streamfsm.StreamMessage else None


class Mermaid(Directive):
    """Replaces the Mermaid picture of a machine by an SVG picture."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Draw the machine that the first line names: ``%% machine: NAME`` or ``%% machine: NAME recorded``."""
        name, *recorded = self.content[0].removeprefix("%% machine: ").split()
        table = DRAWN[name]
        drawing = svg(table, taken_by_recordings(table) if recorded else None)
        figure = f'<div class="picture" role="region" tabindex="0" aria-label="Diagram">{drawing}</div>'
        return [nodes.raw("", figure, format="html")]


def groups_of_the_index(_app: Sphinx, page: str, source: list[str]) -> None:
    """Turn the index's headings and links into the tree of pages; a missing link or page is an error."""
    if page != root_doc:
        return
    trees = []
    for group in re.split(r"^## ", source[0], flags=re.MULTILINE)[1:]:
        links = re.findall(r"\[([^]]+)\]\(([\w./-]+)\.(?:md|rst)\)", group)
        entries = [f"{title[0].upper()}{title[1:]} <{path}>" for title, path in links]
        trees += [f"```{{toctree}}\n:hidden:\n:caption: {group.splitlines()[0]}", *entries, "```\n"]
    source[0] += "\n" + "\n".join(trees)


def setup(app: Sphinx) -> None:
    """Register the extensions of this file."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", groups_of_the_index)
