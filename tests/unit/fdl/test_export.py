"""A running service as an FDL: applied again it makes the same service, and says nothing the server adds."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from oscarcli.fdl.export import exported
from oscarcli.fdl.from_server import from_server
from oscarcli.fdl.normalise import comparable
from oscarcli.fdl.read import Fdl, read_bytes
from oscarcli.fdl.to_server import to_server

SCRIPT = "#!/bin/sh\n\tcat  \n"
MEMBER = {
    "cluster_id": "",
    "service_name": "",
    "url": "",
    "ssl_verify": False,
    "priority": 0,
    "headers": None,
}
MINIMAL: dict[str, Any] = {"name": "x", "image": "i", "script": SCRIPT}


def shown(definition: dict[str, Any]) -> dict[str, Any]:
    """Return what a server shows of a service that was sent (`oscar-api` 3.3, 4.1)."""
    sent_in = copy.deepcopy(definition)
    name = sent_in["name"]
    document: dict[str, Any] = {
        "cluster_id": "", "memory": "256Mi", "cpu": "0.2", "total_memory": "", "total_cpu": "",
        "ephemeral_storage_request": "", "enable_gpu": False, "enable_sgx": False, "image_prefetch": False,
        "synchronous": {"min_scale": 0, "max_scale": 0}, "log_level": "INFO", "alpine": False,
        "file_stage_in": False, "input": [], "output": [], "annotations": {}, "vo": "",
        "interlink_node_name": "", "visibility": "private", "allowed_users": [], "isolation_level": "",
        **sent_in,
        "token": "0" * 64, "owner": "cluster_admin", "namespace": "oscar-svc", "bucket_list": [],
        "volume_status": {"enabled": False},
    }  # fmt: skip
    document["expose"] = {
        "min_scale": 0, "max_scale": 0, "cpu_threshold": 0, "rewrite_target": False,
        "default_command": False, "set_auth": False, "health_path": "", **(sent_in.get("expose") or {}),
    }  # fmt: skip
    if document["expose"].get("nodePort"):
        document["expose"]["nodePort"] = [port or 31234 for port in document["expose"]["nodePort"]]
    environment = sent_in.get("environment") or {}
    document["environment"] = {
        "variables": environment.get("variables") or {},
        "secrets": dict.fromkeys(environment.get("secrets") or {}, ""),
    }
    document["labels"] = {
        **(sent_in.get("labels") or {}),
        "applicationId": name, "oscar.grycap/user-service": "true", "oscar_service": name,
        "owner_name": "oscar", "queue": f"root.oscar-queue.{name}",
    }  # fmt: skip
    providers = copy.deepcopy(sent_in.get("storage_providers") or {})
    own = {"endpoint": "https://m", "verify": True, "access_key": "hidden", "secret_key": "hidden"}
    document["storage_providers"] = {**providers, "minio": {**(providers.get("minio") or {}), "default": own}}
    document["mount"] = {"storage_provider": "", "path": "", **(sent_in.get("mount") or {})}
    federation = document.get("federation")
    if federation:
        document["federation"] = {
            "group_id": name,
            **federation,
            "members": [{**MEMBER, **member} for member in federation.get("members") or []],
        }
    kserve = document.get("kserve")
    if kserve:
        kserve |= {"api_version": "v1", "max_scale": 1, "cpu": "0.2", "memory": "256Mi", **kserve}
        kserve["set_auth"] = kserve.get("set_auth", True)
        # A false is left out of the answer.
        kserve |= {} if kserve["set_auth"] else {"set_auth": kserve.pop("set_auth") or None}
        document["kserve"] = {key: value for key, value in kserve.items() if value is not None}
    return document


def fdl_of(stored: dict[str, Any], script: str = SCRIPT) -> Fdl:
    """Return the export, read back as `apply` reads it."""
    export = exported(stored, "here", "script.sh")
    assert export.script == (stored.get("script") or "")
    return read_bytes(json.dumps(export.document).encode(), "fdl.yaml", lambda _name: script.encode())


FULL: dict[str, Any] = {
    **MINIMAL,
    "cluster_id": "here",
    "memory": "2Gi",
    "cpu": "1.0",
    "total_memory": "10Gi",
    "total_cpu": "8",
    "ephemeral_storage_request": "1Gi",
    "enable_gpu": True,
    "image_prefetch": True,
    "synchronous": {"min_scale": 1, "max_scale": 5},
    "log_level": "CRITICAL",
    "input": [{"storage_provider": "minio.default", "path": "bucket/in"}],
    "output": [
        {"storage_provider": "s3.aws", "path": "bucket/out", "suffix": [".txt"], "prefix": ["r"]},
        {"storage_provider": "minio.other", "path": "other/out"},
    ],
    "image_pull_secrets": ["pull"],
    "environment": {"variables": {"A": "yes", "EMPTY": "", "PEM": "a\nb\n"}, "secrets": {}},
    "annotations": {"mine": "1"},
    "labels": {"team": "blue"},
    "vo": "vo.example.eu",
    "interlink_node_name": "node",
    "visibility": "restricted",
    "allowed_users": ["ada", "bob"],
    "isolation_level": "USER",
    "mount": {"storage_provider": "webdav.w", "path": "data"},
    "volume": {"name": "v", "size": "1Gi", "mount_path": "/mnt/v", "lifecycle_policy": "retain"},
    "storage_providers": {
        "minio": {"other": {"endpoint": "https://o", "access_key": "ak", "secret_key": "sk", "region": "r"}},
        "s3": {"aws": {"access_key": "ak", "secret_key": "sk", "region": "r"}},
        "webdav": {"w": {"hostname": "h", "login": "l", "password": "p"}},
    },
    "clusters": {
        "cloud": {"endpoint": "https://c", "auth_user": "u", "auth_password": "p", "ssl_verify": True}
    },
    "federation": {
        "group_id": "x",
        "topology": "star",
        "delegation": "topsis",
        "members": [
            {
                "type": "oscar",
                "cluster_id": "cloud",
                "service_name": "y",
                "url": "",
                "ssl_verify": True,
                "priority": 1,
                "headers": None,
            }
        ],
    },
}
EXPOSED: dict[str, Any] = {
    **MINIMAL,
    "expose": {"api_port": [80, 81], "min_scale": 1, "max_scale": 3, "cpu_threshold": 0},
}
MODEL: dict[str, Any] = {
    "name": "m",
    "image": "i",
    "script": SCRIPT,
    "kserve": {
        "type": "inference",
        "storage_uri": "s3://models/m",
        "inference": {"model_format": "sklearn"},
        "set_auth": False,
    },
}
SERVICES: dict[str, dict[str, Any]] = {
    "minimal": MINIMAL,
    "full": FULL,
    "exposed": EXPOSED,
    "model": MODEL,
    "model with login": {**MODEL, "kserve": {**MODEL["kserve"], "set_auth": True}},
    "secrets": {**MINIMAL, "environment": {"variables": {}, "secrets": {"KEY": "value"}}},
}


@pytest.mark.parametrize("name", SERVICES)
def test_an_export_applied_again_changes_nothing(name: str) -> None:
    stored = shown(SERVICES[name])
    fdl = fdl_of(stored)
    (service,) = fdl.services
    again = shown(to_server(service.definition, stored, "4.1.2"))
    # A server keeps the secrets when it is sent none.
    again["environment"]["secrets"] = again["environment"]["secrets"] or stored["environment"]["secrets"]
    assert comparable(again, stored=True) == comparable(stored, stored=True)
    # Beyond what counts: to the letter, but for the user's own word for the cluster.
    assert {**again, "cluster_id": ""} == {**stored, "cluster_id": ""}


@pytest.mark.parametrize("name", SERVICES)
def test_an_export_is_read_without_a_mistake_or_a_warning_of_unknown_keys(name: str) -> None:
    assert not [warning for warning in fdl_of(shown(SERVICES[name])).warnings if "unknown" in warning]


def test_a_minimal_service_is_a_minimal_fdl() -> None:
    export = exported(shown(MINIMAL), "here", "script.sh")
    service = {"name": "x", "image": "i", "script": "script.sh", "memory": "256Mi", "cpu": "0.2"}
    assert export.document == {"functions": {"oscar": [{"here": service}]}}
    assert (export.remarks, export.credentials) == ((), ())


def test_what_a_reader_looks_for_comes_first() -> None:
    (service,) = exported(shown(FULL), "here", "script.sh").document["functions"]["oscar"]
    assert list(service["here"])[:7] == ["name", "image", "script", "memory", "cpu", "input", "output"]


def test_nothing_of_the_server_is_in_it() -> None:
    text = json.dumps(exported(shown(FULL), "here", "script.sh").document)
    for word in (
        "token",
        "hidden",
        "owner",
        "oscar-svc",
        "applicationId",
        "queue",
        "volume_status",
        "bucket_list",
    ):
        assert word not in text


def test_annotations_of_a_federation_are_left_to_the_server() -> None:
    stored = shown({**MINIMAL, "annotations": {"oscar.grycap/origin-cluster": "c", "mine": "1"}})
    definition = fdl_of(stored).services[0].definition
    assert definition["annotations"] == {"mine": "1"}
    assert to_server(definition, stored, None)["annotations"] == stored["annotations"]


def test_fields_of_a_newer_server_are_kept_where_they_say_something() -> None:
    stored = {**shown(MINIMAL), "newer": {"a": 1}, "newer_empty": {}}
    (service,) = exported(stored, "here").document["functions"]["oscar"]
    assert service["here"]["newer"] == {"a": 1}
    assert "newer_empty" not in service["here"]


def test_an_assigned_node_port_is_not_made_a_fixed_one() -> None:
    export = exported(shown({**EXPOSED, "expose": {**EXPOSED["expose"], "nodePort": [0, 0]}}), "here")
    (service,) = export.document["functions"]["oscar"]
    assert "nodePort" not in service["here"]["expose"]
    assert any("expose.nodePort is left out" in remark for remark in export.remarks)


@pytest.mark.parametrize(("port", "kept"), [(80, [80]), (0, None)])
def test_single_ports_of_older_servers(port: int, kept: Any) -> None:
    stored = shown(MINIMAL)
    stored["expose"] |= {"api_port": port, "nodePort": 0, "min_scale": 1, "max_scale": 2}
    assert (from_server(stored).get("expose") or {}).get("api_port") == kept


def test_secrets_keep_their_names_and_are_remarked_on() -> None:
    export = exported(shown(SERVICES["secrets"]), "here")
    (service,) = export.document["functions"]["oscar"]
    assert service["here"]["environment"] == {"secrets": {"KEY": ""}}
    assert any("secrets (KEY)" in remark for remark in export.remarks)
    assert export.credentials == ()


def test_credentials_in_it_are_named() -> None:
    assert exported(shown(FULL), "here").credentials == (
        "storage_providers.minio.other.access_key",
        "storage_providers.minio.other.secret_key",
        "storage_providers.s3.aws.access_key",
        "storage_providers.s3.aws.secret_key",
        "storage_providers.webdav.w.login",
        "storage_providers.webdav.w.password",
        "clusters.cloud.auth_password",
    )


def test_credentials_of_a_provider_that_is_called_as_a_section_is_are_named() -> None:
    keys = {"access_key": "ak", "secret_key": "sk", "region": "r"}
    stored = shown({**MINIMAL, "storage_providers": {"s3": {"labels": keys}}})
    assert exported(stored, "here").credentials == (
        "storage_providers.s3.labels.access_key",
        "storage_providers.s3.labels.secret_key",
    )


def test_headers_of_members_are_credentials() -> None:
    members = [{"type": "endpoint", "url": "https://e", "headers": {"Authorization": "s3cr3t"}}]
    stored = shown({**MINIMAL, "federation": {"topology": "star", "members": members}})
    assert exported(stored, "here").credentials == ("federation.members[0].headers.Authorization",)


def test_the_servers_document_is_not_touched() -> None:
    stored = shown(FULL)
    before = copy.deepcopy(stored)
    exported(stored, "here", "script.sh")
    assert stored == before


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "x"},
        {"name": "x", "expose": None, "labels": None, "environment": None, "storage_providers": None},
        {"name": "x", "input": {"path": "a"}, "kserve": None, "federation": [], "clusters": "none"},
        {"name": "x", "labels": ["a"], "storage_providers": {"minio": None}, "expose": {"api_port": "80"}},
        {"name": "x", "environment": {"secrets": None, "variables": 3}, "annotations": "a", "mount": []},
    ],
)
def test_whatever_a_server_sends_gives_an_fdl(odd: dict[str, Any]) -> None:
    assert exported(odd, "here").document["functions"]["oscar"][0]["here"]["name"] == "x"
