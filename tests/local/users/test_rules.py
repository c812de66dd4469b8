"""The manager's rules of who may do what, row by row: logins, visibility, and what sets users apart."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from oscarcli.local.users.tokens import IssuedTokens
from tests.local.harness import LocalCluster, open_cluster, wait_for, without_told_lines

CHALLENGE = 'Basic realm="Authorization Required"'
NO_ACCESS = "You do not have permission to access this service"
SERVICES = {
    "open": {"visibility": "public"},
    "shared": {"visibility": "restricted"},
    "own": {"visibility": "private"},
    # A word that is no visibility: listed for nobody, and usable by its owner.
    "odd": {"visibility": "team"},
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    running = open_cluster(tmp_path_factory.mktemp("rules") / "data", users=True, parallel=4)
    yield running
    running.close()


class People:
    """The cluster's account, the owner of all services, somebody whom they name, and a stranger."""

    def __init__(self, cluster: LocalCluster) -> None:
        self.users, self.tokens = cluster.server.cluster.users, cluster.server.cluster.tokens
        assert self.users is not None
        assert self.tokens is not None
        self.cluster = cluster
        self.uids = {name: self.users.add(name, ["staff"]).uid for name in ("owner", "named", "stranger")}
        self.logins = {
            name: {"Authorization": f"Bearer {self.tokens.access(self._user(uid))}"}
            for name, uid in self.uids.items()
        }

    def _user(self, uid: str) -> Any:
        assert self.users is not None
        return self.users.get(uid)

    def call(self, who: str, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request as somebody."""
        if who == "admin":
            return self.cluster.api.request(method, path, **arguments)
        return self.cluster.call(method, path, headers=self.logins[who], **arguments)

    def token(self, clock: Callable[[], float] = time.time) -> str:
        """Return a token of the owner, as of another time."""
        assert self.users is not None
        assert self.tokens is not None
        return IssuedTokens(self.users, self.tokens.issuer, clock).access(self._user(self.uids["owner"]))


@pytest.fixture(scope="module")
def people(cluster: LocalCluster) -> People:
    """Everybody, with the services of the owner; each has had a job that the owner started."""
    found = People(cluster)
    for name, members in SERVICES.items():
        definition = {
            "name": name, "image": "none", "script": "echo told\n", **members,
            "allowed_users": [found.uids["named"]],
        }  # fmt: skip
        answer = found.call("owner", "POST", "/system/services", json=definition)
        assert (answer.status_code, answer.text) == (201, "")
        headers = {**found.logins["owner"], "X-Delegated-Job-ID": f"{name}-job"}
        assert cluster.call("POST", f"/job/{name}", headers=headers).status_code == 201
        cluster.ended(name)
    return found


# -- logins of /system (`oscar-api` 1.2) -------------------------------------------------------------------


def changed(token: str, **claims: Any) -> str:
    """Return a token that says something else, with the signature that it had."""
    head, payload, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    text = base64.urlsafe_b64encode(json.dumps({**told, **claims}).encode()).decode().rstrip("=")
    return f"{head}.{text}.{signature}"


SYSTEM_LOGINS: dict[str, tuple[Callable[[str], str | None], int, str, str | None]] = {
    "nothing": (lambda _: None, 401, "", CHALLENGE),
    "a wrong password": (lambda _: "Basic b3NjYXI6d3Jvbmc=", 401, "", CHALLENGE),
    "Basic that is no base64": (lambda _: "Basic !", 401, "", CHALLENGE),
    "another scheme": (lambda token: f"Token {token}", 401, "", CHALLENGE),
    "bearer in small letters": (lambda token: f"bearer {token}", 401, "", CHALLENGE),
    "a good token": (lambda token: f"Bearer {token}", 200, "", None),
    "a token of two parts": (
        lambda _: "Bearer a.b",
        400,
        "token is malformed: token contains an invalid number of segments",
        None,
    ),
    "a token that is no JSON": (
        lambda _: "Bearer a.b.c",
        400,
        "token is malformed: could not base64 decode header",
        None,
    ),
    "another issuer": (
        lambda token: f"Bearer {changed(token, iss='https://elsewhere')}",
        401,
        "'https://elsewhere' is not listed as an authorized issuer",
        None,
    ),
    "a changed token": (lambda token: f"Bearer {changed(token, sub='somebody')}", 401, "", None),
}


@pytest.mark.parametrize("login", SYSTEM_LOGINS)
def test_who_gets_into_system(cluster: LocalCluster, people: People, login: str) -> None:
    header, status, text, challenge = SYSTEM_LOGINS[login]
    value = header(people.token())
    headers = {"Authorization": value} if value is not None else {}
    answer = cluster.call("GET", "/system/info", headers=headers)
    assert answer.status_code == status
    assert answer.headers.get("www-authenticate") == challenge
    assert answer.text == text if status != 200 else "version" in answer.json()


def test_a_token_is_over_after_its_time(cluster: LocalCluster, people: People) -> None:
    late = people.token(lambda: time.time() - 3700)
    answer = cluster.call("GET", "/system/info", headers={"Authorization": f"Bearer {late}"})
    assert (answer.status_code, answer.text, answer.headers.get("www-authenticate")) == (401, "", None)


# -- logins of /job and /run (1.3) -------------------------------------------------------------------------

MALFORMED = (
    "token is malformed: token contains an invalid number of segmentsError getting oidc manager for issuer ''"
)
INVOCATIONS: dict[str, tuple[Callable[[People], str | None], str, tuple[int, str], tuple[int, str]]] = {
    "nothing": (lambda _: None, "own", (401, ""), (401, "")),
    "Basic": (lambda _: "Basic b3NjYXI6d3Jvbmc=", "own", (401, ""), (401, "")),
    "Bearer twice": (lambda p: f"Bearer Bearer {p.token()}", "own", (401, ""), (401, "")),
    "a wrong token of a service": (lambda _: f"Bearer {'0' * 64}", "own", (401, ""), (401, "")),
    "a token of no service": (lambda _: f"Bearer {'0' * 64}", "nobody", (401, ""), (401, "")),
    "neither of both": (lambda _: "Bearer nonsense", "own", (502, MALFORMED), (502, MALFORMED)),
    "another issuer": (
        lambda p: f"Bearer {changed(p.token(), iss='https://elsewhere')}",
        "own",
        (400, "Error getting oidc manager for issuer 'https://elsewhere'"),
        (400, "Error getting oidc manager for issuer 'https://elsewhere'"),
    ),
    "a token that is over": (
        lambda p: f"Bearer {p.token(lambda: time.time() - 3700)}",
        "own",
        (404, ""),
        (500, ""),
    ),
    "a changed token": (
        lambda p: f"Bearer {changed(p.token(), sub=p.uids['named'])}",
        "own",
        (404, ""),
        (500, ""),
    ),
    "a user, no service": (lambda p: f"Bearer {p.token()}", "nobody", (404, ""), (404, "")),
}


@pytest.mark.parametrize("login", INVOCATIONS)
def test_who_may_not_call_a_service(cluster: LocalCluster, people: People, login: str) -> None:
    header, service, run, job = INVOCATIONS[login]
    value = header(people)
    headers = {"Authorization": value} if value is not None else {}
    for route, expected in (("run", run), ("job", job)):
        answer = cluster.call("POST", f"/{route}/{service}", headers=headers, content=b"{}")
        assert (answer.status_code, answer.text) == expected, route
    assert cluster.api.request("POST", "/job/own").status_code == 401, "the cluster's account cannot, either"


def test_the_token_of_a_service_opens_it_to_everybody(cluster: LocalCluster, people: People) -> None:
    for name in SERVICES:
        headers = cluster.bearer(name)
        answer = cluster.call("POST", f"/run/{name}", headers=headers, content=b"")
        assert (answer.status_code, without_told_lines(answer.text)) == (200, "told\n\n")
    assert people.call("stranger", "POST", "/run/own", content=b"").status_code == 404


# -- visibility (1.4) --------------------------------------------------------------------------------------


def is_listed(people: People, who: str, service: str) -> bool:
    return service in [one["name"] for one in people.call(who, "GET", "/system/services").json()]


def answer_of(method: str, path: str, **arguments: Any) -> Callable[[People, str, str], tuple[int, bool]]:
    """Return what sends a request; its answer is the status, and whether there was a body."""

    def send(people: People, who: str, service: str) -> tuple[int, bool]:
        answer = people.call(who, method, path.format(service), **arguments)
        return answer.status_code, bool(answer.content)

    return send


# For each operation: how it is done, what it answers to those who may, and to the others.
OPERATIONS: dict[str, tuple[Callable[[People, str, str], Any], Any, Any]] = {
    "list": (is_listed, True, False),
    "get": (answer_of("GET", "/system/services/{}"), (200, True), (403, True)),
    "auth": (answer_of("GET", "/system/services/{}/auth"), (200, False), (403, False)),
    "jobs": (answer_of("GET", "/system/logs/{0}"), (200, True), (200, False)),
    "log": (answer_of("GET", "/system/logs/{0}/{0}-job"), (200, True), (200, False)),
    "deployment": (answer_of("GET", "/system/services/{}/deployment"), (200, True), (403, True)),
    "deployment logs": (answer_of("GET", "/system/services/{}/deployment/logs"), (200, True), (403, True)),
    "metrics": (answer_of("GET", "/system/metrics/{}"), (200, True), (403, False)),
    "run": (answer_of("POST", "/run/{}", content=b""), (200, True), (404, False)),
    "job": (answer_of("POST", "/job/{}", content=b""), (201, False), (404, False)),
    "delete a job": (answer_of("DELETE", "/system/logs/{}/none"), (404, False), (403, True)),
    "delete jobs": (answer_of("DELETE", "/system/logs/{}"), (204, False), (200, False)),
}
LISTING = ("list", "get", "auth")
MAY = {
    "open": ("owner", "named", "stranger"),
    "shared": ("owner", "named"),
    "own": ("owner",),
    "odd": ("owner",),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("service", SERVICES)
def test_who_may_do_what_with_a_service(people: People, service: str, operation: str) -> None:
    send, allowed, refused = OPERATIONS[operation]
    for who in ("owner", "named", "stranger"):
        may = who in MAY[service] and not (service == "odd" and operation in LISTING)
        assert send(people, who, service) == (allowed if may else refused), who
    if operation not in ("run", "job"):
        assert send(people, "admin", service) == allowed, "the cluster's account may do everything"


def change(people: People, who: str, service: str, word: str) -> httpx.Response:
    """Do one of `CHANGES` to a service."""
    path = f"/system/services/{service}"
    if word == "update":
        shown = people.call("admin", "GET", path).json()
        return people.call(who, "PUT", "/system/services", json=shown)
    if word == "delete":
        return people.call(who, "DELETE", path)
    return people.call(who, "POST", f"{path}/{word}")


CHANGES = ("update", "start", "stop", "restart", "delete")
NOT_EXPOSED = dict.fromkeys(("start", "stop", "restart"), 400)


@pytest.mark.parametrize("word", CHANGES)
@pytest.mark.parametrize("service", SERVICES)
def test_only_its_owner_changes_a_service(people: People, service: str, word: str) -> None:
    for who in ("named", "stranger"):
        answer = change(people, who, service, word)
        assert answer.status_code == (500 if word == "delete" else 403), who
    if word == "delete":
        # The others need it.
        assert people.call("admin", "GET", f"/system/services/{service}").status_code == 200
        return
    for who in ("owner", "admin"):
        answer = change(people, who, service, word)
        assert answer.status_code == NOT_EXPOSED.get(word, 204), (who, answer.text)
        assert (
            people.call("admin", "GET", f"/system/services/{service}").json()["owner"] == people.uids["owner"]
        )


def test_a_federation_belongs_to_nobody(people: People) -> None:
    member = {"type": "oscar", "cluster_id": "x", "service_name": "y"}
    for verb, count in (("POST", 1), ("DELETE", 0)):
        answer = people.call("stranger", verb, "/system/federation/own", json={"members": [member]})
        assert (answer.status_code, len(answer.json()["members"] or [])) == (200, count)
    assert people.call("stranger", "GET", "/system/federation/own").status_code == 200


# -- whose jobs are (3.7, 9) -------------------------------------------------------------------------------


def test_users_see_their_own_jobs(cluster: LocalCluster, people: People) -> None:
    source = {"storage_provider": "minio", "path": "counted/in"}
    definition = {
        "name": "counted",
        "image": "none",
        "script": "true\n",
        "visibility": "public",
        "input": [source],
    }
    assert people.call("owner", "POST", "/system/services", json=definition).status_code == 201

    def submit(job: str, headers: dict[str, str], body: bytes = b"") -> None:
        headers = {**headers, "X-Delegated-Job-ID": job}
        assert cluster.call("POST", "/job/counted", headers=headers, content=body).status_code == 201

    parameters = {"principalId": people.uids["named"], "sourceIPAddress": "10.0.0.1"}
    event = json.dumps({"Records": [{"requestParameters": parameters}]}).encode()
    half = json.dumps({"Records": [{"requestParameters": {"principalId": people.uids["named"]}}]}).encode()
    submit("by-login", people.logins["named"])
    submit("by-event", people.logins["owner"], event)
    submit("by-half-an-event", people.logins["owner"], half)
    submit("by-token", cluster.bearer("counted"))
    link = {"object_key": "in/x", "operation": "upload"}
    url = people.call("stranger", "POST", "/system/buckets/counted/presign", json=link).json()["url"]
    assert httpx.put(url, content=b"1", trust_env=False, verify=False).status_code == 200
    wait_for(lambda: len(cluster.jobs("counted")) == 5, "all jobs")

    def seen(who: str) -> set[str]:
        return set(people.call(who, "GET", "/system/logs/counted").json()["jobs"])

    (uploaded,) = seen("stranger")
    assert seen("named") == {"by-login", "by-event"}
    assert seen("owner") == {"by-half-an-event"}, "also a service's owner sees but their own"
    assert seen("admin") == {"by-login", "by-event", "by-half-an-event", "by-token", uploaded}
    headers = people.logins["stranger"]
    for login in (headers, headers, cluster.bearer("counted")):
        assert cluster.call("POST", "/run/counted", headers=login, content=b"").status_code == 200
    submit("too-large", people.logins["named"], b"x" * 200_000)
    params = {"group_by": "service", "include_users": "true"}
    items = cluster.api.get("/system/metrics/breakdown", params=params).json()["items"]
    (item,) = [item for item in items if item["key"] == "counted"]
    assert item["users"] == sorted([*people.uids.values(), "oscar"])
    assert (item["requests_count_async"], item["requests_count_sync"]) == (6, 3)
    items = cluster.api.get("/system/metrics/breakdown", params={"group_by": "user"}).json()["items"]
    membership = {item["key"]: item["membership"] for item in items}
    assert {membership[uid] for uid in people.uids.values()} == {"member"}
    assert seen("named") == {"by-login", "by-event", "too-large"}
    # The log of a job is anybody's who knows its name, and so is the deletion of all.
    cluster.ended("counted", 6)
    assert people.call("stranger", "GET", "/system/logs/counted/by-login").status_code == 200
    assert people.call("stranger", "DELETE", "/system/logs/counted?all=true").status_code == 204
    assert seen("admin") == set()


def test_the_log_of_calls_names_who_called(cluster: LocalCluster, people: People) -> None:
    void = {"Authorization": f"Bearer {changed(people.token(), sub=people.uids['named'])}"}
    token = cluster.bearer("open")
    for route, headers in (
        ("job", people.logins["named"]),
        ("run", people.logins["named"]),
        ("job", token),
        ("run", token),
        ("run", void),
    ):
        cluster.call("POST", f"/{route}/open", headers=headers, content=b"")
    users = [entry["user"] for entry in cluster.api.get("/system/logs").json()["logs"][-5:]]
    named = people.uids["named"]
    assert users == [named, named, "nil", "oscar", "oscar"]


# -- the cluster's account and users (9) -------------------------------------------------------------------

Row = tuple[str, str, Any, tuple[int, str | None], tuple[int, str | None]]
# Method, path, body; status and text for the cluster's account, and for a user. No text: any.
ACCOUNT_AND_USER: dict[str, Row] = {
    "set images": ("PUT", "/system/config", {}, (400, None), (401, '""')),
    "delete an unknown service": (
        "DELETE", "/system/services/nobody", None, (404, ""),
        (500, 'the service "nobody" does not have a registered ConfigMap'),
    ),
    "the cluster's log": (
        "GET", "/system/logs", None, (200, None), (403, "OIDC tokens are not allowed for system logs"),
    ),
    "one's own quota": (
        "GET", "/system/quotas/user", None,
        (401, "missing user identificator: the request has no user's token"), (200, None),
    ),
    "somebody's quota": ("GET", "/system/quotas/user/{named}", None, (200, None), (403, "forbidden")),
    "a change of a quota": (
        "PUT", "/system/quotas/user/{named}", {"cpu": "4"}, (200, None), (403, "forbidden"),
    ),
    "metrics of an unknown service": ("GET", "/system/metrics/nobody", None, (200, None), (404, "")),
    "an unknown service": ("GET", "/system/services/nobody", None, (404, ""), (404, "")),
    "its deployment": ("GET", "/system/services/nobody/deployment", None, (403, NO_ACCESS), (403, NO_ACCESS)),
    "its jobs": ("GET", "/system/logs/nobody", None, (404, ""), (404, "")),
    "a missing bucket": ("GET", "/system/buckets/no-such", None, (500, None), (403, None)),
}  # fmt: skip


@pytest.mark.parametrize("row", ACCOUNT_AND_USER)
def test_the_cluster_s_account_and_a_user(people: People, row: str) -> None:
    method, path, body, *expected = ACCOUNT_AND_USER[row]
    arguments = {} if body is None else {"json": body}
    for who, (status, text) in zip(("admin", "owner"), expected, strict=True):
        answer = people.call(who, method, path.format(**people.uids), **arguments)
        assert answer.status_code == status, (who, answer.text)
        assert text is None or answer.text == text, who


def test_what_the_account_makes_is_the_cluster_s(cluster: LocalCluster, people: People) -> None:
    cluster.create("plain", input=[{"storage_provider": "minio", "path": "plain/in"}], output=[])
    assert cluster.api.post("/system/buckets", json={"bucket_name": "loose"}).status_code == 201
    shown = cluster.api.get("/system/services/plain").json()
    assert (shown["owner"], shown["namespace"], shown["labels"]["owner_name"]) == (
        "cluster_admin", "oscar-svc", "oscar",
    )  # fmt: skip
    tags = {name: cluster.server.cluster.store.bucket_tags(name) for name in ("plain", "loose")}
    assert tags["plain"]["owner"] == ""
    assert tags["loose"]["owner"] == "oscar"
    listed = {bucket["bucket_name"]: bucket for bucket in cluster.api.get("/system/buckets").json()}
    assert (listed["plain"]["visibility"], listed["loose"]["visibility"]) == ("", "")
    for who in ("owner", "stranger"):
        names = [one["bucket_name"] for one in people.call(who, "GET", "/system/buckets").json() or []]
        assert not {"plain", "loose"} & set(names)
        assert people.call(who, "GET", "/system/buckets/loose").status_code == 403


def test_no_quota_holds_the_account(cluster: LocalCluster, people: People) -> None:
    limits = {"minio": {"buckets": "1"}, "volumes": {"volumes": "1", "disk": "1Gi"}, "cpu": "100m"}
    for user in ("oscar", "cluster_admin"):
        assert cluster.api.put(f"/system/quotas/user/{user}", json=limits).status_code == 200
    for number in range(2):
        name = f"free-{number}"
        assert cluster.api.post("/system/buckets", json={"bucket_name": name}).status_code == 201
        assert cluster.api.post("/system/volumes", json={"name": name, "size": "1Gi"}).status_code == 201
    cluster.create("unheld", "true\n", cpu="1", input=[], output=[])
    cluster.submit("unheld")
    assert [job["status"] for job in cluster.ended("unheld").values()] == ["Succeeded"]


def test_a_program_finds_the_issuer_by_its_address_alone(cluster: LocalCluster, people: People) -> None:
    status = people.call("stranger", "GET", "/system/status").json()
    (issuer,) = status["oscar"]["oidc"]["issuers"]
    found = httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False, verify=False).json()
    assert found["issuer"] == issuer
    login = people.logins["stranger"]
    told = httpx.get(found["userinfo_endpoint"], headers=login, trust_env=False, verify=False).json()
    assert (told["sub"], told["groups"]) == (people.uids["stranger"], ["staff"])
    keys = httpx.get(found["jwks_uri"], trust_env=False, verify=False).json()["keys"]
    assert [key["use"] for key in keys] == ["sig"]
    assert not {"d", "p", "q"} & set(keys[0]), "nothing private"
