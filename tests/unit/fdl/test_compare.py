"""What apply would change: nothing of what a server makes of a definition, and everything else."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from oscarcli.fdl.compare import Change, compare, is_text_of_lines, unified
from oscarcli.fdl.normalise import comparable
from oscarcli.fdl.read import read_bytes
from oscarcli.fdl.to_server import to_server
from tests.support.daily import number_of
from tests.support.shown import ASSIGNED_PORT, shown
from tests.unit.fdl import test_published as published

SCRIPT = b"#!/bin/sh\r\necho 1\r"
PUBLISHED = {
    name.lower(): getattr(published, name)
    for name in ("POSENET", "COWSAY", "SIMPLE_TEST", "FIRE_DETECTION", "NGINX", "KSERVE", "FISH_DETECTOR")
}
MEMBER = {"type": "oscar", "cluster_id": "two", "service_name": "y"}
FORMS: dict[str, dict[str, Any]] = {
    "bucket-only paths": {
        "input": [{"storage_provider": "minio", "path": "/in/"}],
        "output": [{"storage_provider": "MinIO.default", "path": "out "}],
    },
    "other providers": {
        "input": [{"storage_provider": "webdav.dcache", "path": "/in"}],
        "output": [{"storage_provider": "s3.images", "path": "out", "suffix": "png"}],
    },
    "log level": {"log_level": "debug"},
    "numbers": {"cpu": 1.0, "memory": "1024Mi", "synchronous": {"min_scale": 0, "max_scale": 2}},
    "one port": {"expose": {"api_port": 80}},
    "port 0": {"expose": {"api_port": 0, "nodePort": 0}},
    "assigned ports": {"expose": {"api_port": [80, 81], "nodePort": [0, 0]}},
    "a fixed port": {"expose": {"api_port": [80, 81], "nodePort": [30001, 0]}},
    "expose without a port": {"expose": {"min_scale": 1, "set_auth": True}},
    "default words": {
        "expose": {"api_port": 80, "auth_type": "basic", "probe_mode": "legacy", "health_path": "/"},
        "visibility": "private",
        "isolation_level": "SERVICE",
        "federation": {"topology": "none"},
    },
    "users": {"visibility": "restricted", "allowed_users": [" bob ", "ada", ""], "isolation_level": "user"},
    "model": {"kserve": {"type": "inference", "storage_uri": "hf://m", "inference": {"model_format": "x"}}},
    "model without login": {
        "kserve": {
            "type": "inference",
            "storage_uri": "hf://m",
            "inference": {"model_format": "x"},
            "set_auth": False,
            "min_scale": 0,
            "max_scale": 3,
        }
    },
    "volume": {"volume": {"size": "1Gi", "mount_path": "/data"}},
    "attached volume": {"volume": {"name": "v", "mount_path": "/data"}},
    "federation": {"federation": {"topology": "star", "members": [MEMBER]}},
    "mount": {"mount": {"storage_provider": "minio.default", "path": "/data/sub/"}},
    "own labels": {"labels": {"team": "blue", "queue": "mine"}, "annotations": {"a": "b"}},
    "what the server sets": {"owner": "me", "namespace": "mine", "token": "t", "vo": "vo.example.eu"},
    "an unknown key": {"colour": "blue", "expose": {"shape": "round"}},
    "empty parts": {"environment": {"variables": {"A": None}}, "input": [], "labels": {}, "vo": ""},
    "odd texts": {"environment": {"variables": {"A": "a\nb\t", "B": "*", "C": "é\u2028", "D": "</a>"}}},
    "old replicas": {"replicas": [MEMBER], "delegation": "static", "rescheduler_threshold": 3},
}


def definitions(text: str) -> list[dict[str, Any]]:
    return [service.definition for service in read_bytes(text.encode(), "f", lambda _: SCRIPT).services]


def definition(**keys: Any) -> dict[str, Any]:
    service = {"name": "xyz", "image": "i", "script": "script.sh", **keys}
    [found] = definitions(json.dumps({"functions": {"oscar": [{"here": service}]}}))
    return found


def differing(wanted: dict[str, Any], stored: dict[str, Any], version: str = "4.1.2") -> list[Change]:
    return list(compare(to_server(wanted, stored, version), stored, version).changes)


CASES = {name: definitions(text) for name, text in PUBLISHED.items()}
CASES |= {name: [definition(**keys)] for name, keys in FORMS.items()}


# -- no false differences ---------------------------------------------------------------------------


@pytest.mark.parametrize("oidc", [None, "ada-0123456789@idp"])
@pytest.mark.parametrize("name", CASES)
def test_what_was_just_applied_does_not_differ(name: str, oidc: str | None) -> None:
    for wanted in CASES[name]:
        stored = shown(to_server(wanted, None, "4.1.2"), oidc=oidc)
        assert differing(wanted, stored) == []
        # Nor after an update, which makes the server forget what it set at creation.
        again = shown(to_server(wanted, stored, "4.1.2"), stored=stored, oidc=oidc)
        assert differing(wanted, again) == []


@pytest.mark.parametrize("name", CASES)
def test_what_a_server_of_today_shows_is_in_the_table(name: str) -> None:
    """So that nothing it fills in by itself goes unnoticed here."""
    for wanted in CASES[name]:
        found = comparable(shown(to_server(wanted, None, "4.1.2")), stored=True)
        assert found["expose"].keys() >= {"auth_type", "health_path", "probe_mode"}
        assert not {"token", "owner", "namespace", "volume_status", "bucket_list"} & found.keys()


def test_older_servers_have_single_ports() -> None:
    wanted = definition(expose={"api_port": 80})
    stored = shown(to_server(wanted, None, "4.1.2"))
    stored["expose"] |= {"api_port": 80, "nodePort": 0}
    assert differing(wanted, stored, "4.0.2") == []
    stored["expose"]["api_port"] = 81
    assert differing(wanted, stored, "4.0.2") == [Change("expose.api_port", [81], [80])]


def test_older_servers_lack_keys() -> None:
    wanted = definition(ephemeral_storage_request="1Gi", mount={"storage_provider": "minio", "path": "abc/b"})
    stored = shown(to_server(wanted, None, None))
    for key in ("ephemeral_storage_request", "mount", "visibility", "isolation_level", "volume_status"):
        del stored[key]
    found = compare(to_server(wanted, stored, None), stored)
    assert (found.changes, found.ignored) == ((), ("ephemeral_storage_request", "mount"))


@pytest.mark.parametrize(("version", "count"), [("4.1.2", 0), ("devel", 0), ("4.0.2", 6), ("3.6.0", 6)])
def test_replicas_count_for_servers_that_read_them(version: str, count: int) -> None:
    wanted = definition(**FORMS["old replicas"])
    stored = shown(to_server(definition(), None, None))
    found = compare(to_server(wanted, stored, version), stored, version)
    assert len([c for c in found.changes if c.field.startswith(("replicas", "delegation", "resch"))]) == (
        5 if count else 0
    )
    assert found.ignored == (() if count else ("replicas", "delegation", "rescheduler_threshold"))
    # What such a server fills in by itself is no difference.
    stored |= {"delegation": "static", "rescheduler_threshold": 30}
    assert differing(definition(), stored, version) == []
    stored["replicas"] = [MEMBER]
    assert [c.field for c in differing(definition(), stored, version)] == [
        f"replicas[0].{key}" for key in ("type", "cluster_id", "service_name")
    ]


def test_keys_of_a_newer_server_are_its_own() -> None:
    stored = {**shown(to_server(definition(), None, None)), "colour": "green", "shape": {"a": [1]}}
    assert differing(definition(), stored) == []
    assert differing(definition(colour="blue"), stored) == [Change("colour", "green", "blue")]


def test_an_unknown_key_that_the_server_does_not_show_is_named() -> None:
    wanted = definition(**FORMS["an unknown key"])
    stored = shown(to_server(wanted, None, None))
    assert compare(to_server(wanted, stored, None), stored).ignored == ("expose.shape", "colour")


def test_annotations_that_a_federation_adds_stay() -> None:
    wanted = definition(annotations={"mine": "1"})
    stored = shown(to_server(wanted, None, None))
    stored["annotations"] |= {"oscar.grycap/origin-service": "y"}
    assert differing(wanted, stored) == []
    assert to_server(wanted, stored, None)["annotations"] == {"oscar.grycap/origin-service": "y", "mine": "1"}


# -- differences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({}, {"memory": "1Gi"}, [("memory", "256Mi", "1Gi")]),
        ({"memory": "1Gi"}, {}, [("memory", "1Gi", "256Mi")]),
        ({"cpu": "0.5"}, {"cpu": "500m"}, []),
        ({"memory": "1Gi"}, {"memory": "1024Mi"}, []),
        ({"memory": "1Gi"}, {"memory": "1G"}, [("memory", "1Gi", "1G")]),
        ({"enable_gpu": True}, {}, [("enable_gpu", True, False)]),
        ({}, {"synchronous": {"max_scale": 3}}, [("synchronous.max_scale", 0, 3)]),
        ({}, {"log_level": "debug"}, [("log_level", "INFO", "DEBUG")]),
        (
            {"environment": {"variables": {"A": "1", "memory": "1Gi"}}},
            {"environment": {"variables": {"B": "", "memory": "1024Mi"}}},
            [
                ("environment.variables.B", None, ""),
                ("environment.variables.memory", "1Gi", "1024Mi"),
                ("environment.variables.A", "1", None),
            ],
        ),
        (
            {"input": [{"storage_provider": "minio", "path": "bkt/in"}]},
            {"input": [{"storage_provider": "minio.default", "path": "bkt/new/"}]},
            [("input[0].path", "bkt/in", "bkt/new")],
        ),
        (
            {"output": [{"storage_provider": "minio", "path": "bkt/out", "suffix": ["a"]}]},
            {},
            [
                ("output[0].storage_provider", "minio.default", None),
                ("output[0].path", "bkt/out", None),
                ("output[0].suffix", ["a"], None),
            ],
        ),
        ({"labels": {"team": "blue"}}, {}, [("labels.team", "blue", None)]),
        ({"visibility": "public"}, {}, [("visibility", "public", "private")]),
        ({"allowed_users": ["a"]}, {"allowed_users": ["b"]}, [("allowed_users", ["a"], ["b"])]),
        ({"expose": {"api_port": 80}}, {"expose": {"api_port": 81}}, [("expose.api_port", [80], [81])]),
        (
            {"expose": {"api_port": 80, "nodePort": 30000}},
            {"expose": {"api_port": 80, "nodePort": 30001}},
            [("expose.nodePort", [30000], [30001])],
        ),
        (
            {"mount": {"storage_provider": "minio", "path": "abc/b"}},
            {"mount": {"storage_provider": "minio", "path": "abc/c"}},
            [("mount.path", "abc/b", "abc/c")],
        ),
        (
            {},
            {"federation": {"topology": "star"}},
            [
                ("cluster_id", None, "here"),
                ("federation.topology", None, "star"),
                ("federation.group_id", None, "xyz"),
            ],
        ),
    ],
)
def test_a_change_is_told_by_its_field(
    before: dict[str, Any], after: dict[str, Any], changes: list[tuple[str, Any, Any]]
) -> None:
    stored = shown(to_server(definition(**before), None, None))
    assert [(c.field, c.old, c.new) for c in differing(definition(**after), stored)] == changes


RICH: dict[str, Any] = {
    "memory": "1Gi",
    "cpu": "0.5",
    "total_memory": "8Gi",
    "total_cpu": "4",
    "ephemeral_storage_request": "2Gi",
    "enable_gpu": True,
    "enable_sgx": True,
    "image_prefetch": True,
    "synchronous": {"min_scale": 1, "max_scale": 2},
    "log_level": "DEBUG",
    "alpine": True,
    "file_stage_in": True,
    "input": [{"storage_provider": "minio.default", "path": "bkt/in"}],
    "output": [{"storage_provider": "s3.x", "path": "bkt/out", "suffix": ["a"], "prefix": ["b", "c"]}],
    "image_pull_secrets": ["pull"],
    "expose": {
        "min_scale": 2,
        "max_scale": 3,
        "cpu_threshold": 50,
        "api_port": [80],
        "nodePort": [30000],
        "rewrite_target": True,
        "default_command": True,
        "set_auth": True,
        "auth_type": "forward",
        "health_path": "/health",
        "probe_mode": "direct",
    },
    "environment": {"variables": {"A": "1", "B": ""}},
    "annotations": {"a": "b"},
    "labels": {"team": "blue"},
    "interlink_node_name": "node",
    "visibility": "restricted",
    "allowed_users": ["ada"],
    "isolation_level": "USER",
    "mount": {"storage_provider": "minio.default", "path": "abc/d", "options": "--x"},
    "volume": {"name": "v", "size": "1Gi", "mount_path": "/v", "lifecycle_policy": "retain"},
    "federation": {
        "group_id": "g",
        "topology": "mesh",
        "delegation": "random",
        "rescheduler_threshold": 5,
        "members": [{**MEMBER, "ssl_verify": True, "priority": 2, "headers": {"X": "y"}}],
    },
    "kserve": {
        "type": "inference",
        "storage_uri": "hf://m",
        "inference": {"model_format": "x", "runtime": "r"},
        "api_version": "v2",
        "min_scale": 1,
        "max_scale": 4,
        "cpu": "2",
        "memory": "4Gi",
        "args": ["--a"],
        "env": {"E": "f"},
        "enable_gpu": True,
        "set_auth": True,
    },
}
# The server decides about these, or shows other names for them.
NOT_CHANGED = {"token", "owner", "namespace", "bucket_list", "volume_status", "labels", "storage_providers"}
# `vo` is kept by an update; an update cannot empty `environment.secrets`.
KEPT = {"vo", "secrets", "name"}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [path]


def another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [*value[:-1], another(value[-1])]
    if isinstance(value, int):
        return value + 1
    return {"INFO": "ERROR"}.get(value, f"{value}9")


def test_every_value_that_is_another_one_is_a_change() -> None:
    wanted = definition(**RICH)
    stored = shown(to_server(wanted, None, None))
    assert differing(wanted, stored) == []
    tried = 0
    for path in leaves(stored):
        if path[0] in NOT_CHANGED or path[-1] in KEPT:
            continue
        other = json.loads(json.dumps(stored))
        place = other
        for key in path[:-1]:
            place = place[key]
        if place[path[-1]] in ({}, None, [], ""):
            continue
        place[path[-1]] = another(place[path[-1]])
        changed = [change.field for change in differing(wanted, other)]
        assert len(changed) == 1, path
        assert changed[0].rpartition(".")[2].partition("[")[0] in [str(key) for key in path]
        tried += 1
    assert tried > 60


def test_an_exposed_service_that_is_exposed_no_more() -> None:
    stored = shown(to_server(definition(expose={"api_port": 80}), None, None))
    assert Change("expose.api_port", [80], None) in differing(definition(), stored)


def test_a_model_s_login_is_what_it_was_unless_the_file_says_otherwise() -> None:
    kserve = FORMS["model"]["kserve"]
    stored = shown(to_server(definition(kserve={**kserve, "set_auth": False}), None, None))
    assert "set_auth" not in stored["kserve"]
    assert differing(definition(kserve=kserve), stored) == []
    assert differing(definition(kserve={**kserve, "set_auth": True}), stored) == [
        Change("kserve.set_auth", False, True)
    ]


def test_a_port_that_was_assigned_is_told_from_one_that_was_wished_for_elsewhere() -> None:
    stored = shown(to_server(definition(expose={"api_port": [80, 81], "nodePort": [30001, 0]}), None, None))
    assert stored["expose"]["nodePort"] == [30001, ASSIGNED_PORT]
    changed = definition(expose={"api_port": [80, 81], "nodePort": [30002, 0]})
    assert differing(changed, stored) == [
        Change("expose.nodePort", [30001, ASSIGNED_PORT], [30002, ASSIGNED_PORT])
    ]


# -- secrets ----------------------------------------------------------------------------------------


def test_values_of_secrets_cannot_be_compared_and_names_can() -> None:
    stored = shown(to_server(definition(environment={"secrets": {"KEY": "old"}}), None, None))
    found = compare(to_server(definition(environment={"secrets": {"KEY": "new"}}), stored, None), stored)
    assert (found.changes, found.has_secrets, found.needs_write) == ((), True, True)
    other = compare(to_server(definition(environment={"secrets": {"NEW": "new"}}), stored, None), stored)
    assert other.changes == (
        Change("environment.secrets.NEW", None, "***"),
        Change("environment.secrets.KEY", "***", None),
    )


@pytest.mark.parametrize("secrets", [{}, {"KEY": ""}])
def test_secrets_without_values_stay_as_they_are(secrets: dict[str, str]) -> None:
    stored = shown(to_server(definition(environment={"secrets": {"KEY": "old"}}), None, None))
    found = compare(to_server(definition(environment={"secrets": secrets}), stored, None), stored)
    assert not found.needs_write


PROVIDERS = """
storage_providers:
  minio: {other: {endpoint: https://o, access_key: %(key)s-ak, secret_key: %(key)s-sk}}
  s3:
    aws: {access_key: %(key)s-s3, secret_key: %(key)s-s4, region: eu}
    labels: {access_key: %(key)s-s5, secret_key: %(key)s-s6, region: eu}
  webdav: {w: {hostname: h, login: %(key)s-login, password: %(key)s-password}}
  onedata: {o: {token: %(key)s-token, space: s}}
  rucio: {r: {refresh_token: %(key)s-rucio}}
clusters:
  two: {endpoint: https://two, auth_user: u, auth_password: %(key)s-pass, ssl_verify: true}
"""


def test_a_changed_secret_is_told_without_its_value() -> None:
    def with_key(key: str) -> dict[str, Any]:
        headers = f"      replicas: [{{type: endpoint, url: u, headers: {{Authorization: {key}-header}}}}]\n"
        [found] = definitions(published.POSENET + headers + PROVIDERS % {"key": key})
        return found

    stored = {**shown(to_server(with_key("old"), None, "4.0.1")), "replicas": with_key("old")["replicas"]}
    assert differing(with_key("old"), stored, "4.0.1") == []
    changes = differing(with_key("new"), stored, "4.0.1")
    assert len(changes) == 12
    assert {(change.old, change.new) for change in changes} == {("***", "***")}
    removed = differing(definitions(published.POSENET)[0], stored, "4.0.1")
    assert "old-" not in repr(removed)


def test_what_the_server_masks_is_not_compared() -> None:
    wanted = definition(federation={"topology": "star"})
    wanted["storage_providers"]["minio"]["default"] = {"endpoint": "e", "access_key": "a", "secret_key": "s"}
    stored = shown(to_server(wanted, None, None))
    assert [change.field for change in differing(wanted, stored)] == [
        "storage_providers.minio.default.endpoint"
    ]
    # Outside of a federation the server overwrites it anyway.
    del wanted["federation"]
    assert differing(wanted, shown(to_server(wanted, None, None))) == []


# -- texts ------------------------------------------------------------------------------------------


def test_scripts_are_compared_line_by_line() -> None:
    stored = shown(to_server(definition(), None, None))
    assert stored["script"] == "#!/bin/sh\necho 1\n"
    [change] = differing({**definition(), "script": "#!/bin/sh\necho 2"}, stored)
    assert is_text_of_lines(change)
    assert unified(change) == [
        "--- cluster",
        "+++ FDL",
        "@@ -1,2 +1,2 @@",
        " #!/bin/sh",
        "-echo 1",
        "+echo 2",
        "\\ No newline at end of file",
    ]


def test_other_texts_only_when_they_have_lines() -> None:
    assert not is_text_of_lines(Change("environment.variables.A", "a\n", "b"))
    assert is_text_of_lines(Change("environment.variables.A", "a\nb", None))
    assert is_text_of_lines(Change("script", "a", "b"))
    assert not is_text_of_lines(Change("memory", None, 3))


# -- whatever a server sends ------------------------------------------------------------------------


def junk(rng: random.Random, depth: int = 0) -> Any:
    choices: list[Any] = [None, True, 0, -1, 1.5, "", "x", "hidden", "a/b", "1Gi"]
    if depth < 3 and rng.random() < 0.5:
        keys = ["name", "path", "storage_provider", "api_port", "minio", "default", "secrets", "x"]
        if rng.random() < 0.5:
            return {rng.choice(keys): junk(rng, depth + 1) for _ in range(rng.randrange(3))}
        return [junk(rng, depth + 1) for _ in range(rng.randrange(3))]
    return rng.choice(choices)


def test_odd_documents_are_compared_without_a_failure() -> None:
    rng = random.Random(4711)
    keys = [
        *shown(to_server(definition(), None, None)),
        "kserve",
        "volume",
        "federation",
        "clusters",
        "replicas",
    ]
    for _ in range(number_of(3000)):
        stored = {key: junk(rng) for key in rng.sample(keys, rng.randrange(len(keys)))}
        compare(definition(**FORMS["assigned ports"]), stored, "4.0")
        comparable(stored, stored=True)
