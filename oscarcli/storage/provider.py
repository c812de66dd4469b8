"""From a provider's name, such as "minio.default", to a Storage; and a service's default places.

Sections of a service document may be missing or null; nothing here takes them for granted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oscarcli.coercion import as_mapping
from oscarcli.config.model import TlsSettings
from oscarcli.errors import OscarError, UsageError
from oscarcli.storage.base import Storage
from oscarcli.storage.definition import CLUSTER_STORE, ProviderDefinition, text_of
from oscarcli.storage.outage import Tell

if TYPE_CHECKING:
    from oscarcli.storage.journal import TransferJournals

Document = Mapping[str, Any]

DEFAULT_PROVIDER = CLUSTER_STORE
PROVIDER_TYPES = ("minio", "s3", "webdav", "onedata", "rucio")


def normalised(provider: str) -> str:
    """Return a provider's full name as the server understands it: `MinIO` is `minio.default`."""
    kind, _, identifier = provider.strip().partition(".")
    return f"{kind.lower()}.{identifier or 'default'}"


def looks_like_provider(word: str) -> bool:
    """Tell whether a word on the command line is meant as a provider.

    A word with a slash in it is a path: no provider has one, but `minio.bucket/in` is a fine remote path.
    """
    kind, dot, _ = word.strip().partition(".")
    if "/" in word:
        return False
    return word.strip() == "minio" or (bool(dot) and kind in PROVIDER_TYPES)


def open_storage(
    provider: str,
    service: Document,
    cluster_minio: Callable[[], Document | None],
    *,
    read_timeout: float | None = None,
    outage_limit: float | None = None,
    tls: TlsSettings = TlsSettings(),
    tell: Tell = lambda _text: None,
    note: Tell = lambda _text: None,
    journals: TransferJournals | None = None,
) -> Storage:
    """Return the storage that a service calls `provider`. Nothing is sent to it yet.

    Args:
        provider: `minio`, `minio.ID`, `s3.ID`, `webdav.ID`, `onedata.ID` or `rucio.ID`.
        service: the service's document.
        cluster_minio: gives `minio_provider` of the cluster's configuration; called only when needed.
        read_timeout: seconds a server may keep silent; the storage's own limit when `None`.
        outage_limit: seconds a store may be away; the storage's own limit when `None`.
        tls: the cluster's settings: its authorities count for every provider, its client certificate is shown
            to its own store alone, and each provider's definition tells whether certificates are verified.
        tell: told in passing what is waited for.
        note: told what interests few: which client moves the objects.
        journals: where unfinished transfers are remembered; `None` for nowhere.

    Raises:
        UsageError: no such type of provider, or the service does not define this one.
        AuthError: the keys are missing or masked.
    """
    name = normalised(provider)
    kind, _, identifier = name.partition(".")
    if kind not in PROVIDER_TYPES:
        raise UsageError(
            f'invalid storage provider "{provider}"',
            hint="a provider is TYPE.ID, such as minio.default or s3.ID",
        )
    if name == DEFAULT_PROVIDER:
        settings = cluster_minio()
        if not isinstance(settings, Mapping):
            raise OscarError(f'storage provider "{name}": the cluster\'s configuration has no minio_provider')
    else:
        settings = _defined(service, kind, identifier)
        tls = replace(tls, client_cert="", client_key="")
    return _open(
        kind,
        ProviderDefinition(name, settings, read_timeout, outage_limit, tls, tell, note, journals),
    )


def _open(kind: str, definition: ProviderDefinition) -> Storage:
    """Return the storage of a provider; only its own protocol is loaded."""
    if kind == "webdav":
        from oscarcli.storage.webdav.opening import open_webdav

        return _told(open_webdav(definition), "WebDAV", definition)
    if kind == "onedata":
        from oscarcli.storage.onedata.opening import open_onedata

        return _told(open_onedata(definition), "Onedata", definition)
    if kind == "rucio":
        from oscarcli.storage.rucio.opening import open_rucio

        return _told(open_rucio(definition), "Rucio", definition)
    from oscarcli.storage.s3.opening import open_s3

    # Which of its clients moves the objects is told when that is known.
    return open_s3(definition)


def _told(storage: Storage, protocol: str, definition: ProviderDefinition) -> Storage:
    definition.note(f"{storage.provider}: {protocol} at {storage.place}")
    return storage


