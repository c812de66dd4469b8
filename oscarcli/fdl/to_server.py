"""From what a user wrote to what a particular server takes: version differences and the traps of PUT.

Facts: `oscar-api` 3.3 (PUT quirks), 4.2 (expose), 10 (older servers).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from oscarcli.errors import RefusedError

# Labels that the server adds when it creates a service and forgets when it replaces one.
SERVER_LABELS = (
    "oscar_service",
    "applicationId",
    "queue",
    "oscar.grycap/user-service",
    "owner_name",
    "vo",
    "uid",
    "kueue.x-k8s.io/queue-name",
)
# Annotations of a federation, which a server puts into the services it hands on.
SERVER_ANNOTATIONS = "oscar.grycap/"
# Documented defaults that no server applies; without them an exposed service is refused.
EXPOSE_DEFAULTS = {"min_scale": 1, "max_scale": 10, "cpu_threshold": 80}
PORT_KEYS = ("api_port", "nodePort")
# Read by servers up to 4.0, which fill in the last two by themselves.
OLD_KEYS = ("replicas", "delegation", "rescheduler_threshold")
FIRST_WITH_PORT_LISTS = (4, 1)


def has_ports(definition: Mapping[str, Any]) -> bool:
    """Tell whether the form of a definition depends on the server's version."""
    return any(key in (definition.get("expose") or {}) for key in PORT_KEYS)


def depends_on_version(definition: Mapping[str, Any]) -> bool:
    """Tell whether the form of a definition, or what a server reads of it, depends on its version."""
    return has_ports(definition) or any(key in definition for key in OLD_KEYS)


def sent(
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
        _keep_what_put_forgets(document, stored)
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
    found = re.match(r"v?(\d+)\.(\d+)", version or "")
    return found is None or (int(found[1]), int(found[2])) >= FIRST_WITH_PORT_LISTS


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


def _keep_what_put_forgets(document: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Add what PUT would reset although the user never set it."""
    for key in ("owner", "vo"):
        if stored.get(key) and not document.get(key):
            document[key] = stored[key]
    labels = stored.get("labels") or {}
    kept = {key: labels[key] for key in SERVER_LABELS if key in labels}
    if kept:
        document["labels"] = {**kept, **(document.get("labels") or {})}
    annotations = stored.get("annotations") or {}
    marks = {key: annotations[key] for key in annotations if key.startswith(SERVER_ANNOTATIONS)}
    if marks:
        document["annotations"] = {**marks, **(document.get("annotations") or {})}
    if "kserve" in document and "kserve" in stored:
        # The server drops false when it answers, takes its absence for true, and refuses a change.
        document["kserve"].setdefault("set_auth", bool((stored["kserve"] or {}).get("set_auth", False)))
    _keep_secrets(document, stored)


def _keep_secrets(document: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Leave secrets out that are names without values: sent, they would empty the stored ones."""
    secrets = (document.get("environment") or {}).get("secrets")
    known = ((stored.get("environment") or {}).get("secrets") or {}).keys()
    if secrets and not any(secrets.values()) and secrets.keys() == known:
        del document["environment"]["secrets"]
