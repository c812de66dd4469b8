"""What is asked of a registry, and what is said when it does not give an image."""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscarcli.local.images import registry as images
from oscarcli.local.images.model import ImageError
from oscarcli.local.images.registry_client import RegistryName
from tests.support.certificate import certified
from tests.support.images import missing_busybox
from tests.support.registry import LOGIN, MANIFEST, Registry, running_registry

pytestmark = pytest.mark.skipif(missing_busybox() is not None, reason=str(missing_busybox()))
INDEX = "application/vnd.oci.image.index.v1+json"
HASH = "1" * 64


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry that wants no login."""
    with running_registry("none") as running:
        yield running


def saved(registry: Registry, folder: Path, authentication: Path | None = None) -> Path:
    """Get the image of a registry into a file."""
    target = folder / "image.tar"
    images.look_up(registry.reference, authentication).save(target, lambda text: None, threading.Event())
    return target


def manifest_path(registry: Registry) -> str:
    """Return where the image's manifest is asked for."""
    return f"/v2/{registry.reference.partition('/')[2].replace(':', '/manifests/')}"


def layer_path(registry: Registry) -> str:
    """Return where the image's one layer is asked for."""
    (layer,) = json.loads(registry.manifest)["layers"]
    return f"{manifest_path(registry).rpartition('/manifests/')[0]}/blobs/{layer['digest']}"


@pytest.mark.parametrize(
    ("reference", "host", "path", "version"),
    [
        ("busybox", "docker.io", "library/busybox", "latest"),
        ("grycap/cowsay:1", "docker.io", "grycap/cowsay", "1"),
        ("docker.io/busybox", "docker.io", "library/busybox", "latest"),
        ("index.docker.io/a/b", "docker.io", "a/b", "latest"),
        ("ghcr.io/a/b/c:x", "ghcr.io", "a/b/c", "x"),
        ("localhost/a", "localhost", "a", "latest"),
        ("host:5000/a:b", "host:5000", "a", "b"),
        (f"quay.io/a:b@sha256:{HASH}", "quay.io", "a", f"sha256:{HASH}"),
    ],
)
def test_names_are_read_as_docker_does(reference: str, host: str, path: str, version: str) -> None:
    assert RegistryName.parse(reference) == RegistryName(host, path, version)


def test_an_image_becomes_an_archive(registry: Registry, tmp_path: Path) -> None:
    with tarfile.open(saved(registry, tmp_path)) as archive:
        for digest, data in registry.blobs.items():
            stream = archive.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert stream is not None
            assert stream.read() == data
        assert len(archive.getnames()) == len(registry.blobs) + 3


def test_a_login_does_not_go_where_a_registry_sends_us(tmp_path: Path) -> None:
    with running_registry("basic") as registry, running_registry("basic") as other:
        logins = tmp_path / "config.json"
        logins.write_text(registry.secret())
        path = layer_path(registry)
        registry.answers[path] = (307, {"Location": f"http://{other.host}{path}"}, b"")
        with pytest.raises(ImageError, match="refuses the login"):
            saved(registry, tmp_path, logins)
        assert not other.calls, "it would have been let in with the login"
        other.scheme = "none"
        saved(registry, tmp_path, logins)
        assert other.calls == [("GET", path)]


def test_the_image_for_this_machine_is_taken(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    entries = [
        {"digest": f"sha256:{HASH}", "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": registry.digest, "platform": {"os": "linux", "architecture": "arm64"}},
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    registry.answers[manifest_path(registry)] = (200, {"Content-Type": INDEX}, index)
    found = images.look_up(registry.reference, None)
    assert found.digest == f"sha256:{hashlib.sha256(index).hexdigest()}", "what the registry knows it by"
    assert found.manifest == registry.manifest
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(ImageError, match="there for linux/amd64, linux/arm64, not for linux/riscv64"):
        images.look_up(registry.reference, None)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"{}", "has no image team/tools, 1"),
        (403, b"{}", "unauthorized: the registry .* name a secret with one in image_pull_secrets"),
        (429, b"{}", "answers 429 Too Many Requests"),
        (200, b"{}", "in a form that is not known here"),
        (200, b"<html>", "in a form that is not known here"),
        (
            200,
            b'{"config": {"digest": "sha256:../../x", "size": 1}, "layers": []}',
            "in a form that is not known here",
        ),
    ],
)
def test_what_is_said_of_a_manifest_that_is_none(
    registry: Registry, status: int, body: bytes, said: str
) -> None:
    registry.answers[manifest_path(registry)] = (status, {"Content-Type": MANIFEST}, body)
    with pytest.raises(ImageError, match=said):
        images.look_up(registry.reference, None)


@pytest.mark.parametrize(("cut", "said"), [(0, "is not sha256:"), (1, "broke off")])
def test_a_layer_that_is_not_the_one_is_refused(
    registry: Registry, tmp_path: Path, cut: int, said: str
) -> None:
    path = layer_path(registry)
    size = len(registry.blobs[path.rpartition("/")[2]])
    registry.answers[path] = (200, {}, b"x" * (size - cut))
    with pytest.raises(ImageError, match=said):
        saved(registry, tmp_path)


def test_a_pull_is_stopped(registry: Registry, tmp_path: Path) -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(ImageError, match="the cluster is stopping"):
        images.look_up(registry.reference, None).save(tmp_path / "x", lambda text: None, stopped)


def test_a_certificate_that_is_not_trusted_is_no_reason_to_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusted = certified(tmp_path, by_authority=True)
    with running_registry("none", tls) as registry:
        with pytest.raises(ImageError, match="SSL_CERT_FILE names the certificates that are trusted"):
            images.look_up(registry.reference, None)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert images.look_up(registry.reference, None).digest == registry.digest
        challenge = {"WWW-Authenticate": f'Bearer realm="http://{registry.host}/token"'}
        registry.answers[manifest_path(registry)] = (401, challenge, b"")
        with pytest.raises(ImageError, match="wants a login without TLS"):
            images.look_up(registry.reference, None)


def test_a_registry_that_is_not_there_is_named() -> None:
    with pytest.raises(ImageError, match=r"the registry 127\.0\.0\.1:9 cannot be reached: .*refused"):
        images.look_up("127.0.0.1:9/a", None)


@pytest.mark.parametrize(
    ("key", "entry", "refused"),
    [
        ("{host}", {"username": LOGIN[0], "password": LOGIN[1]}, False),
        ("https://{host}/v1/", {"auth": base64.b64encode(":".join(LOGIN).encode()).decode()}, False),
        ("other.example", {"auth": "AAAA"}, True),
        ("{host}", {"auth": "?"}, True),
        ("{host}", {"username": "x"}, True),
    ],
)
def test_logins_are_read_as_docker_writes_them(
    tmp_path: Path, key: str, entry: dict[str, str], refused: bool
) -> None:
    with running_registry("basic") as registry:
        logins = tmp_path / "config.json"
        logins.write_text(json.dumps({"auths": {key.format(host=registry.host): entry}}))
        if refused:
            with pytest.raises(ImageError, match="image_pull_secrets"):
                images.look_up(registry.reference, logins)
        else:
            assert images.look_up(registry.reference, logins).digest == registry.digest