def _defined(service: Document, kind: str, identifier: str) -> Document:
    group = as_mapping(as_mapping(service.get("storage_providers")).get(kind))
    settings = group.get(identifier)
    if not isinstance(settings, Mapping):
        defined = sorted(defined_providers(service))
        raise UsageError(
            f'storage provider "{kind}.{identifier}" is not defined in the service "{_name(service)}"',
            hint=f"it has {', '.join(defined)}",
        )
    return settings


def defined_providers(service: Document) -> Iterator[str]:
    """Yield the names of a service's providers, the cluster's own store first."""
    yield DEFAULT_PROVIDER
    providers = as_mapping(service.get("storage_providers"))
    for kind in providers:
        for identifier in as_mapping(providers.get(kind)):
            if (name := f"{kind}.{identifier}") != DEFAULT_PROVIDER:
                yield name


# -- default places --------------------------------------------------------------------------------


def default_input_path(service: Document, provider: str) -> str:
    """Return the path of the first input at a provider. Raises UsageError when there is none."""
    for entry in _entries(service, "input"):
        if normalised(text_of(entry, "storage_provider")) == normalised(provider) and _path(entry):
            return _path(entry)
    raise UsageError(
        f'service "{_name(service)}" does not define an input path for storage provider "{provider}"',
        hint="name the remote file, as BUCKET/KEY",
    )


def default_output_provider(service: Document) -> str:
    """Return the provider of the first output. Raises UsageError when there is none."""
    for entry in _entries(service, "output"):
        if provider := text_of(entry, "storage_provider"):
            return normalised(provider)
    raise UsageError(
        f'service "{_name(service)}" does not define any output storage providers',
        hint="name a provider, such as minio.default",
    )


def default_output_path(service: Document, provider: str) -> str:
    """Return the path of the first output at a provider. Raises UsageError when there is none."""
    for entry in _entries(service, "output"):
        if normalised(text_of(entry, "storage_provider")) == normalised(provider) and _path(entry):
            return _path(entry)
    raise UsageError(
        f'service "{_name(service)}" does not define an output path for storage provider "{provider}"',
        hint="name the remote folder, as BUCKET/FOLDER",
    )


@dataclass(frozen=True)
class ServicePath:
    """Where a service reads or writes.

    Attributes:
        provider: its full name.
        path: at the provider, without slashes at its ends.
        is_output: whether the service writes there.
    """

    provider: str
    path: str
    is_output: bool


def service_paths(service: Document) -> list[ServicePath]:
    """Return where a service reads, then where it writes; each once."""
    found = (
        ServicePath(_provider(entry), _path(entry), field == "output")
        for field in ("input", "output")
        for entry in _entries(service, field)
        if _path(entry)
    )
    return list(dict.fromkeys(found))


def service_folders(service: Document, field: str) -> list[tuple[str, str]]:
    """Return provider and path of a service's inputs or outputs; `field` is "input" or "output"."""
    is_output = field == "output"
    return [(one.provider, one.path) for one in service_paths(service) if one.is_output == is_output]


def only_provider(service: Document, field: str) -> str:
    """Return the provider of a service's inputs or outputs; the default one where there are several."""
    found = {provider for provider, _ in service_folders(service, field)}
    return found.pop() if len(found) == 1 else DEFAULT_PROVIDER


def only_folder(service: Document, field: str, provider: str | None = None) -> tuple[str, str]:
    """Return the provider and the path of a service's only input, or output.

    Args:
        service: the service's document.
        field: "input" or "output".
        provider: only those at this provider; all when `None`.

    Raises:
        UsageError: there is none, or there are several.
    """
    wanted = None if provider is None else normalised(provider)
    found = [one for one in service_folders(service, field) if wanted in (None, one[0])]
    if len(found) == 1:
        return found[0]
    at = f' at storage provider "{wanted}"' if wanted else ""
    if not found:
        raise UsageError(
            f'service "{_name(service)}" has no {field} folder{at}',
            hint="name the remote folder, as BUCKET/FOLDER",
        )
    listed = ", ".join(f"{name} {path}" for name, path in found)
    raise UsageError(
        f'service "{_name(service)}" has several {field} folders{at}', hint=f"name one of them: {listed}"
    )


def _provider(entry: Document) -> str:
    return normalised(text_of(entry, "storage_provider") or DEFAULT_PROVIDER)


def _path(entry: Document) -> str:
    return text_of(entry, "path").strip("/")


def _entries(service: Document, field: str) -> Iterator[Document]:
    entries = service.get(field)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping):
            yield entry


def _name(service: Document) -> str:
    return text_of(service, "name")
