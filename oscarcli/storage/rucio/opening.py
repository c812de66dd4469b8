"""From the definition of a Rucio provider to its storage."""

from __future__ import annotations

from oscarcli.errors import OscarError
from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.file_server.opening import server_settings
from oscarcli.storage.rucio.login import open_login
from oscarcli.storage.rucio.storage import RucioStorage


def open_rucio(definition: ProviderDefinition) -> RucioStorage:
    """Return the storage. Nothing is sent to it yet.

    Raises:
        AuthError: there is nothing to log in with, or it is masked.
        OscarError: there is no host or no account.
        ConfigError: the environment names a way to log in that there is not.
    """
    settings = server_settings(definition, definition.endpoint("host"), {})
    account = definition.text("account")
    if not account:
        raise OscarError(f'storage provider "{definition.name}": no account is given')
    login = open_login(definition)
    rse = definition.text("rse")
    return RucioStorage(settings, login, account, rse, definition.tell, definition.journals)
