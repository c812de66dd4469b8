"""Which certificates a machine trusts."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.network import trust
from tests.support.certificate import Authority

NOWHERE = "/nonexistent"


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test load certificates for itself, from no place that this machine's user has named."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    trust._context.cache_clear()


def _paths(cafile: str, capath: str) -> Any:
    return lambda: ssl.DefaultVerifyPaths(cafile, capath, "SSL_CERT_FILE", NOWHERE, "SSL_CERT_DIR", NOWHERE)


def _trusted(settings: TlsSettings = TlsSettings()) -> set[str]:
    """Return the names of the authorities that a context holds."""
    found: list[Any] = trust.tls_context(settings).get_ca_certs()
    return {value for one in found for part in one["subject"] for key, value in part if key == "commonName"}


@pytest.mark.skipif(trust._verifies_itself(), reason="this system has no file of certificates")
def test_a_machine_without_a_store_trusts_what_comes_with_the_http_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ssl, "get_default_verify_paths", _paths("", ""))
    monkeypatch.setattr(trust, "STORES", (f"{NOWHERE}/a.pem",))
    assert len(_trusted()) > 50


@pytest.mark.skipif(trust._verifies_itself(), reason="this system has no file of certificates")
def test_a_store_in_another_place_than_openssl_looks_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "Of the machine")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setattr(ssl, "get_default_verify_paths", _paths("", str(empty)))
    monkeypatch.setattr(trust, "STORES", (f"{NOWHERE}/a.pem", str(authority.certificate)))
    assert _trusted() == {"Of the machine"}
    own = Authority(tmp_path, "Of the cluster")
    assert _trusted(TlsSettings(ca_file=str(own.certificate))) == {"Of the machine", "Of the cluster"}


def test_what_the_environment_names_takes_the_machines_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "Named")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    assert _trusted() == {"Named"}


def test_nothing_older_than_tls_1_2_and_one_context_for_the_same_settings() -> None:
    for settings in (TlsSettings(), TlsSettings(verify=False)):
        context = trust.tls_context(settings)
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert trust.tls_context(settings) is context
    assert trust.tls_context(TlsSettings()).verify_mode == ssl.CERT_REQUIRED
    assert trust.tls_context(TlsSettings()).check_hostname
    assert trust.tls_context(TlsSettings(verify=False)).verify_mode == ssl.CERT_NONE


def test_a_proxys_certificate_is_always_verified() -> None:
    settings = TlsSettings(verify=False)
    assert trust.proxy_context(settings).verify_mode == ssl.CERT_REQUIRED
