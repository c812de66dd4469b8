"""What an update of a service has to carry of the stored one, because PUT forgets what it is not sent.

Facts: `oscar-api` 3.3 (PUT quirks), 8.1 (labels).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from oscarcli.coercion import as_mapping

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


def replacement(definition: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition with all that PUT would reset although nobody wanted that; the rest stays.

    A service that lost its owner this way cannot be deleted any more without leaving its buckets behind.
    Applying this twice changes nothing.

    Args:
        definition: the service as it is to be.
        stored: the service as the server shows it.
    """
    document = copy.deepcopy(dict(definition))
    # As at creation, where the server listens to nobody about these.
    if stored.get("owner"):
        document["owner"] = stored["owner"]
    labels = _kept(stored, "labels", lambda key: key in SERVER_LABELS)
    if labels:
        document["labels"] = {**as_mapping(document.get("labels")), **labels}
    marks = _kept(stored, "annotations", lambda key: key.startswith(SERVER_ANNOTATIONS))
    if marks:
        document["annotations"] = {**marks, **as_mapping(document.get("annotations"))}
    if stored.get("vo") and not document.get("vo"):
        document["vo"] = stored["vo"]
    _keep_authentication(document, stored)
    _keep_secrets(document, stored)
    return document


def is_carried(document: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Tell whether a stored service still has the owner and the server's labels that it was sent.

    Args:
        document: what `replacement` made.
        stored: the service as the server shows it afterwards.
    """
    sent, found = (_kept(one, "labels", lambda key: key in SERVER_LABELS) for one in (document, stored))
    same_labels = all(found.get(key) == value for key, value in sent.items())
    return same_labels and (document.get("owner") or "") == (stored.get("owner") or "")


def _kept(service: Mapping[str, Any], section: str, is_servers: Callable[[str], bool]) -> dict[str, Any]:
    return {key: value for key, value in as_mapping(service.get(section)).items() if is_servers(key)}


def _keep_authentication(document: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Say whether a model asks for a login: no server shows a false, all take its absence for true."""
    model = document.get("kserve")
    if isinstance(model, dict) and "kserve" in stored:
        model.setdefault("set_auth", bool(as_mapping(stored["kserve"]).get("set_auth", False)))


def _keep_secrets(document: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Leave secrets out that are names without values: sent, they would empty the stored ones."""
    secrets = as_mapping(as_mapping(document.get("environment")).get("secrets"))
    known = as_mapping(as_mapping(stored.get("environment")).get("secrets"))
    if secrets and not any(secrets.values()) and secrets.keys() == known.keys():
        del document["environment"]["secrets"]
