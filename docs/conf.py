"""How Sphinx builds this documentation: ``python -m sphinx -W -b html docs docs/_build/html``."""

import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# So that the documentation is that of this checkout, whatever is installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

from txami import __version__

project = "txami"
version = release = __version__
copyright = "the txami developers"
extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Asterisk's manager interface for Twisted", "page_width": "1000px"}
html_show_copyright = False
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("Names", "Observer", "Where", "Variables", "HeaderValue", "Fields")}
maximum_signature_line_length = 88

_REPR = re.compile(r"(?:<InterfaceClass [\w.]+\.|TypeAliasForwardRef\(')(\w+)(?:>|'\))")


def tidy_signature(*details: Any) -> tuple[str | None, str | None]:
    """Name interfaces and aliases as the source does, rather than by their ``repr``."""
    *_, arguments, result = details
    return arguments and _REPR.sub(r"\1", arguments), result and _REPR.sub(r"\1", result)


def setup(app: Sphinx) -> None:
    """Take part in the build."""
    app.connect("autodoc-process-signature", tidy_signature)
