"""A service whose input is in MinIO and whose results go elsewhere: all of it by the real command, on a local
cluster, wsgidav, a scripted Oneprovider and another store, also in the place of Amazon's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ExitCode
from tests.conftest import Outcome, Runner
from tests.local.harness import LocalCluster, open_cluster
from tests.support.certificate import certified
from tests.support.onedata_servers import SPACE, TOKEN, OneproviderServer, oneprovider
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, Server, local_server
from tests.support.trees import results
from tests.support.webdav_servers import LOGIN, PASSWORD, DavServer, wsgidav_server

UPPER = 'tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\n'
KEYS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}
OUTPUTS = {
    "other": {"storage_provider": "minio.other", "path": "NAME-other/out"},
    "amazon": {"storage_provider": "s3.archive", "path": "NAME-amazon/out"},
    "minio": {"storage_provider": "minio.default", "path": "NAME/stored"},
    "webdav": {"storage_provider": "webdav.files", "path": "NAME"},
    "onedata": {"storage_provider": "onedata.plg", "path": "NAME"},
}


@dataclass
class Providers:
    """A local cluster, and the providers besides its own."""

    cluster: LocalCluster
    dav: DavServer
    onedata: OneproviderServer
    store: Server
    voucher: Path

    def fdl(self, name: str, *outputs: str) -> str:
        """Return an FDL file of a service, with its input in the cluster's own store."""
        host = self.onedata.endpoint.removeprefix("https://")
        hostname = self.dav.endpoint.removeprefix("https://")
        defined = {
            "webdav": {"files": {"hostname": hostname, "login": LOGIN, "password": PASSWORD}},
            "onedata": {"plg": {"oneprovider_host": host, "token": TOKEN, "space": SPACE}},
            "minio": {"other": {**KEYS, "endpoint": self.store.endpoint, "verify": True}},
            "s3": {"archive": KEYS},
        }
        service: dict[str, Any] = {
            "name": name,
            "image": "none",
            "script": "upper.sh",
            "input": [{"storage_provider": "minio.default", "path": f"{name}/in"}],
            "output": [
                {key: value.replace("NAME", name) for key, value in OUTPUTS[one].items()} for one in outputs
            ],
        }
        # JSON is YAML.
        return json.dumps({"functions": {"oscar": [{"local": service}]}, "storage_providers": defined})


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    folder = tmp_path_factory.mktemp("mixed")
    _, voucher = certified(folder)
    certificate = folder / "server.pem"
    (folder / "onedata").mkdir()
    # One job at a time: two that make the output folder in Onedata at once hurt each other.
    cluster = open_cluster(folder / "data", parallel=1)
    (folder / "store").mkdir()
    with (
        wsgidav_server(folder, certificate) as dav,
        oneprovider(folder / "onedata", certificate) as onedata,
        local_server(folder / "store") as store,
    ):
        yield Providers(cluster, dav, onedata, store, voucher)
    cluster.close()


