"""Images from a registry and from archives, by the real programs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local import control
from tests.local.engines.conftest import Create, Images
from tests.local.exposed.conftest import deployment, reaches
from tests.local.harness import LocalCluster, Process, open_cluster, wait_for
from tests.support.certificate import certified
from tests.support.daily import daily
from tests.support.registry import Registry, running_registry

# What is said of a login that is missing or wrong, by either scheme.
REFUSED = "refuses the login|unauthorized|authentication required|invalid username|no basic auth credentials"
SCRIPT = 'echo "$FROM"; cat /srv/greeting\n'


@pytest.fixture(params=daily(["basic", "bearer"], "basic"))
def registry(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Registry]:
    """A registry that takes either kind of login, one without TLS and one with.

    Docker's daemon has its own idea of whom to trust, but needs no TLS on this machine.
    """
    tls = None
    if engine in ("apptainer", "singularity") or (request.param == "bearer" and engine != "docker"):
        tls, trusted = certified(tmp_path, by_authority=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with running_registry(request.param, tls) as running:
        if tls is not None:
            yield running
            return
        settings = tmp_path / "registries.conf"
        settings.write_text(f'[[registry]]\nlocation = "{running.host}"\ninsecure = true\n')
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
        yield running


def with_secret(cluster: LocalCluster, text: str) -> dict[str, Any]:
    """Put a login on the cluster's machine; return the member of a service that uses it."""
    folder = cluster.folder.pull_secrets
    folder.mkdir(exist_ok=True)
    (folder / "team.json").write_text(text)
    return {"image_pull_secrets": ["team"]}


def assert_digest(engine: str, digest: str, registry: Registry) -> None:
    """Check an image's digest: the registry's, or that of the file that Apptainer makes of the image."""
    if engine in ("apptainer", "singularity"):
        assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    else:
        assert digest == registry.digest


def test_an_image_is_pulled_with_the_service_s_login(
    registry: Registry, engine: str, start_cluster: Callable[..., LocalCluster]
) -> None:
    cluster = start_cluster(engine=engine)
    secret = with_secret(cluster, registry.secret())
    cluster.create("pulled", SCRIPT, image=registry.reference, memory="64Mi", **secret)
    assert_digest(engine, reaches(cluster, "pulled", "ready")["digest"], registry)
    cluster.submit("pulled")
    assert cluster.script_output("pulled").splitlines()[:2] == ["the registry", "from the image"]
    listed = control.status(cluster.folder)
    assert listed.engine is not None


@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_login_that_is_refused_is_the_reason(
    registry: Registry,
    engine: str,
    start_cluster: Callable[..., LocalCluster],
    password: str | None,
) -> None:
    cluster = start_cluster(engine=engine)
    secret = {} if password is None else with_secret(cluster, registry.secret(password))
    cluster.create("refused", SCRIPT, image=registry.reference, **secret)
    reason = reaches(cluster, "refused", "failed")["reason"]
    assert reason.startswith(f'the image "{registry.reference}" cannot be used: ')
    assert re.search(REFUSED, reason, re.I), reason
    assert not registry.calls


def test_a_secret_that_is_not_here_is_named(
    registry: Registry, engine: str, start_cluster: Callable[..., LocalCluster]
) -> None:
    cluster = start_cluster(engine=engine)
    cluster.create("secretless", SCRIPT, image=registry.reference, image_pull_secrets=["nowhere"])
    reason = reaches(cluster, "secretless", "failed")["reason"]
    assert 'there is no secret "nowhere" on this machine' in reason


