"""What this program uses of Typer's private parts, named here and nowhere else.

Typer carries a copy of Click inside, and offers no public way to its contexts, parameters and complaints.
When the bounds of `typer` in `pyproject.toml` are raised, look here first; a test holds the list of names.
"""

from __future__ import annotations

from typer._click import Command, Context, HelpFormatter, Parameter
from typer._click.exceptions import BadParameter, ClickException, NoSuchOption, UsageError
from typer._click.types import FLOAT
from typer._types import TyperChoice

__all__ = [
    "FLOAT",
    "BadParameter",
    "ClickException",
    "Command",
    "Context",
    "HelpFormatter",
    "NoSuchOption",
    "Parameter",
    "TyperChoice",
    "UsageError",
]
