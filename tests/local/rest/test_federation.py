"""Federations: members are stored with the service by the four verbs; who is told is in test_delegation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from oscarcli.local.services.definition import read_definition
from oscarcli.local.services.warnings import warnings
from tests.local.harness import LocalCluster

PREFIX = "The service specification is not valid: "


def member(service: str, cluster: str = "other", **more: Any) -> dict[str, Any]:
    return {
        "type": "oscar",
        "cluster_id": cluster,
        "service_name": service,
        "url": "",
        "ssl_verify": True,
        "priority": 0,
        "headers": None,
        **more,
    }


def make(cluster: LocalCluster, name: str, **members: Any) -> str:
    """Create a service and return the route of its federation."""
    cluster.create(name, "true\n", **members)
    return f"/system/federation/{name}"


def members_of(cluster: LocalCluster, route: str) -> Any:
    return cluster.api.get(route).json()["members"]


def test_a_service_has_no_members_at_first(cluster: LocalCluster) -> None:
    route = make(cluster, "alone")
    assert cluster.api.get(route).text == '{"topology":"none","members":null}'
    assert "federation" not in cluster.api.get("/system/services/alone").json()


def test_members_are_appended_shown_and_kept(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    route = make(cluster, "kept")
    given = {"Type": "oscar", "cluster_id": "other", "service_name": "there", "ssl_verify": True}
    response = cluster.api.post(route, json={"members": [given]})
    assert (response.status_code, response.json()) == (
        200,
        {"topology": "none", "members": [member("there")]},
    )
    full = member("far", url="https://far.example", priority=3, headers={"X": "y"}, ssl_verify=False)
    cluster.api.post(route, json={"members": [full, full]})
    expected = [member("there"), full, full]
    assert members_of(cluster, route) == expected, "nobody looks for doubles"
    federation = {"group_id": "kept", "topology": "none", "members": expected}
    assert cluster.api.get("/system/services/kept").json()["federation"] == federation
    cluster.close()
    assert members_of(start_cluster(), route) == expected


def test_the_first_update_takes_the_place_of_every_member_that_fits(cluster: LocalCluster) -> None:
    route = make(cluster, "replaced")
    cluster.api.post(route, json={"members": [member("a"), member("b"), member("a", priority=7)]})
    new = member("c", priority=1)
    body = {"members": [{**member("a"), "type": "OSCAR", "url": "ignored"}], "update": [new, member("d")]}
    response = cluster.api.put(route, json=body)
    assert (response.status_code, response.json()["members"]) == (200, [new, member("b"), new])
    for nothing in (
        {"members": [member("missing")], "update": [member("x")]},
        {"members": [member("b", cluster="B")], "update": [member("x")]},
        {"members": [member("b")]},
    ):
        assert cluster.api.put(route, json=nothing).json()["members"] == [new, member("b"), new]


def test_members_that_fit_are_removed(cluster: LocalCluster) -> None:
    route = make(cluster, "removed")
    cluster.api.post(route, json={"members": [member("a"), member("b"), member("a", priority=7)]})
    response = cluster.api.request("DELETE", route, json={"members": [member("a")]})
    assert (response.status_code, response.json()["members"]) == (200, [member("b")])
    assert cluster.api.request("DELETE", route, json={"members": [member("b")]}).json()["members"] is None
    federation = cluster.api.get("/system/services/removed").json()["federation"]
    assert federation == {"group_id": "removed", "topology": "none"}


def test_services_of_members_names_are_deleted_only_when_asked(cluster: LocalCluster) -> None:
    route = make(cluster, "hub")
    for name in ("spoke", "bystander"):
        cluster.create(name, "true\n")
    cluster.create("stranger", "true\n", namespace="elsewhere")
    members = [member("spoke"), member("stranger"), member("not-here")]
    cluster.api.post(route, json={"members": members})
    cluster.api.request("DELETE", route, json={"members": [member("spoke")]})
    assert cluster.api.get("/system/services/spoke").status_code == 200
    cluster.api.post(route, json={"members": [member("spoke")]})
    body = {"members": [*members, member("bystander")], "delete": True}
    assert cluster.api.request("DELETE", route, json=body).json()["members"] is None
    found = {
        name: cluster.api.get(f"/system/services/{name}").status_code
        for name in ("hub", "spoke", "bystander", "stranger")
    }
    assert found == {"hub": 200, "spoke": 404, "bystander": 200, "stranger": 200}
    assert "spoke-bucket" not in [bucket["Name"] for bucket in cluster.s3.list_buckets()["Buckets"]]


def test_clusters_are_merged_and_providers_replaced(cluster: LocalCluster) -> None:
    s3 = {"access_key": "a", "secret_key": "s", "region": "r"}
    old = {"endpoint": "https://old", "auth_user": "u", "auth_password": "p", "ssl_verify": True}
    route = make(cluster, "merged", clusters={"old": old}, storage_providers={"s3": {"gone": s3}})
    own = cluster.api.get("/system/services/merged").json()["storage_providers"]["minio"]
    new = {"endpoint": "https://new"}
    foreign = {"minio": {"default": {"endpoint": "x"}}, "s3": {"mine": s3}}
    cluster.api.post(route, json={"clusters": {"new": new}, "storage_providers": foreign})
    service = cluster.api.get("/system/services/merged").json()
    blank = {"auth_user": "", "auth_password": "", "ssl_verify": False}
    assert service["clusters"] == {"old": old, "new": {**new, **blank}}
    assert service["storage_providers"] == {"s3": {"mine": s3}, "minio": own}
    cluster.api.post(route, json={"members": [member("m")]})
    assert cluster.api.get("/system/services/merged").json()["clusters"] == service["clusters"]


def test_a_service_with_members_works_says_so_and_can_be_sent_back(cluster: LocalCluster) -> None:
    route = make(cluster, "sent-back")
    cluster.api.post(route, json={"members": [member("there")]})
    service = cluster.api.get("/system/services/sent-back").json()
    changed = {**service, "memory": "512Mi"}
    assert cluster.api.put("/system/services", json=changed).status_code == 204
    assert members_of(cluster, route) == [member("there")]
    cluster.upload("sent-back", "in/x")
    (job,) = cluster.ended("sent-back")
    assert "federation members, but no topology: they get no jobs" in cluster.log("sent-back", job)
    other = {**service, "federation": {**service["federation"], "topology": "star"}}
    told = cluster.api.put("/system/services", json=other)
    words = 'Updated with federation warnings: [cluster "other" not defined]'
    assert (told.status_code, told.text) == (200, words)
    assert cluster.api.get(route).json()["topology"] == "star", "it is stored all the same"
    assert cluster.api.put("/system/services", json={**service, "federation": None}).status_code == 204
    assert members_of(cluster, route) is None, "an update replaces all"


@pytest.mark.parametrize(("delegation", "is_warned"), [({}, True), ({"delegation": "random"}, False)])
def test_a_federation_that_names_no_way_to_choose_is_warned_of(
    delegation: dict[str, str], is_warned: bool
) -> None:
    federation = {"topology": "star", "members": [member("there")], **delegation}
    definition = read_definition(
        json.dumps({"name": "f", "image": "i", "script": "true\n", "federation": federation}).encode()
    )
    said = 'federation.delegation is not set: a real cluster hands no jobs on then; write "static"'
    assert (said in warnings(definition)) == is_warned


def test_a_topology_waits_for_members(cluster: LocalCluster) -> None:
    route = make(cluster, "waiting", federation={"topology": "star", "members": []})
    assert cluster.api.get(route).text == '{"topology":"star","members":null}'
    added = cluster.api.post(route, json={"members": [member("there")]})
    words = 'Updated with federation warnings: [cluster "other" not defined]'
    assert (added.status_code, added.text) == (200, words)
    assert cluster.api.get(route).json() == {"topology": "star", "members": [member("there")]}
    service = cluster.api.get("/system/services/waiting").json()
    meshed = {**service, "federation": {"topology": "mesh"}}
    assert cluster.api.put("/system/services", json=meshed).status_code == 204
    assert cluster.api.get(route).json() == {"topology": "mesh", "members": None}


def test_a_federation_without_members_gets_its_defaults(cluster: LocalCluster) -> None:
    make(cluster, "defaulted", federation={"delegation": "static"})
    federation = cluster.api.get("/system/services/defaulted").json()["federation"]
    assert federation == {"group_id": "defaulted", "topology": "none", "delegation": "static"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "EOF"),
        ('{"members": {}}', "json: cannot unmarshal object into Go struct field FederationRequest.members"),
        ('{"members": [{"priority": "1"}]}', "json: cannot unmarshal string"),
        ('{"update": [{"priority": -1}]}', "json: cannot unmarshal number -1"),
    ],
)
def test_a_bad_body_is_refused(cluster: LocalCluster, method: str, body: str, text: str) -> None:
    response = cluster.api.request(method, "/system/federation/whatever", content=body)
    assert response.status_code == 400
    assert response.text.startswith(f"Invalid payload: {text}")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_service_that_is_not_there(cluster: LocalCluster, method: str) -> None:
    response = cluster.api.request(method, "/system/federation/nothing", json={})
    assert (response.status_code, response.content) == (404, b"")
    assert cluster.call(method, "/system/federation/nothing").status_code == 401
