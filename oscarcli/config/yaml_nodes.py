"""The nodes of a YAML text. Apart from its changes, of which nothing is needed to read one."""

from __future__ import annotations

from typing import Any

from oscarcli.config.limits import check_size


def compose(text: str) -> Any:
    """Return the root node of a YAML text, `None` when it has none. Raises yaml.YAMLError, BeyondError."""
    import yaml

    # Before the parser that calls itself for each level, and can overflow the stack.
    check_size(text)
    return yaml.compose(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
