"""A service's document and the storage that it names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscarcli.config.model import TlsSettings

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.storage.base import Storage
    from oscarcli.storage.journal import TransferJournals
    from oscarcli.storage.outage import Tell
    from oscarcli.storage.transfer import Upload


def _silent(_text: str) -> None:
    """Say nothing."""


class ServiceStorage:
    """A service's document, read once, and the way from there to its storage.

    Args:
        client: the cluster.
        service: the service's name.
        tls: the cluster's TLS settings.
        timeout: seconds a store may keep silent; its own limit when `None`.
        tell: told in passing what is waited for.
        note: told what interests few: which client moves the objects.
        journals: where unfinished transfers are remembered; `None` for nowhere.
    """

    def __init__(
        self,
        client: Client,
        service: str,
        *,
        tls: TlsSettings = TlsSettings(),
        timeout: float | None = None,
        tell: Tell = _silent,
        note: Tell = _silent,
        journals: TransferJournals | None = None,
    ) -> None:
        self.client, self.service = client, service
        self._tls, self._timeout = tls, timeout
        self._tell, self._note = tell, note
        self._journals = journals

    @cached_property
    def document(self) -> dict[str, Any]:
        """The service. Raises NotFoundError when there is none of that name."""
        from oscarcli.api.services import get_service

        return get_service(self.client, self.service)

    def storage(self, provider: str) -> Storage:
        """Return the storage of a provider. See `open_storage` for what it raises."""
        return storage_at(
            self.client,
            provider,
            self.document,
            tls=self._tls,
            timeout=self._timeout,
            tell=self._tell,
            note=self._note,
            journals=self._journals,
        )

    def input(self, file: Path, provider: str | None = None) -> Upload:
        """Return the upload of a local file to the service's input folder, which starts a job.

        Args:
            file: the local file.
            provider: whose input folder; the cluster's own store when `None`.

        Raises:
            UsageError: the service has no input folder there.
        """
        from oscarcli.storage.location import parse_location
        from oscarcli.storage.provider import DEFAULT_PROVIDER, default_input_path
        from oscarcli.storage.transfer import Upload

        folder = default_input_path(self.document, provider or DEFAULT_PROVIDER)
        return Upload(file, parse_location(folder).as_folder().child(file.name))


def storage_at(
    client: Client,
    provider: str,
    document: Mapping[str, Any],
    *,
    tls: TlsSettings,
    timeout: float | None,
    tell: Tell,
    note: Tell = _silent,
    journals: TransferJournals | None = None,
) -> Storage:
    """Return the storage of a provider, with the keys that the cluster gives this login.

    Args:
        client: the cluster.
        provider: its name; `DEFAULT_PROVIDER` is the cluster's own store.
        document: the service that defines other ones.
        tls: the cluster's TLS settings.
        timeout: seconds a store may keep silent; its own limit when `None`.
        tell: told in passing what is waited for.
        note: told what interests few: which client moves the objects.
        journals: where unfinished transfers are remembered; `None` for nowhere.
    """
    from oscarcli.api.system import get_config
    from oscarcli.storage.provider import open_storage

    def cluster_minio() -> Any:
        return get_config(client).get("minio_provider")

    return open_storage(
        provider,
        document,
        cluster_minio,
        read_timeout=timeout,
        tls=tls,
        tell=tell,
        note=note,
        journals=journals,
    )
