"""Certificates for servers on loopback."""

from __future__ import annotations

import ipaddress
import shutil
import ssl
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context and the file of its certificate; skip the test where none can be made."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def certified(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    days: tuple[float, float] = (-1, 90),
    by_authority: bool = False,
) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context and the file of the certificate that vouches for it.

    Args:
        folder: where to write them.
        host: a name or an IPv4 address that the certificate is for.
        days: from now, its first and its last moment.
        by_authority: whether an authority of its own signed it, or it signed itself.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key, root_key = _key(), _key()
    root = _certificate("Authority of this test", root_key, "Authority of this test", root_key, days)
    signer = ("Authority of this test", root_key) if by_authority else (host, key)
    leaf = _certificate(host, key, *signer, days, host=host)
    place = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    place.write_bytes(private + leaf.public_bytes(Encoding.PEM))
    voucher = folder / "voucher.pem"
    voucher.write_bytes((root if by_authority else leaf).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)
    return context, voucher


class Authority:
    """An authority that signs certificates of servers and of clients.

    Args:
        folder: where its files go.
        name: what it is called.

    Attributes:
        certificate, key: its files.
    """

    def __init__(self, folder: Path, name: str = "Authority of this test") -> None:
        self._folder, self._name, self._private = folder, name, _key()
        self.certificate = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        own = _certificate(name, self._private, name, self._private, (-1, 90))
        self.certificate.write_bytes(_pem(own))
        self.key.write_bytes(_private_pem(self._private))

    def signed(
        self, host: str, *, days: tuple[float, float] = (-1, 90), password: str = "", bits: int = 0
    ) -> Path:
        """Return the file of a new certificate, with its key, encrypted when there is a password.

        Its key is one for elliptic curves, or of RSA with so many bits.
        """
        key = _rsa_key(bits) if bits else _key()
        certificate = _certificate(host, key, self._name, self._private, days, host=host)
        path = self._folder / f"{host}-{certificate.serial_number:x}.pem"
        path.write_bytes(_private_pem(key, password) + _pem(certificate))
        return path

    def server(
        self,
        host: str,
        *,
        days: tuple[float, float] = (-1, 90),
        clients: Path | None = None,
        wanted: ssl.VerifyMode = ssl.CERT_REQUIRED,
    ) -> ssl.SSLContext:
        """Return a server's context; with `clients` it wants certificates that these vouch for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.signed(host, days=days))
        if clients is not None:
            context.verify_mode = wanted
            context.load_verify_locations(clients)
        return context


def _rsa_key(bits: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.PEM))


def _private_pem(key: Any, password: str = "") -> bytes:
    from cryptography.hazmat.primitives import serialization as forms

    encryption: Any = forms.NoEncryption()
    if password:
        encryption = forms.BestAvailableEncryption(password.encode())
    return bytes(key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, encryption))


def _key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _certificate(
    subject: str, key: Any, issuer: str, signing_key: Any, days: tuple[float, float], host: str | None = None
) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    def named(text: str) -> Any:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        # Python 3.13 insists on these.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                **dict.fromkeys(
                    (
                        "content_commitment",
                        "key_encipherment",
                        "data_encipherment",
                        "key_agreement",
                        "crl_sign",
                        "encipher_only",
                        "decipher_only",
                    ),
                    False,
                ),
                digital_signature=host is not None,
                key_cert_sign=host is None,
            ),
            critical=True,
        )
    )
    if host is not None:
        try:
            name: Any = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
    return builder.sign(signing_key, hashes.SHA256())
