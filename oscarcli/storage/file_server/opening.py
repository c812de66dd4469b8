"""From the definition of a provider to the settings of its server of files."""

from __future__ import annotations

from collections.abc import Mapping

from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.file_server.requests import READ_TIMEOUT_SECONDS, FileServerSettings


def server_settings(
    definition: ProviderDefinition, endpoint: str, login_headers: Mapping[str, str]
) -> FileServerSettings:
    """Return how to reach the server of a provider.

    Args:
        definition: the provider.
        endpoint: URL of the folder that paths start from.
        login_headers: sent to this server alone.
    """
    return FileServerSettings(
        provider=definition.name,
        endpoint=endpoint,
        login_headers=login_headers,
        tls=definition.verified_tls,
        read_timeout=definition.read_timeout or READ_TIMEOUT_SECONDS,
        outage_limit=definition.outage_limit,
    )