@pytest.fixture
def known(providers: Providers, run: Runner, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setenv("SSL_CERT_FILE", str(providers.voucher))
    # In place of Amazon.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", providers.store.endpoint)
    monkeypatch.chdir(run.home)
    settings = providers.cluster.server.cluster.settings
    entry = {
        "endpoint": providers.cluster.server.endpoints.api,
        "auth_user": settings.user,
        "auth_password": settings.password,
        "ca_file": str(providers.voucher),
    }
    run.write_config(json.dumps({"oscar": {"local": entry}, "default": "local"}))
    (run.home / "upper.sh").write_text(UPPER)
    return replace(run, environ={**run.environ, "AWS_ENDPOINT_URL_S3": providers.store.endpoint})


def done(known: Runner, *words: str, code: int = 0) -> Outcome:
    outcome = known(*words)
    assert outcome.code == code, outcome.err
    return outcome


def apply(known: Runner, providers: Providers, name: str, *outputs: str) -> None:
    (known.home / "fdl.yaml").write_text(providers.fdl(name, *outputs))
    done(known, "apply", "fdl.yaml")


def test_an_fdl_that_mixes_providers_runs(known: Runner, providers: Providers) -> None:
    apply(known, providers, "mixed", "webdav", "onedata", "other", "amazon")
    (known.home / "a ü.txt").write_text("content")
    done(known, "service", "put-file", "mixed", "a ü.txt", "--wait")
    log = done(known, "service", "logs", "get", "mixed", "--latest").out
    lines = [line.split(" - ")[-1] for line in log.splitlines()]
    for line in (
        "Found 'MINIO' input provider",
        "Checking files for uploading to 'webdav.files' on path: 'mixed'",
        "Checking files for uploading to 'onedata.plg' on path: 'mixed'",
        f"Uploading file 'mixed/a ü.txt' to space '{SPACE}'",
        "Uploading file 'out/a ü.txt' to bucket 'mixed-other'",
        "Uploading file 'out/a ü.txt' to bucket 'mixed-amazon'",
    ):
        assert line in lines
    for provider, folder in (
        ("webdav.files", "mixed"),
        ("onedata.plg", "mixed"),
        ("minio.other", "mixed-other/out"),
        ("s3.archive", "mixed-amazon/out"),
    ):
        listed = done(known, "service", "list-files", "mixed", provider, f"{folder}/", "-o", "json")
        assert ("a ü.txt", 7) in [(one["name"], one["size"]) for one in json.loads(listed.out)]
        done(known, "service", "get-file", "mixed", provider, f"{folder}/a ü.txt", f"{provider}.txt")
        assert (known.home / f"{provider}.txt").read_text() == "CONTENT"


@pytest.mark.parametrize("output", ["webdav", "onedata", "other", "amazon"])
def test_the_results_of_a_job_come_from_there(known: Runner, providers: Providers, output: str) -> None:
    apply(known, providers, f"wait-{output}", output)
    (known.home / "a.txt").write_text("content")
    done(known, "service", "put-file", f"wait-{output}", "a.txt", "--wait", "--output", "out")
    assert results(known.home / "out") == {"a.txt": "CONTENT"}


def test_a_batch_brings_its_results_from_onedata(known: Runner, providers: Providers) -> None:
    apply(known, providers, "batch", "onedata", "webdav")
    for name in ("a.txt", "deep/b ü.txt"):
        (known.home / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (known.home / "in" / name).write_text(name)
    outcome = done(known, "service", "map", "batch", "in", "out")
    assert outcome.out == "2 of 2 done, 0 failed; results in out\n"
    assert results(known.home / "out") == {"a.txt": "A.TXT", "deep/b ü.txt": "DEEP/B ü.TXT"}


def test_a_batch_whose_results_no_log_names_is_refused(known: Runner, providers: Providers) -> None:
    apply(known, providers, "untold", "webdav")
    (known.home / "in").mkdir()
    (known.home / "in" / "a.txt").write_text("a")
    outcome = done(known, "service", "map", "untold", "in", "out", code=ExitCode.FAILED)
    assert "no log names the files that a job stores at webdav.files" in outcome.err
    assert "hint: add an output at minio.default" in outcome.err


@pytest.mark.parametrize("output", ["webdav", "onedata"])
def test_a_folder_is_synchronised_with_the_output(known: Runner, providers: Providers, output: str) -> None:
    name = f"sync-{output}"
    apply(known, providers, name, output)
    # An output's folder is made by the first job that has a result.
    (known.home / "a.txt").write_text("a")
    done(known, "service", "put-file", name, "a.txt", "--wait")
    done(known, "service", "sync", f"{name}:", "tree")
    assert results(known.home / "tree") == {"a.txt": "A"}
    (known.home / "tree" / "new.txt").write_text("new")
    provider = OUTPUTS[output]["storage_provider"]
    done(known, "service", "sync", "tree", f"{name}:{name}", "--provider", provider)
    # The only output is there, so a path of its own needs no provider.
    done(known, "service", "sync", f"{name}:{name}", "again")
    assert results(known.home / "again") == {"a.txt": "A", "new.txt": "new"}
    done(known, "service", "get-file", name, provider, f"{name}/new.txt", "back.txt")
    assert (known.home / "back.txt").read_text() == "new"
