"""From what a user wrote to what a particular server takes.

Facts: `oscar-api` 4.2 (expose), 10 (older servers).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from oscarcli.errors import RefusedError
from oscarcli.fdl.replacement import replacement

# Documented defaults that no server applies; without them an exposed service is refused.
EXPOSE_DEFAULTS = {"min_scale": 1, "max_scale": 10, "cpu_threshold": 80}
PORT_KEYS = ("api_port", "nodePort")
# Read by servers up to 4.0, which fill in the last two by themselves.
OLD_KEYS = ("replicas", "delegation", "rescheduler_threshold")
FIRST_WITH_PORT_LISTS = (4, 1, 0)


def has_ports(definition: Mapping[str, Any]) -> bool:
    """Tell whether the form of a definition depends on the server's version."""
    return any(key in (definition.get("expose") or {}) for key in PORT_KEYS)


def depends_on_version(definition: Mapping[str, Any]) -> bool:
    """Tell whether the form of a definition, or what a server reads of it, depends on its version."""
    return has_ports(definition) or any(key in definition for key in OLD_KEYS)


def to_server(
    definition: Mapping[str, Any], stored: Mapping[str, Any] | None, version: str | None
) -> dict[str, Any]:
    """Return the document to send.

    Args:
        definition: the service as the FDL has it.
        stored: what the server has under its name, `None` when nothing.
        version: the server's version; `None` when it does not matter.

    Raises:
        RefusedError: the server is too old for what the definition says.
    """
    document = copy.deepcopy(dict(definition))
    _complete_expose(document)
    if not takes_port_lists(version):
        _single_ports(document, str(version))
    if stored is not None:
        document = replacement(document, stored)
    return document


def _complete_expose(document: dict[str, Any]) -> None:
    expose = document.get("expose")
    if not expose:
        return
    if not any(expose.get("api_port") or []):
        # Port 0 means not exposed; servers differ in how they take it, an absent one they all understand.
        expose.pop("api_port", None)
        expose.pop("nodePort", None)
        return
    for key, value in EXPOSE_DEFAULTS.items():
        expose.setdefault(key, value)
    expose["max_scale"] = max(expose["max_scale"], expose["min_scale"])


def takes_port_lists(version: str | None) -> bool:
    """Tell whether ports are lists; a version that is no number is a development one, so a new one."""
    from oscarcli.api.system import server_version

    numbers = server_version(version)
    return numbers is None or numbers >= FIRST_WITH_PORT_LISTS


def reads_old_keys(version: str | None) -> bool:
    """Tell whether a server reads `OLD_KEYS`: they moved into `federation` when ports became lists."""
    return not takes_port_lists(version)


def _single_ports(document: dict[str, Any], version: str) -> None:
    expose = document.get("expose") or {}
    for key in PORT_KEYS:
        ports = expose.get(key)
        if ports is None:
            continue
        if len(ports) > 1:
            raise RefusedError(
                f"expose.{key} has {len(ports)} ports; OSCAR {version} takes one, 4.1 and newer several"
            )
        expose[key] = ports[0] if ports else 0
