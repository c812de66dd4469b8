"""Which cluster each service goes to, which logins it is given, and what has to be done."""

from __future__ import annotations

from typing import Any

import pytest

from oscarcli.config.model import Cluster, Configuration
from oscarcli.errors import AuthError, ConfigError, RefusedError
from oscarcli.fdl.plan import Existing, Wanted, plan, targets, with_logins
from oscarcli.fdl.service import ServiceDefinition

CONFIG = Configuration(
    {
        "one": Cluster("one", "https://one.example.org", auth_user="u1", auth_password="p1"),
        "two": Cluster("two", "https://two.example.org", auth_user="u2", auth_password="p2"),
        "oidc": Cluster("oidc", "https://oidc.example.org", oidc_account_name="me", ssl_verify=False),
    },
    default="two",
)


def service(name: str, key: str = "one", line: int = 3, **keys: Any) -> ServiceDefinition:
    return ServiceDefinition(
        key, {"name": name, "cluster_id": key, **keys}, line, f"functions.oscar[0].{key}"
    )


@pytest.mark.parametrize(
    ("key", "cluster_id", "use_default", "expected"),
    [
        ("one", None, False, "one"),
        ("default-cluster", None, False, "two"),
        ("one", "oidc", False, "oidc"),
        ("default-cluster", "one", False, "one"),
        ("one", None, True, "two"),
        ("one", "oidc", True, "two"),
        ("nowhere", "one", False, "one"),
    ],
)
def test_the_target_cluster(key: str, cluster_id: str | None, use_default: bool, expected: str) -> None:
    [found] = targets([service("a", key)], CONFIG, cluster_id=cluster_id, use_default=use_default)
    assert found.cluster_id == expected
    assert found.service.definition["cluster_id"] == expected


@pytest.mark.parametrize(("key", "cluster_id"), [("tow", None), ("one", "tow")])
def test_an_unknown_cluster_stops_everything(key: str, cluster_id: str | None) -> None:
    with pytest.raises(ConfigError, match='the cluster "tow" doesn\'t exist') as caught:
        targets([service("a"), service("b", key)], CONFIG, cluster_id=cluster_id)
    assert "did you mean two?" in str(caught.value.hint)
    assert "oscar-cli cluster add tow" in str(caught.value.hint)


@pytest.mark.parametrize(("key", "use_default"), [("default-cluster", False), ("one", True)])
def test_without_a_default_cluster(key: str, use_default: bool) -> None:
    config = Configuration(CONFIG.clusters)
    with pytest.raises(ConfigError, match="there is no default one") as caught:
        targets([service("a", key)], config, use_default=use_default)
    assert "oscar-cli cluster default --set" in str(caught.value.hint)


def test_one_service_cannot_go_to_one_cluster_twice() -> None:
    services = [service("a", "one", 3), service("a", "two", 9)]
    assert len(targets(services, CONFIG)) == 2
    with pytest.raises(
        ConfigError, match='service "a" is in the FDL twice for cluster "one", on lines 3 and 9'
    ):
        targets(services, CONFIG, cluster_id="one")


def test_no_service_is_given_logins_that_it_does_not_need() -> None:
    wanted = targets([service("a"), service("b", federation={"topology": "none"})], CONFIG)
    existing = {item.key: Existing() for item in wanted}
    assert with_logins(wanted, existing, CONFIG.clusters) == (wanted, {})


def logins(version: str | None = None, **keys: Any) -> tuple[dict[str, Any], dict[str, list[str]]]:
    wanted = targets([service("a", **keys)], CONFIG)
    existing = {item.key: Existing(version=version) for item in wanted}
    [found], added = with_logins(wanted, existing, CONFIG.clusters)
    return found.service.definition.get("clusters", {}), added


def test_replicas_are_given_the_logins_they_need() -> None:
    replicas = [{"type": "oscar", "cluster_id": "two"}, {"type": "endpoint", "url": "u"}]
    clusters, added = logins("4.0.2", replicas=replicas)
    assert clusters == {
        "two": {
            "endpoint": "https://two.example.org",
            "auth_user": "u2",
            "auth_password": "p2",
            "ssl_verify": True,
        }
    }
    assert added == {"a": ["two"]}


@pytest.mark.parametrize("version", ["4.1.0", "v5.0.0", "devel", None])
def test_servers_that_do_not_read_replicas_are_given_no_logins_for_them(version: str | None) -> None:
    members = [{"type": "oscar", "cluster_id": "two"}]
    assert logins(version, replicas=members) == ({}, {})
    clusters, added = logins(version, replicas=members, federation={"topology": "mesh"})
    assert (clusters, added) == ({}, {})


def test_a_cluster_without_a_password_is_named_without_one() -> None:
    clusters, _ = logins(
        federation={"topology": "star", "members": [{"type": "oscar", "cluster_id": "oidc"}]}
    )
    assert clusters["oidc"] == {
        "endpoint": "https://oidc.example.org",
        "auth_user": "",
        "auth_password": "",
        "ssl_verify": False,
    }


def test_in_a_mesh_the_others_delegate_back() -> None:
    _, added = logins(federation={"topology": "mesh", "members": [{"type": "oscar", "cluster_id": "two"}]})
    assert added == {"a": ["two", "one"]}


def test_logins_of_the_file_and_unknown_clusters_are_left_alone() -> None:
    members = [{"type": "oscar", "cluster_id": name} for name in ("two", "elsewhere")]
    clusters, added = logins(federation={"members": members}, clusters={"two": {"endpoint": "mine"}})
    assert (clusters, added) == ({"two": {"endpoint": "mine"}}, {})


def test_the_plan_is_in_file_order_and_needs_a_clear_answer() -> None:
    wanted = [Wanted("one", service(name, image="i")) for name in ("b", "a", "c", "d", "e")]
    refused = AuthError("no")
    actions = plan(
        wanted,
        {
            ("one", "a"): Existing({"name": "a", "owner": "me"}),
            ("one", "b"): Existing(),
            ("one", "c"): Existing(error=refused),
            ("one", "d"): Existing(error=refused, tried=False),
            ("one", "e"): Existing({"name": "e", "image": "i", "owner": "me"}),
        },
    )
    assert [(a.kind, a.name, a.error, a.tried) for a in actions] == [
        ("create", "b", None, True),
        ("edit", "a", None, True),
        ("check", "c", refused, True),
        ("check", "d", refused, False),
        ("none", "e", None, True),
    ]
    assert actions[1].definition is not None
    assert actions[1].definition["owner"] == "me"


def test_what_the_server_cannot_take_fails_before_it_is_sent() -> None:
    wanted = Wanted("one", service("a", expose={"api_port": [1, 2]}))
    [action] = plan([wanted], {wanted.key: Existing(version="3.6.0")})
    assert action.kind == "check"
    assert isinstance(action.error, RefusedError)
