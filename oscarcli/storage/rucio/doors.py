"""The servers of grid storage that a Rucio server names, each entered with the account's login."""

from __future__ import annotations

from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.requests import FileServer, FileServerSettings
from oscarcli.storage.outage import Tell
from oscarcli.storage.rucio.login import RucioLogin
from oscarcli.storage.webdav.storage import WebDavStorage


class StorageDoors:
    """Opens them as they are needed; may be used by several threads.

    Args:
        settings: of the Rucio server, whose limits hold for storage, too.
        login: of the account.
        tell: told that and why a server is waited for.
    """

    def __init__(self, settings: FileServerSettings, login: RucioLogin, tell: Tell) -> None:
        self._settings, self._login, self._tell = settings, login, tell
        # By address and login: those that were asked, and those that took files.
        self._servers: dict[tuple[str, str], FileServer] = {}
        self._stores: dict[tuple[str, str], WebDavStorage] = {}

    def close(self) -> None:
        """End the connections."""
        for server in self._servers.values():
            server.close()
        for store in self._stores.values():
            store.close()

    def server(self, origin: str, cancellation: Cancellation | None) -> FileServer:
        """Return one that a replica is read from, by scheme, host and port."""
        settings = self._settings_of(origin, cancellation)
        key = (origin, settings.login_headers.get("authorization", ""))
        return self._servers.setdefault(key, FileServer(settings, self._tell))

    def store(self, endpoint: str, cancellation: Cancellation) -> WebDavStorage:
        """Return one that takes files, by the URL of the folder that paths start from."""
        settings = self._settings_of(endpoint, cancellation)
        key = (endpoint, settings.login_headers.get("authorization", ""))
        return self._stores.setdefault(key, WebDavStorage(settings, self._tell, makes_buckets=True))

    def _settings_of(self, endpoint: str, cancellation: Cancellation | None) -> FileServerSettings:
        """Return how to reach a server; the login goes to it alone."""
        return FileServerSettings(
            provider=self._settings.provider,
            endpoint=endpoint,
            login_headers=self._login_headers(cancellation),
            tls=self._login.tls,
            read_timeout=self._settings.read_timeout,
            outage_limit=self._settings.outage_limit,
        )

    def _login_headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        """Return what shows the token to storage; Rucio's own tokens are for its server alone."""
        token = self._login.token(cancellation)
        return {"authorization": f"Bearer {token.text}"} if token.is_for_storage else {}
