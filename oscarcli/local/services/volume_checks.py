"""What a service may say of its volume, checked as the manager does it (`oscar-api` 4.7, 8.2)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from oscarcli.local.answers import ApiError
from oscarcli.local.services.definition import INVALID, Definition
from oscarcli.local.services.names import is_dns_label
from oscarcli.local.services.quantity import parse_quantity

DELETE, RETAIN = "delete", "retain"
RESERVED_PATHS = ("/oscar/config", "/oscar/bin")
NAME_RULE = "volume.name must satisfy Kubernetes DNS-1123 naming rules"
SIZE_RULE = "volume.size must be a valid positive quantity"


def complete_volume(definition: Definition) -> None:
    """Check what a definition says of its volume, and fill in its defaults.

    Raises:
        ApiError: 400 with the manager's text.
    """
    volume = definition.get("volume")
    if volume is None:
        return
    size = volume.get("size", "")
    if size and not volume.get("name"):
        volume["name"] = definition["name"]
    mistake = next(_mistakes(volume, size), None)
    if mistake:
        raise ApiError(400, INVALID + mistake)
    if size:
        volume.setdefault("lifecycle_policy", DELETE)
    definition["volume"] = {
        key: volume[key] for key in ("name", "size", "mount_path", "lifecycle_policy") if key in volume
    }


def _mistakes(volume: Definition, size: str) -> Iterator[str]:
    path, policy = volume["mount_path"], volume.get("lifecycle_policy")
    if not path:
        yield "volume.mount_path is required"
    if not volume.get("name"):
        yield "volume.name is required when volume.size is not set"
    elif not is_dns_label(volume["name"]):
        yield NAME_RULE
    if size and not is_positive(size):
        yield SIZE_RULE
    if policy and policy not in (DELETE, RETAIN):
        yield 'volume.lifecycle_policy must be either "delete" or "retain"'
    if policy and not size:
        yield "volume.lifecycle_policy is only valid when volume.size is set"
    if not path.startswith("/"):
        yield "volume.mount_path must be an absolute path"
    if _is_reserved(posixpath.normpath("/" + path.lstrip("/"))):
        yield "volume.mount_path cannot overlap OSCAR reserved paths"


def _is_reserved(path: str) -> bool:
    # Above a reserved path the volume would hide it.
    return any(
        f"{reserved}/".startswith(f"{path.rstrip('/')}/") or path.startswith(f"{reserved}/")
        for reserved in RESERVED_PATHS
    )


def is_positive(size: str) -> bool:
    """Tell whether a size is a quantity above zero."""
    try:
        return parse_quantity(size) > 0
    except ValueError:
        return False
