"""From the definition of a MinIO or Amazon S3 provider to its storage."""

from __future__ import annotations

from oscarcli.errors import OscarError
from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.s3.settings import READ_TIMEOUT_SECONDS, S3Settings
from oscarcli.storage.s3.storage import S3Storage


def open_s3(definition: ProviderDefinition) -> S3Storage:
    """Return the storage. Nothing is sent to it yet.

    Raises:
        AuthError: the keys are missing or masked.
        OscarError: there is no endpoint.
    """
    access_key, secret_key = definition.secret("access_key"), definition.secret("secret_key")
    endpoint = definition.text("endpoint") or None
    is_amazon = definition.name.startswith("s3.")
    if not is_amazon and endpoint is None:
        raise OscarError(f'storage provider "{definition.name}": no endpoint is given')
    settings = S3Settings(
        provider=definition.name,
        access_key=access_key,
        secret_key=secret_key,
        region=definition.text("region"),
        endpoint=None if is_amazon else endpoint,
        tls=definition.verified_tls,
        read_timeout=definition.read_timeout or READ_TIMEOUT_SECONDS,
        outage_limit=definition.outage_limit,
    )
    return S3Storage(settings, definition.tell, definition.note, definition.journals)