@pytest.mark.thorough
def test_apply_shows_how_far_a_pull_is(registry: Registry, engine: str, run: Any, tmp_path: Path) -> None:
    registry.held.clear()
    process = Process(tmp_path / "data")
    cluster = process.start(engine=engine)
    try:
        secret = with_secret(cluster, registry.secret())
        service = {"name": "shown", "image": registry.reference, "script": "script.sh", **secret}
        (tmp_path / "script.sh").write_text("true\n")
        fdl = tmp_path / "fdl.yaml"
        fdl.write_text(json.dumps({"functions": {"oscar": [{"local": service}]}}))
        settings = process.folder.settings()
        words = ("local", cluster.server.endpoints.api, settings.user, settings.password)
        added = run("cluster", "add", *words)
        assert added.code == 0, added.err
        assert run("apply", fdl).code == 0
        wait_for(lambda: registry.calls, "the pull")
        state = deployment(cluster, "shown")
        assert (state["state"], state["reason"].startswith("pulling the image 127.0.0.1:")) == (
            "pending",
            True,
        )
        registry.held.set()
        applied = run("apply", "--wait", fdl)
        assert applied.code == 0, applied.err
        assert "pending (pulling the image 127.0.0.1:" in applied.err
        assert '✓ Ready service "shown"' in applied.out
        shown = run("service", "deployment", "status", "shown", "-o", "json")
        assert_digest(engine, json.loads(shown.out)["digest"], registry)
        images = json.loads(
            run("local", "images", "list", "--data-dir", process.folder.path, "-o", "json").out
        )
        assert (images[0]["reference"], images[0]["pulled"]) == (registry.reference, True)
    finally:
        registry.held.set()
        process.disconnect()
        control.reset(process.folder)


@pytest.mark.thorough
def test_whether_the_registry_is_asked_is_chosen_at_the_start(
    registry: Registry, engine: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    printed, asked = [], []
    for number, (pull, source) in enumerate(
        (("missing", "one"), ("missing", "two"), ("never", "two"), ("always", "two"))
    ):
        registry.fill(source)
        registry.calls.clear()
        cluster = open_cluster(folder, engine=engine, pull=pull)
        try:
            if not number:
                secret = with_secret(cluster, registry.secret())
                cluster.create("asked", SCRIPT, image=registry.reference, log_level="CRITICAL", **secret)
            cluster.submit("asked", job=f"job{number}")
            jobs = cluster.ended("asked", number + 1)
            assert jobs[f"job{number}"]["status"] == "Succeeded", cluster.log("asked", f"job{number}")
            log = cluster.log("asked", f"job{number}")
            printed.append(re.search(r"^(?:one|two)$", log, re.M))
            asked.append(bool(registry.calls))
        finally:
            cluster.close()
    assert [found and found[0] for found in printed] == ["one", "one", "one", "two"]
    assert asked == [True, False, False, True]


@pytest.fixture(scope="module")
def oci_archive(engine: str, images: Images) -> str:
    """An archive as podman itself writes it."""
    del engine
    reference = images.archive("saved", Env=["FROM=an OCI archive"])
    target = images.folder / "saved.oci.tar"
    if not target.exists():
        subprocess.run(
            ["podman", "load", "--input", reference.partition(":")[2]], check=True, capture_output=True
        )
        words = [
            "podman",
            "save",
            "--format",
            "oci-archive",
            "--output",
            str(target),
            "localhost/test/saved:1",
        ]
        subprocess.run(words, check=True, capture_output=True, env=os.environ)
    return f"oci-archive:{target}"


def test_an_oci_archive_of_podman_s_runs(contained: LocalCluster, create: Create, oci_archive: str) -> None:
    service = create(SCRIPT, image=oci_archive)
    contained.submit(service)
    assert contained.script_output(service).splitlines()[:2] == ["an OCI archive", "from the image"]


def test_a_file_of_apptainer_s_runs(
    contained: LocalCluster, create: Create, engine: str, images: Images
) -> None:
    if engine not in ("apptainer", "singularity"):
        pytest.skip("only Apptainer runs .sif files")
    path = images.folder / "built.sif"
    source = images.archive("built", Env=["FROM=a file"], WorkingDir="/srv")
    subprocess.run([engine, "build", str(path), source], check=True, capture_output=True)
    service = create(f"{SCRIPT}env\n", image=str(path), environment={"variables": {"HOME": "/a b"}})
    contained.submit(service)
    printed = contained.script_output(service).splitlines()
    assert printed[:2] == ["a file", "from the image"]
    assert "HOME=/a b" in printed
    assert not [line for line in printed if re.match("SINGULARITY|APPTAINER|LD_LIBRARY_PATH|PS1", line)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert contained.api.get(f"/system/services/{service}/deployment").json()["digest"] == f"sha256:{digest}"
