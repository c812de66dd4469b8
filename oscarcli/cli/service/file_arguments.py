"""What the words of `put-file` and its siblings mean: the reference client's guesses, made safe.

A word that looks like a provider is one, unless it names a local file where a local file may stand.
`--provider` ends all guessing. Words that are left over are refused, with what was understood.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oscarcli.errors import UsageError
from oscarcli.storage.provider import DEFAULT_PROVIDER, looks_like_provider

IsThere = Callable[[str], bool]


@dataclass(frozen=True)
class Get:
    """What `get-file` is to do.

    Args:
        service: whose storage.
        provider: `None` for that of the service's first output.
        remote: `None` for the path of the service's only output, with `latest` of its first one.
        local: where to; `None` for the object's own name in the current folder.
        latest: whether the newest object below `remote` is wanted.
        destination: value of `--download-latest-into`; goes by rules of its own (`latest_target`).
    """

    service: str
    provider: str | None = None
    remote: str | None = None
    local: str | None = None
    latest: bool = False
    destination: str | None = None


@dataclass(frozen=True)
class Put:
    """What `put-file` is to do: `remote` is `None` for the path of the service's input."""

    service: str
    provider: str
    local: tuple[str, ...]
    remote: str | None = None


@dataclass(frozen=True)
class DeleteTarget:
    """What `delete-file` is to delete."""

    service: str
    provider: str
    remote: str


@dataclass(frozen=True)
class Remote:
    """What `list-files` is to look at.

    Args:
        service: whose storage.
        provider: `None` for that of the service's only output, or else input.
        remote: `None` for the folder of that.
    """

    service: str
    provider: str | None
    remote: str | None


def parse_get(
    words: Sequence[str],
    *,
    provider: str | None = None,
    latest: str | None = None,
) -> Get:
    """Understand `SERVICE_NAME [STORAGE_PROVIDER] [REMOTE_PATH] [LOCAL_FILE]`.

    Args:
        words: the positional words.
        provider: value of `--provider`.
        latest: value of `--download-latest-into`, empty when it stands alone, `None` when it is absent.

    Raises:
        UsageError: the words make no sense together.
    """
    service, rest = _service(words)
    if provider is None and rest and looks_like_provider(rest[0]):
        provider = rest.pop(0)
    elif provider is None and len(rest) == 3:
        raise _invalid_provider(rest[0])
    names = ("REMOTE_PATH", "LOCAL_FILE")
    _refuse_surplus(service, provider, rest, names)
    remote, local = (*rest, None, None)[:2]
    if latest and local is not None:
        raise UsageError(
            "--download-latest-into already defines a destination path; do not provide LOCAL_FILE as well"
        )
    return Get(service, provider, remote, local, latest is not None, latest or None)


def parse_put(
    words: Sequence[str],
    *,
    provider: str | None = None,
    to: str | None = None,
    recursive: bool = False,
    is_file: IsThere = os.path.isfile,
) -> Put:
    """Understand `SERVICE_NAME [STORAGE_PROVIDER] LOCAL_FILE... [REMOTE_FILE]`.

    One local file may be followed by any REMOTE_FILE. Of several words the last one is the remote folder
    when it ends in a slash; otherwise all are local files, as the shell makes them of `images/*.jpg`.

    Args:
        words: the positional words.
        provider: value of `--provider`.
        to: value of `--to`: the remote path, so that every word is a local file.
        recursive: whether a local folder is as good as a file.
        is_file: tells whether a local file exists.

    Raises:
        UsageError: the words make no sense together.
    """
    service, rest = _service(words)
    is_file = _or_folder(is_file) if recursive else is_file
    given = provider
    if provider is None and len(rest) > 1 and looks_like_provider(rest[0]) and not is_file(rest[0]):
        provider = rest.pop(0)
    if not rest:
        raise UsageError("the LOCAL_FILE argument is required")
    remote = to
    if remote is None and len(rest) > 1 and not _are_all_local(rest, is_file):
        if len(rest) > 2 and not rest[-1].endswith("/"):
            raise _not_several_files(rest, is_file, may_be_provider=given is None and provider is None)
        remote = rest.pop()
    return Put(service, provider or DEFAULT_PROVIDER, tuple(rest), remote)


def _or_folder(is_file: IsThere) -> IsThere:
    return lambda word: is_file(word) or os.path.isdir(word)  # noqa: PTH112


def _are_all_local(rest: list[str], is_file: IsThere) -> bool:
    """Tell whether the last word is one more local file; a file named twice is one, and where it goes."""
    is_pair_of_same = len(rest) == 2 and rest[0] == rest[1]
    return not rest[-1].endswith("/") and is_file(rest[-1]) and not is_pair_of_same


def _not_several_files(rest: list[str], is_file: IsThere, *, may_be_provider: bool) -> UsageError:
    if may_be_provider and len(rest) == 3 and not is_file(rest[0]):
        return _invalid_provider(rest[0])
    return UsageError(
        f'"{rest[-1]}", after {len(rest) - 1} local files, is neither a local file nor a remote folder',
        hint="a remote folder ends in a slash; or name it with --to",
    )


def parse_list(words: Sequence[str], *, provider: str | None = None) -> Remote:
    """Understand `SERVICE_NAME [STORAGE_PROVIDER] [REMOTE_PATH]`; a path is one at MinIO unless it is said.

    Raises:
        UsageError: the words make no sense together.
    """
    service, rest = _service(words)
    if provider is None and rest and looks_like_provider(rest[0]):
        provider = rest.pop(0)
    elif provider is None and len(rest) > 1:
        raise _invalid_provider(rest[0])
    _refuse_surplus(service, provider, rest, ("REMOTE_PATH",))
    if not rest:
        return Remote(service, provider, None)
    return Remote(service, provider or DEFAULT_PROVIDER, rest[0])


def parse_delete(words: Sequence[str], *, provider: str | None = None) -> DeleteTarget:
    """Understand `SERVICE_NAME STORAGE_PROVIDER REMOTE_FILE`; nothing is guessed where files are lost.

    Raises:
        UsageError: the words make no sense together.
    """
    service, rest = _service(words)
    if provider is None:
        if not rest:
            raise UsageError("the STORAGE_PROVIDER and REMOTE_FILE arguments are required")
        if not looks_like_provider(rest[0]):
            raise _invalid_provider(rest[0])
        provider = rest.pop(0)
    _refuse_surplus(service, provider, rest, ("REMOTE_FILE",))
    if not rest:
        raise UsageError("the REMOTE_FILE argument is required", hint="name the file as BUCKET/KEY")
    return DeleteTarget(service, provider, rest[0])


def _service(words: Sequence[str]) -> tuple[str, list[str]]:
    if not words:
        raise UsageError("the SERVICE_NAME argument is required")
    return words[0], list(words[1:])


def _invalid_provider(word: str) -> UsageError:
    return UsageError(
        f'invalid storage provider "{word}"',
        hint="a provider is TYPE.ID, such as minio.default; it can also be named with --provider",
    )


def _refuse_surplus(service: str, provider: str | None, rest: list[str], names: Sequence[str]) -> None:
    if len(rest) <= len(names):
        return
    understood = [f'SERVICE_NAME "{service}"']
    understood += [f'STORAGE_PROVIDER "{provider}"'] if provider is not None else []
    understood += [f'{name} "{word}"' for name, word in zip(names, rest, strict=False)]
    surplus = ", ".join(f'"{word}"' for word in rest[len(names) :])
    raise UsageError(f"too many words: {', '.join(understood)}, and then {surplus}")
