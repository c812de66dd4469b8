"""A cluster for several people: who sees, uses and changes what, as on a real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.harness import LocalCluster, open_cluster, wait_for


@dataclass
class Person:
    """A user with clients of their own."""

    uid: str
    api: httpx.Client
    s3: Any

    def create(self, name: str, **members: Any) -> httpx.Response:
        """Create a service that reads NAME-bucket/in."""
        source = {"storage_provider": "minio", "path": f"{name}-bucket/in"}
        definition = {"name": name, "image": "none", "script": "true\n", "input": [source], **members}
        return self.api.post("/system/services", json=definition)

    def services(self) -> list[str]:
        return [service["name"] for service in self.api.get("/system/services").json()]


Join = Callable[..., Person]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    running = open_cluster(tmp_path_factory.mktemp("users") / "data", users=True)
    yield running
    running.close()


def person(cluster: LocalCluster, name: str, *groups: str) -> Person:
    assert cluster.server.cluster.users is not None
    assert cluster.server.cluster.tokens is not None
    user = cluster.server.cluster.users.add(name, groups)
    token = cluster.server.cluster.tokens.access(user)
    headers = {"Authorization": f"Bearer {token}"}
    api = httpx.Client(
        base_url=cluster.server.endpoints.api, headers=headers, trust_env=False, verify=False, timeout=60
    )
    provider = api.get("/system/config").json()["minio_provider"]
    s3 = boto3.client(
        "s3",
        endpoint_url=provider["endpoint"],
        aws_access_key_id=provider["access_key"],
        aws_secret_access_key=provider["secret_key"],
        region_name=provider["region"],
        config=Config(proxies={}, retries={"max_attempts": 1}),
    )
    return Person(user.uid, api, s3)


@pytest.fixture(scope="module")
def join(cluster: LocalCluster) -> Iterator[Join]:
    """Add users; their clients are closed at the end."""
    found: list[Person] = []

    def join(name: str, *groups: str) -> Person:
        found.append(person(cluster, name, *groups))
        return found[-1]

    yield join
    for one in found:
        one.api.close()
        one.s3.close()


@pytest.fixture(scope="module")
def people(join: Join) -> dict[str, Person]:
    return {name: join(name, "staff") for name in ("ann", "bob", "eve")}


@pytest.fixture
def ann(people: dict[str, Person]) -> Person:
    return people["ann"]


@pytest.fixture
def bob(people: dict[str, Person]) -> Person:
    return people["bob"]


@pytest.fixture
def eve(people: dict[str, Person]) -> Person:
    return people["eve"]


def answer(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.text


def refusal(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


# -- services --------------------------------------------------------------------------------------------


def test_a_service_is_its_creators(cluster: LocalCluster, ann: Person) -> None:
    assert answer(ann.create("owned", vo="staff")) == (201, "")
    shown = ann.api.get("/system/services/owned").json()
    assert (shown["owner"], shown["visibility"], shown["vo"]) == (ann.uid, "private", "staff")
    assert shown["namespace"] == f"oscar-svc-{ann.uid[:8]}".rstrip("-")
    assert (shown["labels"]["owner_name"], shown["labels"]["vo"]) == ("ann", "staff")
    tags = cluster.server.cluster.store.bucket_tags("owned-bucket")
    assert tags == {"owner": ann.uid, "from_service": "owned", "owner_name": "ann"}
    assert "owned" in [service["name"] for service in cluster.api.get("/system/services").json()]


def test_a_private_service_is_not_there_for_strangers(ann: Person, eve: Person) -> None:
    ann.create("secret")
    token = ann.api.get("/system/services/secret").json()["token"]
    assert "secret" not in eve.services()
    no_get = f"User {eve.uid} doesn't have permision to get this service"
    assert answer(eve.api.get("/system/services/secret")) == (403, no_get)
    assert answer(eve.api.get("/system/logs/secret")) == (200, "")
    assert answer(eve.api.get("/system/logs/secret/job")) == (200, "")
    no_access = (403, "You do not have permission to access this service")
    assert answer(eve.api.get("/system/services/secret/deployment")) == no_access
    assert answer(eve.api.delete("/system/logs/secret/job")) == no_access
    for route in ("/job", "/run"):
        assert answer(eve.api.post(f"{route}/secret", content=b"{}")) == (404, "")
    assert eve.api.get("/system/metrics/secret").status_code == 403
    assert eve.api.get("/system/metrics/nothing").status_code == 404
    assert eve.api.get("/system/services/secret/auth").status_code == 403
    assert ann.api.get("/system/services/secret/auth").status_code == 200
    with_token = {"Authorization": f"Bearer {token}"}
    assert eve.api.post("/job/secret", content=b"{}", headers=with_token).status_code == 201


def test_only_its_owner_and_the_cluster_change_a_service(
    cluster: LocalCluster, ann: Person, eve: Person
) -> None:
    ann.create("open", visibility="public")
    shown = eve.api.get("/system/services/open").json()
    no_change = f"User {eve.uid} doesn't have permision to modify this service"
    assert answer(eve.api.put("/system/services", json=shown)) == (403, no_change)
    missing = 'the service "open" does not have a registered ConfigMap'
    assert answer(eve.api.delete("/system/services/open")) == (500, missing)
    no_scale = f"User {eve.uid} doesn't have permission to manage this service"
    assert answer(eve.api.post("/system/services/open/stop")) == (403, no_scale)
    assert answer(ann.api.put("/system/services", json={**shown, "owner": eve.uid})) == (204, "")
    assert ann.api.get("/system/services/open").json()["owner"] == ann.uid
    assert answer(eve.api.post("/job/open", content=b"{}")) == (201, "")
    assert answer(cluster.api.delete("/system/services/open")) == (204, "")
    assert answer(ann.api.delete("/system/services/open")) == (500, missing)


def test_a_restricted_service_is_there_for_those_it_names(ann: Person, bob: Person, eve: Person) -> None:
    ann.create("shared", visibility="restricted", allowed_users=[bob.uid])
    assert "shared" in bob.services()
    assert "shared" not in eve.services()
    bob.s3.put_object(Bucket="shared-bucket", Key="in/b", Body=b"1")
    wait_for(lambda: bob.api.get("/system/logs/shared").json()["jobs"], "the job of an upload of bob")
    assert refusal(lambda: eve.s3.put_object(Bucket="shared-bucket", Key="in/e", Body=b"1")) == "AccessDenied"
    assert answer(bob.api.delete("/system/services/shared"))[0] == 500


def test_a_service_takes_no_bucket_of_somebody_else(ann: Person, eve: Person) -> None:
    ann.create("first")
    entry = {"storage_provider": "minio", "path": "first-bucket/in"}
    taken = 'the bucket "first-bucket" already exists\n'
    assert answer(eve.create("thief", input=[entry])) == (500, taken)
    assert answer(eve.create("thief", input=[], output=[entry])) == (500, taken)
    assert answer(eve.create("first")) == (400, "A service with the provided name already exists")


def test_a_job_reads_only_what_its_owner_may(cluster: LocalCluster, ann: Person, eve: Person) -> None:
    ann.create("vault")
    ann.s3.put_object(Bucket="vault-bucket", Key="gold", Body=b"secret")
    eve.create("spy", script='cat "$INPUT_FILE_PATH"\n')
    described = {"name": "vault-bucket", "arn": "arn:aws:s3:::vault-bucket"}
    stored = {"bucket": described, "object": {"key": "gold"}}
    record = {"eventSource": "minio:s3", "eventTime": "2026-06-12T09:05:29.000Z", "s3": stored}
    event = {"Key": "vault-bucket/gold", "Records": [record]}
    assert eve.api.post("/job/spy", json=event).status_code == 201
    (job,) = cluster.ended("spy")
    log = cluster.log("spy", job)
    assert "(403) when calling the HeadObject operation: Forbidden" in log
    assert "secret" not in log


def test_a_group_must_be_one_of_ones_own(join: Join, ann: Person) -> None:
    join("zoe", "physics")
    refused = "this user isn't enrrolled on the vo: physics"
    assert answer(ann.create("atoms", vo="physics")) == (400, refused)
    assert ann.api.get("/system/config").json()["config"]["oidc_groups"] == ["physics", "staff"]


def test_isolated_users_have_buckets_of_their_own(
    cluster: LocalCluster, ann: Person, bob: Person, eve: Person
) -> None:
    people = {"visibility": "restricted", "isolation_level": "USER", "allowed_users": [bob.uid]}
    assert answer(ann.create("apart", **people)) == (201, "")
    own = f"apart-bucket-{bob.uid[:10]}"
    shown = ann.api.get("/system/services/apart").json()
    assert (shown["bucket_list"], shown["allowed_users"]) == ([own], [bob.uid, ann.uid])
    assert shown["labels"]["uid"] == ann.uid[:10]
    bob.s3.put_object(Bucket=own, Key="in/x", Body=b"1")
    (job,) = cluster.ended("apart")
    assert cluster.jobs("apart")[job]["status"] == "Succeeded"
    assert refusal(lambda: eve.s3.list_objects_v2(Bucket=own)) == "AccessDenied"
    assert refusal(lambda: ann.s3.list_objects_v2(Bucket=own)) == "AccessDenied"
    assert answer(ann.api.delete("/system/services/apart")) == (204, "")
    assert cluster.server.cluster.store.bucket(own) is None


# -- buckets ---------------------------------------------------------------------------------------------


def test_buckets_are_private_restricted_or_public(ann: Person, bob: Person, eve: Person) -> None:
    wanted: dict[str, dict[str, Any]] = {
        "b-private": {},
        "b-restricted": {"visibility": "restricted", "allowed_users": [bob.uid]},
        "b-public": {"visibility": "public"},
    }
    for name, members in wanted.items():
        assert answer(ann.api.post("/system/buckets", json={"bucket_name": name, **members})) == (201, "")
        ann.s3.put_object(Bucket=name, Key="a", Body=b"1")
    for one, may in ((ann, 3), (bob, 2), (eve, 1)):
        names = ("b-public", "b-restricted", "b-private")
        listed = [bucket["bucket_name"] for bucket in one.api.get("/system/buckets").json()]
        there = [bucket["Name"] for bucket in one.s3.list_buckets()["Buckets"]]
        for number, name in enumerate(names):
            assert (name in listed, name in there) == (number < may, number < may)
            if number < may:
                assert one.s3.get_object(Bucket=name, Key="a")["Body"].read() == b"1"
                one.s3.put_object(Bucket=name, Key=one.uid, Body=b"2")
            else:
                assert (
                    refusal(lambda one=one, name=name: one.s3.list_objects_v2(Bucket=name)) == "AccessDenied"
                )
                refused = f"User '{one.uid}' is not authorised"
                assert answer(one.api.get(f"/system/buckets/{name}")) == (403, refused)
                link = {"object_key": "a", "operation": "download"}
                assert one.api.post(f"/system/buckets/{name}/presign", json=link).status_code == 403
    assert refusal(lambda: eve.s3.delete_bucket(Bucket="b-public")) == "AccessDenied"
    assert refusal(lambda: eve.s3.create_bucket(Bucket="b-mine")) == "AccessDenied"
    source = {"Bucket": "b-private", "Key": "a"}
    copy = {"Bucket": "b-public", "Key": "stolen", "CopySource": source}
    assert refusal(lambda: eve.s3.copy_object(**copy)) == "AccessDenied"
    assert answer(eve.api.delete("/system/buckets/b-public")) == (403, f"User '{eve.uid}' is not authorised")


def test_only_its_owner_opens_a_bucket(ann: Person, eve: Person) -> None:
    ann.api.post("/system/buckets", json={"bucket_name": "b-later"})
    public = {"bucket_name": "b-later", "visibility": "public"}
    assert answer(eve.api.put("/system/buckets", json=public)) == (204, "")
    assert refusal(lambda: eve.s3.list_objects_v2(Bucket="b-later")) == "AccessDenied"
    assert answer(ann.api.put("/system/buckets", json=public)) == (204, "")
    assert eve.s3.list_objects_v2(Bucket="b-later")["KeyCount"] == 0
    assert ann.api.get("/system/buckets/b-later").json()["visibility"] == "public"


def test_a_link_carries_the_permission_of_who_made_it(cluster: LocalCluster, ann: Person) -> None:
    ann.api.post("/system/buckets", json={"bucket_name": "b-link"})
    wanted = {"object_key": "a", "operation": "upload"}
    link = ann.api.post("/system/buckets/b-link/presign", json=wanted).json()
    assert f"X-Amz-Credential={ann.uid}" in link["url"]
    assert httpx.put(link["url"], content=b"1", trust_env=False, verify=False).status_code == 200
    assert cluster.content("b-link", "a") == b"1"


def test_a_quota_of_buckets_is_held(cluster: LocalCluster, join: Join) -> None:
    dan = join("dan")
    assert cluster.api.get(f"/system/quotas/user/{dan.uid}").status_code == 200
    cluster.api.put(f"/system/quotas/user/{dan.uid}", json={"minio": {"buckets": "2"}})
    assert answer(dan.create("one")) == (201, "")
    assert dan.api.post("/system/buckets", json={"bucket_name": "dan-two"}).status_code == 201
    refused = f"MinIO bucket quota exceeded for user {dan.uid}: 2 of 2 are in use"
    assert answer(dan.api.post("/system/buckets", json={"bucket_name": "dan-three"})) == (403, refused)
    assert answer(dan.create("two")) == (403, refused)
    shown = dan.api.get("/system/quotas/user").json()
    assert (shown["user_id"], shown["minio"]["buckets"]) == (dan.uid, {"max": 2, "used": 2})
    assert answer(dan.api.get(f"/system/quotas/user/{dan.uid}")) == (403, "forbidden")
    assert answer(dan.api.put(f"/system/quotas/user/{dan.uid}", json={"cpu": "1"})) == (403, "forbidden")


# -- volumes and quotas ------------------------------------------------------------------------------------


def test_volumes_are_in_a_namespace_of_ones_own(cluster: LocalCluster, ann: Person, eve: Person) -> None:
    for one in (cluster, ann, eve):
        assert one.api.post("/system/volumes", json={"name": "data", "size": "1Gi"}).status_code == 201
    taken = (409, "volume already exists in caller namespace")
    assert answer(ann.api.post("/system/volumes", json={"name": "data", "size": "1Gi"})) == taken
    shown = ann.api.get("/system/volumes/data").json()
    assert (shown["owner_user"], shown["namespace"]) == (ann.uid, f"oscar-svc-{ann.uid[:8]}".rstrip("-"))
    assert [one["owner_user"] for one in eve.api.get("/system/volumes").json()] == [eve.uid]
    assert [one["owner_user"] for one in cluster.api.get("/system/volumes").json()] == ["cluster_admin"]
    ann.api.post("/system/volumes", json={"name": "hers", "size": "1Gi"})
    assert answer(eve.api.get("/system/volumes/hers")) == (404, "")
    assert answer(eve.api.delete("/system/volumes/hers")) == (204, ""), "there is none of that name for her"
    assert ann.api.get("/system/volumes/hers").status_code == 200
    assert ann.api.get("/system/quotas/user").json()["volumes"]["volumes"]["used"] == "2"


def test_services_of_users_mount_their_own_volumes(cluster: LocalCluster, join: Join, tmp_path: Path) -> None:
    kim, lee = join("kim"), join("lee")
    path = tmp_path / "kims"
    volume = {"name": "shared", "size": "1Gi", "mount_path": str(path), "lifecycle_policy": "retain"}
    script = f"echo kim >> {path}/who\n"
    assert answer(kim.create("kims", script=script, volume=volume)) == (201, "")
    assert kim.api.get("/system/volumes/shared").json()["status"]["phase"] == "in_use"
    attached = "managed volume is still attached to one or more services"
    assert answer(kim.api.delete("/system/volumes/shared")) == (400, attached)
    elsewhere = {"name": "shared", "mount_path": str(tmp_path / "lees")}
    missing = "Referenced volume does not exist in the caller namespace"
    assert answer(lee.create("lees", volume=elsewhere)) == (400, missing)
    kim.s3.put_object(Bucket="kims-bucket", Key="in/x", Body=b"1")
    cluster.ended("kims")
    assert (path / "who").read_text() == "kim\n"
    assert kim.api.delete("/system/services/kims").status_code == 204
    assert kim.api.get("/system/volumes/shared").json()["status"]["phase"] == "ready"
    assert lee.api.post("/system/volumes", json={"name": "shared", "size": "1Gi"}).status_code == 201
    folders = [one for one in cluster.folder.volumes.glob("_*/shared") if (one / "who").exists()]
    assert len(folders) == 1, "two volumes of one name have two folders"


def test_quotas_of_volumes_are_held(cluster: LocalCluster, join: Join, tmp_path: Path) -> None:
    vic = join("vic")
    limits = {"disk": "3Gi", "volumes": "2", "max_disk_per_volume": "2Gi", "min_disk_per_volume": "512Mi"}
    route = f"/system/quotas/user/{vic.uid}"
    assert cluster.api.put(route, json={"volumes": limits}).status_code == 200

    def make(name: str, size: str) -> tuple[int, str]:
        response = vic.api.post("/system/volumes", json={"name": name, "size": size})
        return response.status_code, response.text if response.status_code != 201 else ""

    claim = 'persistentvolumeclaims "a" is forbidden: {} storage usage per PersistentVolumeClaim is {}, but '
    assert make("a", "2.5Gi") == (500, claim.format("maximum", "2Gi") + "request is 2.5Gi")
    assert make("a", "1Mi") == (500, claim.format("minimum", "512Mi") + "request is 1Mi")
    assert make("a", "2Gi") == (201, "")
    assert make("b", "2Gi") == (400, "not enough volume disk quota: requested 2Gi, available 1Gi")
    volume = {"size": "2Gi", "mount_path": str(tmp_path / "v")}
    refused = "not enough volume disk quota: requested 2Gi, available 1Gi"
    assert answer(vic.create("big", volume=volume)) == (400, refused)
    assert make("b", "512Mi") == (201, "")
    assert make("c", "512Mi") == (400, "not enough volume count quota: requested 1, available 0")
    used = vic.api.get("/system/quotas/user").json()["volumes"]
    assert (used["disk"], used["volumes"]) == ({"max": "3Gi", "used": "2.5Gi"}, {"max": "2", "used": "2"})


def test_jobs_wait_for_a_quota_of_cores_and_memory(cluster: LocalCluster, join: Join, tmp_path: Path) -> None:
    quo, go = join("quo"), tmp_path / "go"
    route = f"/system/quotas/user/{quo.uid}"
    assert cluster.api.put(route, json={"cpu": "300m", "memory": "1Gi"}).status_code == 200
    script = f"until [ -e {go} ]; do sleep 0.05; done\n"
    assert answer(quo.create("waiter", script=script, cpu="0.2", memory="256Mi")) == (201, "")
    for key in ("in/1", "in/2"):
        quo.s3.put_object(Bucket="waiter-bucket", Key=key, Body=b"1")

    def states() -> list[str]:
        return sorted(job["status"] for job in cluster.jobs("waiter").values())

    wait_for(lambda: states() == ["Running", "Suspended"], "one job to run and one to be held")
    (held,) = (job for job in cluster.jobs("waiter").values() if job["status"] == "Suspended")
    assert held == {"status": "Suspended"}
    used = quo.api.get("/system/quotas/user").json()["resources"]["cpu"]
    assert used == {"max": 300, "used": 200}
    refused = "invalid workload: try to reduce the service resource (cpu, memory, etc.)"
    assert answer(quo.api.post("/run/waiter", content=b"")) == (400, refused)
    cluster.api.put(route, json={"cpu": "400m"})
    wait_for(lambda: states() == ["Running", "Running"], "the second job, as the quota is larger")
    go.touch()
    assert {job["status"] for job in cluster.ended("waiter", 2).values()} == {"Succeeded"}
    assert answer(quo.create("huge", memory="2Gi", cpu="0.1")) == (201, ""), "it is its jobs that wait"
    quo.s3.put_object(Bucket="huge-bucket", Key="in/1", Body=b"1")
    wait_for(lambda: [job["status"] for job in cluster.jobs("huge").values()] == ["Suspended"], "the job")
    cluster.api.put(route, json={"memory": "2Gi"})
    assert [job["status"] for job in cluster.ended("huge").values()] == ["Succeeded"]


def test_others_are_not_held_by_somebodys_quota(cluster: LocalCluster, join: Join) -> None:
    low, ray = join("low"), join("ray")
    cluster.api.put(f"/system/quotas/user/{low.uid}", json={"cpu": "100m"})
    for one, name in ((low, "lows"), (ray, "rays")):
        one.create(name)
        one.s3.put_object(Bucket=f"{name}-bucket", Key="in/1", Body=b"1")
    assert [job["status"] for job in cluster.ended("rays").values()] == ["Succeeded"]
    assert [job["status"] for job in cluster.jobs("lows").values()] == ["Suspended"]
    assert low.api.delete("/system/logs/lows?all=true").status_code == 204
    assert cluster.jobs("lows") == {}


def test_a_quota_of_storage_is_held(cluster: LocalCluster, join: Join) -> None:
    sam = join("sam")
    cluster.api.put(f"/system/quotas/user/{sam.uid}", json={"minio": {"storage_per_bucket": "1Ki"}})
    sam.api.post("/system/buckets", json={"bucket_name": "sam-small"})
    sam.s3.put_object(Bucket="sam-small", Key="a", Body=b"x" * 1000)
    assert (
        refusal(lambda: sam.s3.put_object(Bucket="sam-small", Key="b", Body=b"x" * 100))
        == "XMinioAdminBucketQuotaExceeded"
    )
    sam.s3.put_object(Bucket="sam-small", Key="a", Body=b"x" * 1024)
    shown = sam.api.get("/system/buckets/sam-small").json()
    assert shown["storage_quota"] == {"max": "1Ki", "max_bytes": 1024, "source": "bucket"}
    assert [entry["object_name"] for entry in shown["objects"]] == ["a"]


def test_a_bucket_of_somebody_else_cannot_be_mounted(ann: Person, eve: Person) -> None:
    ann.api.post("/system/buckets", json={"bucket_name": "anns-own"})
    mount = {"storage_provider": "minio", "path": "anns-own"}
    assert answer(eve.create("peek", mount=mount)) == (500, 'the bucket "anns-own" already exists\n')
    ann.api.post("/system/buckets", json={"bucket_name": "anns-open", "visibility": "public"})
    refused = 'the bucket "anns-open" must be private to be used as mount'
    assert answer(ann.create("open-mount", mount={**mount, "path": "anns-open"})) == (500, refused)


# -- the cluster -----------------------------------------------------------------------------------------


def test_a_user_learns_what_is_theirs_to_know(cluster: LocalCluster, ann: Person) -> None:
    config = ann.api.get("/system/config").json()
    assert config["minio_provider"]["access_key"] == ann.uid
    assert config["minio_provider"]["secret_key"] != cluster.server.cluster.settings.secret_key
    status = ann.api.get("/system/status").json()
    assert (status["oscar"]["jobs_count"], status["oscar"]["pods"]) == (0, {"total": 0, "states": {}})
    assert status["minio"] == {"buckets_count": 0, "total_objects": 0}
    oidc = status["oscar"]["oidc"]
    assert (oidc["enabled"], oidc["issuers"]) == (True, [f"{cluster.server.endpoints.api}/oidc"])
    assert answer(ann.api.put("/system/config", json={})) == (401, '""')
    assert answer(ann.api.get("/system/logs")) == (403, "OIDC tokens are not allowed for system logs")


def test_a_login_is_looked_at_as_by_the_manager(cluster: LocalCluster, ann: Person) -> None:
    def status(token: str, path: str = "/system/info", method: str = "GET") -> tuple[int, str]:
        return answer(cluster.call(method, path, headers={"Authorization": f"Bearer {token}"}))

    good = ann.api.headers["Authorization"].removeprefix("Bearer ")
    assert status(good)[0] == 200
    head, claims, signature = good.split(".")
    assert status(f"{head}.{claims}.{signature[:-8]}AAAAAAAA") == (401, "")
    none = "eyJhbGciOiJub25lIn0"
    assert status(f"{none}.{claims}.") == (401, "")
    assert status("nonsense")[0] == 400
    foreign = "eyJpc3MiOiJodHRwczovL2VsZXdoZXJlIn0"
    assert status(f"{head}.{foreign}.{signature}") == (
        401,
        "'https://elewhere' is not listed as an authorized issuer",
    )
    assert cluster.call("GET", "/system/info").headers["www-authenticate"].startswith("Basic")
    ann.create("called")
    bad = f"{head}.{claims}.{signature[:-8]}AAAAAAAA"
    assert status(bad, "/run/called", "POST") == (404, "")
    assert status(bad, "/job/called", "POST") == (500, "")
    assert status(f"{head}.{foreign}.{signature}", "/run/called", "POST") == (
        400,
        "Error getting oidc manager for issuer 'https://elewhere'",
    )


def test_who_is_removed_is_out_at_once(cluster: LocalCluster, join: Join) -> None:
    tom = join("tom")
    tom.create("left")
    assert cluster.server.cluster.users is not None
    assert cluster.server.cluster.users.remove("tom")
    assert answer(tom.api.get("/system/services")) == (401, "")
    assert refusal(tom.s3.list_buckets) == "InvalidAccessKeyId"
    assert answer(cluster.api.delete("/system/services/left")) == (204, "")


def test_without_users_a_token_is_nothing(tmp_path: Path) -> None:
    cluster = open_cluster(tmp_path / "data")
    try:
        bearer = {"Authorization": "Bearer a.b.c"}
        assert cluster.call("GET", "/system/info", headers=bearer).status_code == 401
        assert cluster.call("GET", "/oidc/certs").text == "404 page not found"
    finally:
        cluster.close()
