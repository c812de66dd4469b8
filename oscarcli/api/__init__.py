"""OSCAR's REST API: one file a resource, functions named after the verbs. The home of httpx."""

import sys

# Where click is installed, importing httpx brings the command line it has of its own, and with it rich:
# half of what it costs. It takes an import error there for "not installed".
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
