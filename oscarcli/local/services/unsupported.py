"""What a local cluster without containers cannot do, said when a service is created.

Each refusal is one sentence that names the field and the way out. A definition that passes runs; nothing
in it is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.local.answers import ApiError
from oscarcli.local.services.definition import (
    INVALID,
    MINIO_DEFAULT,
    BucketFolder,
    Definition,
    bucket_folder,
    inputs_of,
    outputs_of,
)
from oscarcli.local.services.exposure import refuse_unreachable
from oscarcli.local.services.federation import DELEGATIONS, delegation_of
from oscarcli.local.services.mounts import mount_of

# The only input providers the manager knows; the text is its own.
INPUT_PROVIDERS = ("minio", "webdav", "rucio")
# What can be used besides the cluster's own objects.
REMOTE_OUTPUTS = ("minio", "s3", "webdav", "onedata")
REMOTE = {"output": REMOTE_OUTPUTS, "input": ("minio", "webdav"), "mount": ("minio", "s3", "webdav")}
UNKNOWN_INPUT = "unrecognized input (valid inputs are MinIO and dCache)"

_WAY_OUT = "remove it, or use a cluster that has it"
_MOVED = "servers since 4.1 ignore it; write federation.members"

_FIELDS: tuple[tuple[str, Callable[[Definition], Any], str], ...] = (
    ("kserve", lambda d: d.get("kserve"), f"the local cluster serves no models; {_WAY_OUT}"),
    ("enable_sgx", lambda d: d["enable_sgx"], f"the local cluster has no SGX devices; {_WAY_OUT}"),
    (
        "interlink_node_name",
        lambda d: d["interlink_node_name"],
        f"the local cluster has no interLink nodes; {_WAY_OUT}",
    ),
    ("replicas", lambda d: d.get("replicas"), _MOVED),
)


@dataclass(frozen=True)
class Capabilities:
    """What a service can have here.

    Args:
        engine: the name of its engine.
        images: whether that runs scripts in images.
        gpus: whether it hands out GPUs.
        store: how the cluster tells of its own store to its own account.
    """

    engine: str
    images: bool
    gpus: bool
    store: Mapping[str, Any]


def refuse_impossible(definition: Definition, capabilities: Capabilities) -> None:
    """Refuse a definition that could not run here as it would on a real cluster.

    Args:
        definition: the definition.
        capabilities: what it can have.

    Raises:
        ApiError: 400; 500 for a provider that the definition does not define, as the manager does.
    """
    for field, given, sentence in _FIELDS:
        if given(definition):
            raise ApiError(400, f"{INVALID}{field}: {sentence}")
    _refuse_beyond(definition, capabilities)
    delegation = delegation_of(definition)
    if delegation not in DELEGATIONS:
        raise ApiError(
            400,
            f'{INVALID}federation.delegation: the local cluster does not choose by "{delegation}"; write '
            f"{', '.join(DELEGATIONS)}, or use a cluster that has it",
        )
    refuse_unreachable(definition, capabilities.engine, has_image=capabilities.images)
    for place in map(bucket_folder, definition["input"]):
        if place.provider[0] not in INPUT_PROVIDERS:
            raise ApiError(400, UNKNOWN_INPUT)
        _refuse_foreign(definition, "input", place)
        _refuse_other_minio(definition, place, capabilities.store)
    for place in map(bucket_folder, definition["output"]):
        _refuse_foreign(definition, "output", place)
    mount = mount_of(definition)
    if mount is not None:
        _refuse_foreign(definition, "mount", mount.place)
    _refuse_loop(definition)


def _refuse_beyond(definition: Definition, capabilities: Capabilities) -> None:
    """Refuse what the engine cannot do."""
    engine = capabilities.engine
    if definition["enable_gpu"] and not capabilities.gpus:
        raise ApiError(
            400, f"{INVALID}enable_gpu: the engine {engine} has no GPUs to hand out here; {_WAY_OUT}"
        )
    if definition.get("image_pull_secrets") and not capabilities.images:
        raise ApiError(
            400,
            f"{INVALID}image_pull_secrets: the engine {engine} pulls no images; remove it, or start the "
            "local cluster with --engine auto",
        )


def _refuse_foreign(definition: Definition, direction: str, place: BucketFolder) -> None:
    if place.provider == MINIO_DEFAULT:
        return
    kind, identifier = place.provider
    name = f"{kind}.{identifier}"
    if identifier not in definition["storage_providers"].get(kind, {}):
        raise ApiError(500, f'the StorageProvider "{name}" is not defined')
    if kind in REMOTE[direction]:
        return
    raise ApiError(
        400,
        f'{INVALID}{direction}.storage_provider: the local cluster does not use "{name}" here; '
        'write "minio.default", or use a real cluster',
    )


def _refuse_other_minio(definition: Definition, place: BucketFolder, store: Mapping[str, Any]) -> None:
    """Refuse input of a MinIO that is not the cluster's: it would not tell the cluster of new objects."""
    kind, identifier = place.provider
    if kind != MINIO_DEFAULT[0] or place.provider == MINIO_DEFAULT:
        return
    settings = definition["storage_providers"][kind][identifier]
    if settings != store:
        endpoint = settings["endpoint"]
        raise ApiError(500, f'the provided MinIO server "{endpoint}" is not the configured in OSCAR')


def _refuse_loop(definition: Definition) -> None:
    for output in outputs_of(definition):
        for source in inputs_of(definition):
            if output.bucket == source.bucket and output.prefix.startswith(source.prefix):
                raise ApiError(
                    400,
                    f"{INVALID}output.path: {output.bucket}/{output.folder} is inside the input "
                    f"{source.bucket}/{source.folder}, so every result would start the service again without "
                    "end; write results to another folder",
                )
