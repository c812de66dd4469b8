"""How to reach one provider that speaks S3, and by which of the two clients."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from oscarcli.config.model import TlsSettings
from oscarcli.network.proxies import proxy_for
from oscarcli.storage.wire.connector import require_url

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 60.0
MAX_ATTEMPTS = 3
DEFAULT_REGION = "us-east-1"
ENGINES = ("lean", "boto3")
ENGINE_VARIABLE = "OSCAR_CLI_S3_ENGINE"


@dataclass(frozen=True)
class S3Settings:
    """How to reach one provider.

    Args:
        provider: its name, such as "minio.default", for messages.
        access_key, secret_key: static keys.
        region: empty for us-east-1.
        endpoint: URL of a MinIO server; `None` for Amazon's by region (or AWS_ENDPOINT_URL_S3).
        tls: whom TLS trusts, and what it shows.
        read_timeout: seconds a server may keep silent.
        outage_limit: seconds it may be away, as while it is restarted; `None` for the usual patience, but
            no more than `read_timeout`.
    """

    provider: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = ""
    endpoint: str | None = None
    tls: TlsSettings = field(default=TlsSettings())
    read_timeout: float = READ_TIMEOUT_SECONDS
    outage_limit: float | None = None

    @property
    def ca_bundle(self) -> str:
        """A file of certificates to trust in the system's place, as Amazon's programs know it."""
        return os.environ.get("AWS_CA_BUNDLE", "")

    @property
    def connect_timeout(self) -> float:
        """Seconds in which a connection must come about."""
        return min(CONNECT_TIMEOUT_SECONDS, self.read_timeout)


def choose_engine(settings: S3Settings) -> tuple[str, str]:
    """Return which client sends the requests for objects, "lean" or "boto3", and why.

    OSCAR_CLI_S3_ENGINE names one, for a provider with a quirk that only boto3 knows.

    Raises:
        ConfigError: the proxy that the environment names cannot be used.
        UnreachableError: the endpoint is not a URL.
    """
    wanted = os.environ.get(ENGINE_VARIABLE, "").strip().lower()
    if wanted in ENGINES and (wanted == "boto3" or settings.endpoint):
        return wanted, f"{ENGINE_VARIABLE} names it"
    if settings.endpoint is None:
        return "boto3", "Amazon's regions and redirections are left to its own library"
    require_url(settings)
    proxy = proxy_for(settings.endpoint)
    if proxy is not None and proxy.is_socks:
        return "boto3", "the way leads through a SOCKS proxy"
    return "lean", "the way is direct" if proxy is None else "the way leads through an HTTP proxy"
