"""From the definition of an Onedata provider to its storage."""

from __future__ import annotations

from oscarcli.errors import OscarError, UsageError
from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.file_server.opening import server_settings
from oscarcli.storage.onedata.storage import OnedataStorage


def open_onedata(definition: ProviderDefinition) -> OnedataStorage:
    """Return the storage. Nothing is sent to it yet.

    Raises:
        AuthError: the token is missing or masked.
        OscarError: there is no host or no space.
        UsageError: the space cannot be the name of one.
    """
    endpoint = definition.endpoint("oneprovider_host")
    space = definition.text("space").strip("/")
    if not space:
        raise OscarError(f'storage provider "{definition.name}": no space is given')
    if "/" in space or space in (".", ".."):
        raise UsageError(
            f'storage provider "{definition.name}": "{space}" is not the name of a space',
            hint="folders in a space belong into the remote path",
        )
    settings = server_settings(definition, endpoint, {"x-auth-token": definition.secret("token")})
    return OnedataStorage(settings, space, definition.tell, definition.journals)
