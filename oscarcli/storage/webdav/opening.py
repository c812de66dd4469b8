"""From the definition of a WebDAV provider to its storage."""

from __future__ import annotations

from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.file_server.opening import server_settings
from oscarcli.storage.webdav.requests import login_headers
from oscarcli.storage.webdav.storage import WebDavStorage


def open_webdav(definition: ProviderDefinition) -> WebDavStorage:
    """Return the storage. Nothing is sent to it yet.

    Raises:
        AuthError: the login is missing or masked.
        OscarError: there is no host.
    """
    endpoint = definition.endpoint("hostname")
    headers = login_headers(definition.secret("login"), definition.secret("password"))
    settings = server_settings(definition, endpoint, headers)
    return WebDavStorage(settings, definition.tell, definition.journals)
