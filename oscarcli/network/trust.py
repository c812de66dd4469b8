"""Whom TLS trusts and what this side shows of itself: one context for all connections of a cluster."""

from __future__ import annotations

import os
import re
import ssl
import sys
from functools import lru_cache
from pathlib import Path

from oscarcli.config.model import TlsSettings
from oscarcli.errors import ConfigError

# Where systems keep their certificates when it is not where this OpenSSL was built to look.
STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
HASHED_NAME = re.compile(r"[0-9a-fA-F]{8}\.\d+")
# The first byte of a certificate in DER, as Windows saves it.
DER = b"\x30"
PEM_CERTIFICATE = re.compile(rb"-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----")
PEM_KEY = re.compile(rb"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----")
MAX_FILE_BYTES = 16 << 20
STORE_AGAIN = "oscar-cli cluster add ID URL ... {option} PATH --force"


def tls_context(settings: TlsSettings, *, bundle: str = "") -> ssl.SSLContext:
    """Return the context for connections to a cluster, or on its behalf; the same one for the same settings.

    The system's trust store counts, and the cluster's own authorities beside it. SSL_CERT_FILE and
    SSL_CERT_DIR name certificates to trust in the system's place. TLS 1.2 is the least.

    Args:
        settings: of the cluster.
        bundle: a file to trust in the system's place whatever the environment says.

    Raises:
        ConfigError: a file that the cluster or the environment names cannot be used.
    """
    named = (
        (bundle, "") if bundle else (os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))
    )
    return _context(settings, *named)


def proxy_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context for a proxy that speaks TLS: always verified, and shown no certificate of ours."""
    return tls_context(TlsSettings(ca_file=settings.ca_file))


@lru_cache(maxsize=8)
def _context(settings: TlsSettings, cert_file: str, cert_dir: str) -> ssl.SSLContext:
    is_named = bool(cert_file or cert_dir)
    context = _bare(is_named)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.verify and is_named:
        _trust_named(context, cert_file, cert_dir)
    elif settings.verify and not _verifies_itself():
        _trust_system(context)
    if settings.ca_file:
        trust_file(context, settings.ca_file, "--ca-file names it: " + STORE_AGAIN.format(option="--ca-file"))
    if settings.client_cert:
        _show(context, settings.client_cert, settings.client_key or settings.client_cert)
    return context


def _bare(is_named: bool) -> ssl.SSLContext:
    if not _verifies_itself() or is_named:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import truststore

    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context


def _verifies_itself() -> bool:
    """Tell whether the system verifies certificates, rather than to keep a file of them.

    Elsewhere truststore only finds that file, and reads it anew for every connection (measured: 20 ms),
    with one handshake at a time.
    """
    return sys.platform in ("darwin", "win32")


def _trust_system(context: ssl.SSLContext) -> None:
    """Trust what the system trusts; where it has no certificates, those that come with the HTTP library."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and _has_certificates(Path(paths.capath))):
        context.set_default_verify_paths()
        return
    for store in STORES:
        if Path(store).is_file():
            context.load_verify_locations(cafile=store)
            return
    import certifi

    context.load_verify_locations(cafile=certifi.where())


def _has_certificates(folder: Path) -> bool:
    try:
        return any(HASHED_NAME.fullmatch(path.name) for path in folder.iterdir())
    except OSError:
        return False


def _trust_named(context: ssl.SSLContext, cert_file: str, cert_dir: str) -> None:
    if cert_file:
        trust_file(context, cert_file, "SSL_CERT_FILE (or, for MinIO and S3, AWS_CA_BUNDLE) names it")
    if cert_dir:
        if not Path(cert_dir).is_dir():
            raise ConfigError(
                f"the certificates in {cert_dir} cannot be read: it is no folder",
                hint="SSL_CERT_DIR names it",
            )
        context.load_verify_locations(capath=cert_dir)


def trust_file(context: ssl.SSLContext, path: str, hint: str) -> None:
    """Let a context trust the certificates of a file, in PEM or DER. Raises ConfigError."""
    content = _read(path, "certificates", hint)
    try:
        if content.startswith(DER):
            context.load_verify_locations(cadata=content)
        else:
            context.load_verify_locations(cafile=path)
    except (ssl.SSLError, ValueError) as error:
        reason = "it holds a broken one" if PEM_CERTIFICATE.search(content) else "it holds none in PEM or DER"
        raise ConfigError(f"the certificates in {path} cannot be used: {reason}", hint=hint) from error


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Let a context show a client certificate. Raises ConfigError when it and its key cannot be used."""
    hint = "--client-cert and --client-key name it: " + STORE_AGAIN.format(option="--client-cert")
    if not PEM_CERTIFICATE.search(_read(certificate, "client certificate", hint)):
        raise ConfigError(
            f"the client certificate in {certificate} cannot be used: it holds none in PEM", hint=hint
        )
    if not PEM_KEY.search(_read(key, "key of the client certificate", hint)):
        raise ConfigError(
            f"there is no key of the client certificate in {key}",
            hint="name the file of the key: " + STORE_AGAIN.format(option="--client-cert PATH --client-key"),
        )
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _EncryptedError as error:
        raise ConfigError(
            f"the key of the client certificate in {key} is encrypted",
            hint=f"decrypt it, into a file that only you can read: (umask 077; openssl pkey -in {key} -out "
            "PATH), and store the cluster with --client-key PATH",
        ) from error
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            raise ConfigError(
                f"the key in {key} is not that of the certificate in {certificate}", hint=hint
            ) from error
        reason = (error.reason or "it is broken").replace("_", " ").lower()
        raise ConfigError(
            f"the client certificate in {certificate} cannot be used: {reason}", hint=hint
        ) from error
    # Some servers ask for it only when a certain path is asked for.
    context.post_handshake_auth = True


class _EncryptedError(Exception):
    """A key wants a password."""


def _no_password() -> str:
    # Without this OpenSSL asks on the terminal, if there is one.
    raise _EncryptedError


def _read(path: str, what: str, hint: str) -> bytes:
    try:
        if not Path(path).exists():
            raise FileNotFoundError(2, "there is no such file")
        if not Path(path).is_file():
            raise OSError(21, "it is no file")
        with Path(path).open("rb") as file:
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise ConfigError(f"the {what} in {path} cannot be read: {error.strerror}", hint=hint) from error
