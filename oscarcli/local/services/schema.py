"""The documents of the REST API that a client sends, member by member in the manager's order."""

from __future__ import annotations

from oscarcli.local.services.decode import ListOf, MapOf, Pointer, Struct

_STRINGS = ListOf(str)
_STRING_MAP = MapOf(str)

STORAGE_IO = Struct(
    "StorageIOConfig",
    {"storage_provider": str, "path": str, "suffix": _STRINGS, "prefix": _STRINGS, "options": str},
    omitted=frozenset({"suffix", "prefix", "options"}),
)

_EXPOSE = Struct(
    "Expose",
    {
        "min_scale": int,
        "max_scale": int,
        "api_port": ListOf(int),
        "cpu_threshold": int,
        "nodePort": ListOf(int),
        "rewrite_target": bool,
        "default_command": bool,
        "set_auth": bool,
        "auth_type": str,
        "health_path": str,
        "probe_mode": str,
    },
    omitted=frozenset({"api_port", "nodePort", "auth_type", "probe_mode"}),
)

_MINIO = Struct(
    "MinIOProvider",
    {"endpoint": str, "verify": bool, "access_key": str, "secret_key": str, "region": str},
)
_S3 = Struct("S3Provider", {"access_key": str, "secret_key": str, "region": str})
_ONEDATA = Struct("OnedataProvider", {"oneprovider_host": str, "token": str, "space": str})
_WEBDAV = Struct("WebDavProvider", {"hostname": str, "login": str, "password": str})
_RUCIO = Struct(
    "RucioProvider",
    {
        "host": str,
        "account": str,
        "rse": str,
        "refresh_token": str,
        "auth_host": str,
        "oidc_audience": str,
        "token_endpoint": str,
    },
)
_PROVIDERS = Struct(
    "StorageProviders",
    {
        "s3": MapOf(_S3),
        "minio": MapOf(_MINIO),
        "onedata": MapOf(_ONEDATA),
        "webdav": MapOf(_WEBDAV),
        "rucio": MapOf(_RUCIO),
    },
    omitted=frozenset({"s3", "minio", "onedata", "webdav", "rucio"}),
)

_VOLUME = Struct(
    "ServiceVolumeConfig",
    {"name": str, "size": str, "mount_path": str, "lifecycle_policy": str},
    omitted=frozenset({"name", "size", "lifecycle_policy"}),
)

_CLUSTERS = MapOf(
    Struct("Cluster", {"endpoint": str, "auth_user": str, "auth_password": str, "ssl_verify": bool})
)
_MEMBERS = ListOf(
    Struct(
        "Replica",
        {
            "type": str,
            "cluster_id": str,
            "service_name": str,
            "url": str,
            "ssl_verify": bool,
            "priority": int,
            "headers": Pointer(_STRING_MAP),
        },
    )
)
_FEDERATION = Struct(
    "Federation",
    {"group_id": str, "topology": str, "delegation": str, "rescheduler_threshold": int, "members": _MEMBERS},
    omitted=frozenset({"delegation", "rescheduler_threshold", "members"}),
)

# Members of kind `object` belong to features that are refused as a whole when they are given.
SERVICE = Struct(
    "Service",
    {
        "name": str,
        "cluster_id": str,
        "memory": str,
        "cpu": str,
        "total_memory": str,
        "total_cpu": str,
        "ephemeral_storage_request": str,
        "enable_gpu": bool,
        "enable_sgx": bool,
        "image_prefetch": bool,
        "synchronous": Struct("Synchronous", {"min_scale": int, "max_scale": int}),
        "federation": Pointer(_FEDERATION),
        "log_level": str,
        "image": str,
        "alpine": bool,
        "token": str,
        "file_stage_in": bool,
        "input": ListOf(STORAGE_IO),
        "output": ListOf(STORAGE_IO),
        "script": str,
        "image_pull_secrets": _STRINGS,
        "expose": _EXPOSE,
        "environment": Struct("Environment", {"variables": _STRING_MAP, "secrets": _STRING_MAP}),
        "annotations": _STRING_MAP,
        "vo": str,
        "labels": _STRING_MAP,
        "storage_providers": _PROVIDERS,
        "clusters": _CLUSTERS,
        "owner": str,
        "namespace": str,
        "interlink_node_name": str,
        "visibility": str,
        "allowed_users": _STRINGS,
        "isolation_level": str,
        "bucket_list": _STRINGS,
        "mount": STORAGE_IO,
        "volume": Pointer(_VOLUME),
        "kserve": object,
        # Old place of the federation's members; newer managers do not know it any more.
        "replicas": object,
    },
    omitted=frozenset({"federation", "clusters", "volume", "kserve", "image_pull_secrets", "replicas"}),
)

BUCKET = Struct("Bucket", {"bucket_name": str, "visibility": str, "allowed_users": _STRINGS})

PRESIGN = Struct(
    "PresignRequest",
    {
        "object_key": str,
        "operation": str,
        "expires_in": int,
        "content_type": str,
        "extra_headers": _STRING_MAP,
    },
)

NEW_VOLUME = Struct("ManagedVolumeCreateRequest", {"name": str, "size": str})

FEDERATION_REQUEST = Struct(
    "FederationRequest",
    {
        "members": _MEMBERS,
        "update": _MEMBERS,
        "clusters": _CLUSTERS,
        "storage_providers": Pointer(_PROVIDERS),
        "delete": bool,
    },
)

# Every amount is text, the counts, too.
QUOTA = Struct(
    "QuotaUpdateRequest",
    {
        "cpu": str,
        "memory": str,
        "ephemeral_storage": str,
        "gpu": str,
        "volumes": Struct(
            "VolumeQuotaUpdate",
            {"disk": str, "volumes": str, "max_disk_per_volume": str, "min_disk_per_volume": str},
        ),
        "minio": Struct("MinIOQuotaUpdate", {"buckets": str, "storage_per_bucket": str}),
    },
)
