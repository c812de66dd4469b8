"""The keys of an FDL: one table of names, kinds and rules of a single value (`oscar-api` 4.1 to 4.7).

The table is data: reading, comparing and the schema for editors are all derived from it. Rules that
concern several keys at once are in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from oscarcli.fdl.kinds import (
    Field,
    PortNumbers,
    Record,
    RecordMap,
    Records,
    ServiceLists,
    Switch,
    Text,
    TextMap,
    Texts,
    ValueKind,
    Whole,
)

TEXT, WHOLE, SWITCH, TEXTS, PORTS, TEXT_MAP = Text(), Whole(), Switch(), Texts(), PortNumbers(), TextMap()
CPU, MEMORY, STORAGE = Text(quantity="cpu"), Text(quantity="memory"), Text(quantity="storage")

INPUT_OUTPUT = Record(
    {
        "storage_provider": Field(TEXT, required=True),
        "path": Field(TEXT, required=True),
        "suffix": Field(TEXTS),
        "prefix": Field(TEXTS),
    }
)
MOUNT = Record(
    {
        "storage_provider": Field(TEXT, required=True),
        "path": Field(TEXT, required=True),
        "options": Field(TEXT),
    }
)
EXPOSE = Record(
    {
        "min_scale": Field(WHOLE),
        "max_scale": Field(WHOLE),
        "cpu_threshold": Field(WHOLE),
        "api_port": Field(PORTS),
        "nodePort": Field(PORTS),
        "rewrite_target": Field(SWITCH),
        "default_command": Field(SWITCH),
        "set_auth": Field(SWITCH),
        "auth_type": Field(Text(choices=("basic", "forward")), default="basic"),
        "health_path": Field(TEXT, default="/"),
        "probe_mode": Field(Text(choices=("legacy", "direct"), otherwise="legacy"), default="legacy"),
    }
)
# Servers take the entry, and miss the address only when they would hand something on.
_NO_ENDPOINT = "no service can be handed on to this cluster"

CLUSTER = Record(
    {
        "endpoint": Field(TEXT, absent=_NO_ENDPOINT),
        "auth_user": Field(TEXT),
        "auth_password": Field(TEXT),
        "ssl_verify": Field(SWITCH),
    }
)
CLUSTERS = RecordMap(CLUSTER)
STORAGE_PROVIDERS = Record(
    {
        "minio": Field(
            RecordMap(
                Record(
                    {
                        "endpoint": Field(TEXT),
                        "verify": Field(SWITCH),
                        "access_key": Field(TEXT),
                        "secret_key": Field(TEXT),
                        "region": Field(TEXT),
                    }
                )
            )
        ),
        "s3": Field(
            RecordMap(Record({"access_key": Field(TEXT), "secret_key": Field(TEXT), "region": Field(TEXT)}))
        ),
        "onedata": Field(
            RecordMap(Record({"oneprovider_host": Field(TEXT), "token": Field(TEXT), "space": Field(TEXT)}))
        ),
        "webdav": Field(
            RecordMap(Record({"hostname": Field(TEXT), "login": Field(TEXT), "password": Field(TEXT)}))
        ),
        "rucio": Field(
            RecordMap(
                Record(
                    {
                        "host": Field(TEXT),
                        "account": Field(TEXT),
                        "rse": Field(TEXT),
                        "refresh_token": Field(TEXT),
                        "auth_host": Field(TEXT),
                        "oidc_audience": Field(TEXT),
                        "token_endpoint": Field(TEXT),
                    }
                )
            )
        ),
    }
)
REPLICAS = Records(
    Record(
        {
            "type": Field(Text(choices=("oscar", "endpoint")), required=True),
            "cluster_id": Field(TEXT),
            "service_name": Field(TEXT),
            "url": Field(TEXT),
            "ssl_verify": Field(SWITCH),
            "priority": Field(WHOLE),
            "headers": Field(TEXT_MAP),
        }
    )
)
DELEGATION = Text(choices=("static", "random", "load-based", "topsis"))
FEDERATION = Record(
    {
        "group_id": Field(TEXT),
        "topology": Field(Text(choices=("none", "star", "mesh")), default="none"),
        "delegation": Field(DELEGATION),
        "rescheduler_threshold": Field(WHOLE),
        "members": Field(REPLICAS),
    }
)
VOLUME = Record(
    {
        "name": Field(TEXT),
        "size": Field(STORAGE),
        "mount_path": Field(TEXT, required=True),
        "lifecycle_policy": Field(Text(choices=("delete", "retain"))),
    }
)
KSERVE = Record(
    {
        "type": Field(Text(choices=("inference", "llm_inference")), required=True),
        "storage_uri": Field(TEXT, required=True),
        "inference": Field(Record({"model_format": Field(TEXT, required=True), "runtime": Field(TEXT)})),
        "llm_inference": Field(Record({"runtime_image": Field(TEXT)})),
        "api_version": Field(Text(choices=("v1", "v2")), default="v1"),
        "min_scale": Field(WHOLE),
        "max_scale": Field(WHOLE, default=1),
        "cpu": Field(CPU, default="0.2"),
        "memory": Field(MEMORY, default="256Mi"),
        "args": Field(TEXTS),
        "env": Field(TEXT_MAP),
        "enable_gpu": Field(SWITCH),
        "set_auth": Field(SWITCH, default=True),
    }
)

_SET_BY_SERVER = "set by the server; not sent"
_TOP_LEVEL = "read at the top level of the file only; not sent"
_UP_TO_4_0 = "read by OSCAR up to 4.0; newer versions look for it inside federation"

SERVICE = Record(
    {
        "name": Field(TEXT, required=True),
        "cluster_id": Field(TEXT),
        "memory": Field(MEMORY, default="256Mi"),
        "cpu": Field(CPU, default="0.2"),
        "total_memory": Field(MEMORY),
        "total_cpu": Field(CPU),
        "ephemeral_storage_request": Field(STORAGE),
        "enable_gpu": Field(SWITCH),
        "enable_sgx": Field(SWITCH),
        "image_prefetch": Field(SWITCH),
        "synchronous": Field(Record({"min_scale": Field(WHOLE), "max_scale": Field(WHOLE)})),
        "federation": Field(FEDERATION),
        "replicas": Field(REPLICAS, remark=_UP_TO_4_0 + " as members"),
        "delegation": Field(DELEGATION, remark=_UP_TO_4_0),
        "rescheduler_threshold": Field(WHOLE, remark=_UP_TO_4_0),
        "log_level": Field(
            Text(
                choices=("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
                otherwise="INFO",
            ),
            default="INFO",
        ),
        "image": Field(TEXT, required=True),
        "alpine": Field(SWITCH),
        "token": Field(TEXT, unsent=_SET_BY_SERVER),
        "file_stage_in": Field(SWITCH),
        "input": Field(Records(INPUT_OUTPUT)),
        "output": Field(Records(INPUT_OUTPUT)),
        "script": Field(TEXT, required=True, absent="it is the path of the script to run"),
        "image_pull_secrets": Field(TEXTS),
        "expose": Field(EXPOSE),
        "environment": Field(Record({"variables": Field(TEXT_MAP), "secrets": Field(TEXT_MAP)})),
        "annotations": Field(TEXT_MAP),
        "vo": Field(TEXT),
        "labels": Field(TEXT_MAP),
        "storage_providers": Field(STORAGE_PROVIDERS, unsent=_TOP_LEVEL),
        "clusters": Field(CLUSTERS, unsent=_TOP_LEVEL),
        "owner": Field(TEXT),
        "namespace": Field(TEXT),
        "interlink_node_name": Field(TEXT),
        # Another value is public to the object store and hidden by the API: nobody can want that.
        "visibility": Field(Text(choices=("private", "restricted", "public")), default="private"),
        "allowed_users": Field(TEXTS),
        "isolation_level": Field(Text(choices=("SERVICE", "USER"), otherwise="SERVICE"), default="SERVICE"),
        "bucket_list": Field(TEXTS, unsent=_SET_BY_SERVER),
        "mount": Field(MOUNT),
        "volume": Field(VOLUME),
        "volume_status": Field(TEXT_MAP, unsent=_SET_BY_SERVER),
        "deployment": Field(TEXT_MAP, unsent=_SET_BY_SERVER),
        "kserve": Field(KSERVE),
    }
)

FUNCTIONS = Record({"oscar": Field(ServiceLists(SERVICE), required=True)})
FILE = Record(
    {
        "functions": Field(FUNCTIONS, required=True),
        "storage_providers": Field(STORAGE_PROVIDERS),
        "clusters": Field(CLUSTERS),
    }
)


def kind_at(path: Sequence[str | int]) -> ValueKind | None:
    """Return the kind of a service's value.

    Args:
        path: keys and indexes that lead to it, such as `("input", 0, "path")`.

    Returns:
        The kind; `None` for what the table does not have.
    """
    kind: ValueKind | None = SERVICE
    for key in path:
        if isinstance(kind, (Records, RecordMap)):
            kind = kind.record
        elif isinstance(kind, Record) and key in kind.fields:
            kind = kind.fields[str(key)].kind
        elif isinstance(kind, TextMap):
            kind = TEXT
        else:
            return None
    return kind
