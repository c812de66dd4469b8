"""Results to, and input from, stores that are not the cluster's, beside the real faas-supervisor."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlsplit

import pytest

from oscarcli.local.jobs.providers import s3_client
from tests.local.harness import LocalCluster, open_cluster
from tests.support import faas_supervisor, scripted_s3
from tests.support.certificate import certified
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, Server, client_of, minio_server, moto_server
from tests.support.supervised import Case, Comparison, Run
from tests.support.tls_front import tls_front

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not faas_supervisor.ENVIRONMENT.is_installed,
        reason=faas_supervisor.ENVIRONMENT.reason,
    ),
]

KEYS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}
WRITE = 'cd "$TMP_OUTPUT_DIR"\necho said\n'


@dataclass
class Stores:
    """A MinIO, what stands in for Amazon, and a cluster that has neither for its own store."""

    cluster: LocalCluster
    minio: Server
    amazon: Server
    secure: str
    voucher: Path

    def providers(self, **change: Any) -> dict[str, Any]:
        """Return the providers of a definition, the MinIO changed."""
        minio = {**KEYS, "endpoint": self.minio.endpoint, "verify": True, **change}
        return {"minio": {"other": minio}, "s3": {"archive": KEYS, "default": KEYS}}

    def taken(self, bucket: str) -> dict[str, tuple[bytes, str, str]]:
        """Return content, type and tag of what is in a bucket of any of the two, and remove it."""
        found = {}
        for server in (self.minio, self.amazon):
            client = client_of(server)
            if bucket not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
                continue
            for one in client.list_objects_v2(Bucket=bucket).get("Contents", []):
                answer = client.get_object(Bucket=bucket, Key=one["Key"])
                found[one["Key"]] = (answer["Body"].read(), answer["ContentType"], answer["ETag"])
                client.delete_object(Bucket=bucket, Key=one["Key"])
        return found


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("other")
    _, voucher = certified(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    cluster = open_cluster(folder / "data", parallel=4)
    with (
        minio_server(folder) as minio,
        moto_server() as amazon,
        tls_front(context, urlsplit(minio.endpoint).port or 0) as front,
    ):
        yield Stores(cluster, minio, amazon, f"https://127.0.0.1:{front.port}", voucher)
    cluster.close()


@pytest.fixture(scope="module")
def supervisor() -> Iterator[faas_supervisor.Supervisor]:
    running = faas_supervisor.Supervisor()
    yield running
    running.close()


@pytest.fixture
def comparison(
    stores: Stores, supervisor: faas_supervisor.Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Comparison:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", stores.amazon.endpoint)
    for name, value in (
        ("AWS_ENDPOINT_URL_S3", stores.amazon.endpoint),
        # As the version of boto3 has it that the supervisor's own image comes with, only less patient.
        ("AWS_RETRY_MODE", "legacy"),
        ("AWS_MAX_ATTEMPTS", "2"),
    ):
        monkeypatch.setitem(faas_supervisor.EXTRA, name, value.encode())
    monkeypatch.setattr(s3_client, "ATTEMPTS", 2)
    monkeypatch.setattr(s3_client, "_pause", lambda attempt: None)
    return Comparison(stores.cluster, supervisor, tmp_path)


def assert_same(real: Run, local: Run) -> None:
    assert "\n".join(local.log) == "\n".join(real.log)
    for name in ("environment", "tree", "input", "objects", "code"):
        assert getattr(local, name) == getattr(real, name), name


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def event(bucket: str, key: str, source: str) -> dict[str, Any]:
    record = {
        "eventSource": source,
        "eventTime": "2026-03-04T05:06:07.089Z",
        "s3": {
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(key)},
        },
    }
    return {"Key": f"{bucket}/{key}", "Records": [record]}


# -- results -------------------------------------------------------------------------------------------

FILES = "mkdir -p 'n 1/ü'; echo x > 'n 1/ü/a+b%20.txt'; echo y > y.png; : > e.txt; echo z > ' sp .txt'\n"
OUTPUTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("minio-made", "minio.other", WRITE + FILES, {}),
    ("minio-parts", "minio.other", WRITE + "head -c 9000000 /dev/zero > z.txt\n", {}),
    ("minio-upper", "MinIO.other", WRITE + "echo x > x.txt\n", {}),
    ("minio-secret", "minio.other", WRITE + "echo x > x.txt\n", {"secret_key": "wrong"}),
    ("minio-key", "minio.other", WRITE + "head -c 9000000 /dev/zero > z.txt\n", {"access_key": "nobody"}),
    ("minio-idle", "minio.other", "echo said\n", {"endpoint": "http://127.0.0.1:1"}),
    ("minio-away", "minio.other", WRITE + "echo x > x.txt\n", {"endpoint": "http://127.0.0.1:1"}),
    ("minio-words", "minio.other", WRITE + "echo x > x.txt\n", {"endpoint": "no address"}),
    ("minio-half", "minio.other", WRITE + "echo x > x.txt\n", {"secret_key": ""}),
    ("minio-link", "minio.other", 'ln -s nowhere "$TMP_OUTPUT_DIR/link.txt"\n', {}),
    ("s3-made", "s3.archive", WRITE + FILES, {}),
    ("s3-parts", "s3.archive", WRITE + "head -c 9000000 /dev/zero > z.txt\n", {}),
    ("s3-short", "s3", WRITE + "echo x > x.txt\n", {}),
]
FAIL = {"minio-secret", "minio-key", "minio-away", "minio-words", "minio-half", "minio-link"}


def output_case(name: str, provider: str, script: str, providers: dict[str, Any]) -> Case:
    outputs = [
        {"storage_provider": "minio.default", "path": f"{name}-bucket/own"},
        {"storage_provider": provider, "path": f"{name}/results/deep", "suffix": ["txt"]},
    ]
    return Case(name, script, members={"output": outputs, "storage_providers": providers})


def both(stores: Stores, comparison: Comparison, case: Case, payload: bytes | None) -> tuple[Run, Any, Any]:
    """Run a case both ways, and return the local one and what each stored elsewhere."""
    payload = encoded(event(case.home, case.key, "minio:s3")) if payload is None else payload
    stores.taken(case.name)
    local, job = comparison.local(case, payload)
    here = stores.taken(case.name)
    real = comparison.real(case, payload, job)
    if local.code and "said" in local.log:
        # What the script printed is kept here, with a note that it is lost there.
        local.log.remove("said")
    assert_same(real, local)
    return local, here, stores.taken(case.name)


@pytest.mark.parametrize(("name", "provider", "script", "change"), OUTPUTS)
def test_results_elsewhere(
    stores: Stores,
    comparison: Comparison,
    name: str,
    provider: str,
    script: str,
    change: dict[str, Any],
) -> None:
    case = output_case(name, provider, script, stores.providers())
    comparison.create(case)
    if change:
        comparison.change_providers(case, stores.providers(**change))
    local, here, there = both(stores, comparison, case, None)
    assert here == there
    assert bool(local.code) is (name in FAIL)
    if name.endswith("made"):
        names = [" sp .txt", "e.txt", "n 1/ü/a+b%20.txt"]
        assert sorted(here) == [f"results/deep/{one}" for one in names]
        assert here["results/deep/n 1/ü/a+b%20.txt"][0] == b"x\n"
    if name.endswith("parts"):
        assert here["results/deep/z.txt"][2].endswith('-2"')


def test_a_bucket_that_has_gone(stores: Stores, comparison: Comparison) -> None:
    case = output_case("gone", "minio.other", WRITE + "echo x > x.txt\n", stores.providers())
    comparison.create(case)
    stores.taken("gone")
    client_of(stores.minio).delete_bucket(Bucket="gone")
    local, here, there = both(stores, comparison, case, None)
    assert (local.code, here, there) == (1, {}, {})
    assert "The specified bucket does not exist" in local.log


@pytest.mark.parametrize("verify", [False, True])
def test_a_certificate_that_nobody_knows(stores: Stores, comparison: Comparison, verify: bool) -> None:
    name = f"tls-{verify}".lower()
    case = output_case(name, "minio.other", WRITE + "echo x > x.txt\n", stores.providers())
    comparison.create(case)
    comparison.change_providers(case, stores.providers(endpoint=stores.secure, verify=verify))
    local, here, there = both(stores, comparison, case, None)
    assert here == there
    assert list(here) == ([] if verify else ["results/deep/x.txt"])
    assert bool(local.code) is verify
    if verify:
        assert any("CERTIFICATE_VERIFY_FAILED" in line for line in local.log)


@pytest.mark.parametrize("status", [503, 403])
def test_a_store_that_is_in_trouble(stores: Stores, comparison: Comparison, status: int) -> None:
    case = output_case(f"trouble-{status}", "minio.other", WRITE + "echo x > x.txt\n", stores.providers())
    comparison.create(case)
    server = scripted_s3.Server()
    server.script = lambda _: scripted_s3.Reply(status)
    comparison.change_providers(case, stores.providers(endpoint=server.endpoint))
    local, _, _ = both(stores, comparison, case, None)
    server.stop()
    assert any("(reached max retries: 1)" in line for line in local.log) is (status == 503)


# -- input ---------------------------------------------------------------------------------------------

INPUTS: list[tuple[str, str, str | None, str, bool]] = [
    # A wrapper names the provider by its id; Amazon's events come as they are.
    ("from-minio", "minio:s3", "other", "deep/a ü+%20.txt", True),
    ("from-archive", "aws:s3", "archive", "deep/a ü+%20.txt", True),
    ("from-amazon", "aws:s3", None, "deep/a ü+%20.txt", True),
    ("from-nobody", "aws:s3", "nobody", "deep/a ü+%20.txt", True),
    ("from-full-name", "minio:s3", "minio.other", "deep/a ü+%20.txt", True),
    ("no-such-key", "minio:s3", "other", "missing", False),
    ("no-such-object", "aws:s3", None, "missing", False),
    # Without a wrapper an event of MinIO is one of the cluster's own.
    ("own-missing", "minio:s3", None, "deep/a ü+%20.txt", False),
]


@pytest.mark.parametrize(("name", "source", "provider", "key", "works"), INPUTS)
def test_input_from_elsewhere(
    stores: Stores,
    comparison: Comparison,
    name: str,
    source: str,
    provider: str | None,
    key: str,
    works: bool,
) -> None:
    server = stores.minio if source == "minio:s3" else stores.amazon
    client = client_of(server)
    if "given" not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket="given")
    client.put_object(Bucket="given", Key="deep/a ü+%20.txt", Body=b"one\n" * 3_000_000)
    case = Case(name, WRITE + "echo x > x\n", members={"storage_providers": stores.providers()}, content=None)
    comparison.create(case)
    given = event("given", key, source)
    payload = encoded(given if provider is None else {"event": given, "storage_provider": provider})
    local, _, _ = both(stores, comparison, case, payload)
    assert (local.code == 0) is works
    if name in ("from-minio", "from-archive", "from-amazon"):
        assert local.input == b"one\n" * 3_000_000


@pytest.mark.parametrize(
    "change", [{"secret_key": "wrong"}, {"endpoint": "http://127.0.0.1:1"}], ids=["secret", "away"]
)
def test_input_that_cannot_be_had(
    stores: Stores, comparison: Comparison, request: pytest.FixtureRequest, change: dict[str, str]
) -> None:
    case = Case(
        f"refused-{request.node.callspec.id}",
        WRITE,
        members={"storage_providers": stores.providers(**change)},
        content=None,
    )
    comparison.create(case)
    payload = encoded({"event": event("given", "x", "minio:s3"), "storage_provider": "other"})
    local, _, _ = both(stores, comparison, case, payload)
    assert local.code == 1
