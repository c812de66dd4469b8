"""A provider as a service defines it, and what is needed to open a storage of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oscarcli.config.model import TlsSettings
from oscarcli.errors import AuthError, OscarError
from oscarcli.storage.outage import Tell

if TYPE_CHECKING:
    from oscarcli.storage.journal import TransferJournals

# What servers and programs put in the place of a secret: OSCAR "hidden", this program "***".
MASKS = ("hidden", "***")

# What services call the object store of their cluster.
CLUSTER_STORE = "minio.default"


@dataclass(frozen=True)
class ProviderDefinition:
    """One provider.

    Args:
        name: its full name, such as "minio.default".
        settings: its fields in the definition.
        read_timeout: seconds a server may keep silent; the storage's own limit when `None`.
        outage_limit: seconds a store may be away; the storage's own limit when `None`.
        tls: whom TLS trusts, unless the definition says that certificates are not verified.
        tell: told in passing what is waited for.
        note: told what interests few.
        journals: where unfinished transfers are remembered; `None` for nowhere.
    """

    name: str
    settings: Mapping[str, Any]
    read_timeout: float | None
    outage_limit: float | None
    tls: TlsSettings
    tell: Tell
    note: Tell
    journals: TransferJournals | None

    @property
    def verified_tls(self) -> TlsSettings:
        """The settings of TLS as the definition wants them."""
        return replace(self.tls, verify=self.settings.get("verify") is not False)

    def text(self, field: str) -> str:
        """Return a field, empty when it is missing or no text."""
        return text_of(self.settings, field)

    def endpoint(self, field: str) -> str:
        """Return a server as a URL, of HTTPS as OSCAR's own jobs have it. Raises OscarError for none."""
        host = self.text(field)
        if not host:
            raise OscarError(f'storage provider "{self.name}": no {field} is given')
        return host if "://" in host else f"https://{host}"

    def secret(self, field: str) -> str:
        """Return a field that is needed to log in. Raises AuthError when it is missing or masked."""
        value = self.text(field)
        if not value:
            raise AuthError(f'storage provider "{self.name}": the {field} is missing')
        if value in MASKS:
            raise AuthError(
                f'storage provider "{self.name}": the server shows "{value}" instead of the {field}',
                hint="log in as a user who may read the keys, or use a provider of your own",
            )
        return value


def text_of(document: Mapping[str, Any], field: str) -> str:
    """Return a field of a document without blanks around it, empty when it is missing or no text."""
    value = document.get(field)
    return value.strip() if isinstance(value, str) else ""
