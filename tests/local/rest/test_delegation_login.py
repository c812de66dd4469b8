"""A member that knows its users by OpenID alone: a service's refresh token is exchanged for access to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.users.tokens import REFRESH
from tests.local.harness import LocalCluster, open_cluster, wait_for
from tests.local.rest.test_delegation import create, definition, entry, occupied


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalCluster, LocalCluster]]:
    """Two clusters; the first one runs a single job at a time, the second one has users."""
    first = open_cluster(tmp_path_factory.mktemp("plain") / "data", parallel=1)
    second = open_cluster(tmp_path_factory.mktemp("users") / "data", parallel=2, users=True)
    assert second.server.cluster.users is not None
    for name in ("ann", "eve"):
        second.server.cluster.users.add(name, ["staff"])
    yield first, second
    for cluster in (first, second):
        cluster.close()


@pytest.fixture
def first(pair: tuple[LocalCluster, LocalCluster]) -> LocalCluster:
    return pair[0]


@pytest.fixture
def second(pair: tuple[LocalCluster, LocalCluster]) -> LocalCluster:
    return pair[1]


def uid(cluster: LocalCluster, name: str) -> str:
    assert cluster.server.cluster.users is not None
    user = cluster.server.cluster.users.named(name)
    assert user is not None
    return user.uid


def refresh_token(cluster: LocalCluster, name: str) -> str:
    users, tokens = cluster.server.cluster.users, cluster.server.cluster.tokens
    assert users is not None
    assert tokens is not None
    user = users.named(name)
    assert user is not None
    return tokens.refresh(user, "openid profile offline_access")


def stored_token(cluster: LocalCluster, name: str) -> str:
    stored = cluster.server.cluster.services.get(name)
    assert stored is not None
    return str(stored["environment"]["secrets"]["refresh_token"])


def with_token(document: dict[str, Any], second: LocalCluster, token: str) -> dict[str, Any]:
    """Return a definition whose second cluster is reached by a token alone."""
    document["clusters"]["second"] = entry(second, auth_user="", auth_password="")
    document["environment"] = {"secrets": {"refresh_token": token, "OTHER": "kept"}}
    return document


@pytest.mark.parametrize("mode", ["static", "random", "load-based", "topsis"])
def test_a_token_opens_the_cluster_of_a_member(
    first: LocalCluster, second: LocalCluster, tmp_path: Path, mode: str
) -> None:
    name, token = f"by-token-{mode}", refresh_token(second, "ann")
    federation = {"delegation": mode}
    document = definition(name, first, second, "true\n", federation=federation, cpu="0.1")
    create(first, with_token(document, second, token))
    there = second.api.get(f"/system/services/{name}-there").json()
    assert there["owner"] == uid(second, "ann")
    assert there["environment"]["secrets"] == {"OTHER": ""}, "what hands nothing on needs no access"
    # A refresh token of this issuer is good once, and what follows it is kept.
    assert stored_token(first, name) != token
    # As one that was there before: with a token of its own, which the first cluster does not know.
    stored = second.server.cluster.services.get(f"{name}-there")
    assert stored is not None
    second.server.cluster.services.put({**stored, "token": "0" * 64})
    occupied(first, f"{name}-busy", tmp_path / "go")
    kept = stored_token(first, name)
    for number in range(2):
        first.submit(name, job=f"{name}-{number}")
    jobs = second.ended(f"{name}-there", 2)
    assert {job: one["status"] for job, one in jobs.items()} == {
        f"{name}-0": "Succeeded", f"{name}-1": "Succeeded",
    }  # fmt: skip
    assert stored_token(first, name) == kept, "an access token is used as long as it is good"
    (tmp_path / "go").touch()
    first.ended(f"{name}-busy")


def test_members_are_told_of_changes_by_the_token(first: LocalCluster, second: LocalCluster) -> None:
    document = with_token(definition("told", first, second, "true\n"), second, refresh_token(second, "ann"))
    create(first, document)
    changed = {**document, "script": "echo new\n", "environment": {"variables": {"A": "b"}}}
    assert first.api.put("/system/services", json=changed).status_code == 204
    there = second.api.get("/system/services/told-there").json()
    assert (there["script"], there["environment"]["variables"]) == ("echo new\n", {"A": "b"})
    more = {"type": "oscar", "cluster_id": "second", "service_name": "told-too"}
    assert first.api.post("/system/federation/told", json={"members": [more]}).status_code == 200
    assert second.api.get("/system/services/told-too").json()["owner"] == uid(second, "ann")


@pytest.mark.parametrize(
    "token", ["nonsense", "a.b.c", "e30.e30.e30", "void", "gone"], ids=lambda value: str(value)[:10]
)
def test_a_token_that_is_void_makes_no_service(first: LocalCluster, second: LocalCluster, token: str) -> None:
    if token == "void":
        token = refresh_token(second, "eve")
        users, tokens = second.server.cluster.users, second.server.cluster.tokens
        assert users is not None
        assert tokens is not None
        users.end_login(tokens.read(token, REFRESH)[1]["jti"])
    if token == "gone":
        token = "e30.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjkvb2lkYyJ9.e30"
    document = with_token(definition("void", first, second, "true\n"), second, token)
    answer = first.api.post("/system/services", json=document)
    words = 'federation auth failed: [auth rejected by cluster "second" (status 401)]'
    assert (answer.status_code, answer.text) == (401, words)
    assert first.api.get("/system/services/void").status_code == 404


def test_a_token_that_becomes_void_leaves_the_job_here(
    first: LocalCluster, second: LocalCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = with_token(definition("late", first, second, "true\n"), second, refresh_token(second, "ann"))
    create(first, document)
    stored = first.server.cluster.services.get("late")
    there = second.server.cluster.services.get("late-there")
    assert stored is not None
    assert there is not None
    stored["environment"]["secrets"]["refresh_token"] = "x.e30.y"
    first.server.cluster.services.put(stored)
    second.server.cluster.services.put({**there, "token": "0" * 64})
    occupied(first, "late-busy", tmp_path / "go")
    first.submit("late")
    said = 'the refresh token of service "late" gets no access'
    wait_for(lambda: said in caplog.text, "the warning")
    (tmp_path / "go").touch()
    first.ended("late")
    assert second.jobs("late-there") == {}
    assert "x.e30.y" not in caplog.text
