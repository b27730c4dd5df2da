"""Sphinx, for `make docs`. The Python reference comes from the docstrings."""

from __future__ import annotations

import logging
from typing import Any

import wazero

project = "wazero for Python and C"
author = "the authors of wazero for Python and C"
version = release = wazero.version()

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 2  # cli.md links to a section of run.md
exclude_patterns = ["_build"]
autodoc_member_order = "groupwise"
autodoc_typehints = "none"

html_theme = "alabaster"
html_theme_options = {
    "description": "WebAssembly with wazero, from Python and C",
    "page_width": "64em",
    "sidebar_width": "14em",
}
html_show_sourcelink = False


def as_plain_text(
    app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Docstrings are plain text: nothing in them is markup."""
    for number, line in enumerate(lines):
        for character in "\\*`|":
            line = line.replace(character, "\\" + character)
        lines[number] = line


def class_signature(
    app: Any,
    what: str,
    name: str,
    obj: object,
    options: Any,
    signature: str | None,
    annotation: str | None,
) -> tuple[str | None, str | None] | None:
    """Classes that only wazero makes are shown without a constructor."""
    if what == "class" and signature in ("(*args, **kwargs)", "()"):
        return "", None
    return None


def is_worth_a_warning(record: logging.LogRecord) -> bool:
    """Function has a __signature__ for its objects, which the class itself has not."""
    return "Failed to get a constructor signature" not in record.getMessage()


def setup(app: Any) -> None:
    logging.getLogger("sphinx.sphinx.ext.autodoc").addFilter(is_worth_a_warning)
    app.connect("autodoc-process-docstring", as_plain_text)
    app.connect("autodoc-process-signature", class_signature)
