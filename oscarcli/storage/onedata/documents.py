"""What an Oneprovider says about files and folders: by CDMI, by its REST file API, and as errors.

Where each fact comes from:

- the fields of CDMI 1.1.1, with sizes and times as text: the page "CDMI" of Onedata's documentation;
- a page of a listing, with times in seconds since 1970: `definitions/data/directory_children.yaml` and
  `file_attributes.yaml` of the repository onedata/oneprovider-swagger;
- errors, `{"error": {"id": ..., "details": ..., "description": ...}}`: `definitions/error.yaml` there, and
  the repository onedata/onedata-errors. A failure of the file system has the id "posix" and its errno, and
  comes with 400 whatever it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from oscarcli.coercion import as_mapping
from oscarcli.errors import OscarError
from oscarcli.storage.answer_parts import json_fields
from oscarcli.storage.base import StoredObject
from oscarcli.storage.location import Location
from oscarcli.storage.wire.client import WireResponse

# The most entries that an Oneprovider lists at once.
MAX_PAGE_ENTRIES = 1000
# The types of a listing that have content. A symbolic link cannot be read by its path.
FOLDER_TYPE, FILE_TYPES = "DIR", ("REG", "LNK")
POSIX_STATUS = {
    "enoent": 404,
    "enotdir": 404,
    "eacces": 403,
    "eperm": 403,
    "eexist": 409,
    "enotempty": 409,
    "enospc": 507,
    "edquot": 507,
    "efbig": 413,
}
# Refusals of a token, some of which come with 400.
TOKEN_ERRORS = ("unauthorized", "badToken", "notAnAccessToken", "token")


@dataclass(frozen=True)
class OnedataEntry:
    """A file or a folder.

    Attributes:
        name: the last part of its path.
        is_folder: whether it is one.
        identifier: Onedata's own; empty for a folder that was only seen by its path.
        size: in bytes; 0 for a folder.
        modified: time of the last change of the content, in seconds since 1970; `None` when it is not told.
    """

    name: str
    is_folder: bool
    identifier: str = ""
    size: int = 0
    modified: int | None = None


@dataclass(frozen=True)
class ChildrenPage:
    """A page of what is in a folder.

    Attributes:
        entries: files and folders.
        count: how many entries it has, also of other kinds.
        is_last: whether no other page follows.
        token: asks for the next page; empty from versions that know offsets alone.
    """

    entries: list[OnedataEntry]
    count: int
    is_last: bool
    token: str


def cdmi_entry(document: bytes, name: str, doing: str) -> OnedataEntry:
    """Return a file as CDMI describes it. Raises OscarError for an answer of something else."""
    fields = read_document(document, doing)
    metadata = as_mapping(fields.get("metadata"))
    size = str(metadata.get("cdmi_size", ""))
    identifier = fields.get("objectID")
    if not size.isdigit() or not isinstance(identifier, str):
        raise not_onedata(doing)
    return OnedataEntry(name, False, identifier, int(size), _seconds(str(metadata.get("cdmi_mtime", ""))))


def read_page(document: bytes, doing: str) -> ChildrenPage:
    """Return a page of a listing. Raises OscarError for an answer of something else."""
    fields = read_document(document, doing)
    children = fields.get("children")
    if not isinstance(children, list):
        raise not_onedata(doing)
    entries = [_listed(as_mapping(child), doing) for child in children]
    is_last = fields.get("isLast", len(children) < MAX_PAGE_ENTRIES) is not False or not children
    token = str(fields.get("nextPageToken") or "")
    return ChildrenPage([entry for entry in entries if entry is not None], len(children), is_last, token)


def _listed(child: Mapping[str, Any], doing: str) -> OnedataEntry | None:
    """Return an entry of a listing; `None` for what is neither file nor folder."""
    name, kind = child.get("name"), child.get("type")
    if not isinstance(name, str) or not name:
        raise not_onedata(doing)
    # The second of each pair is what versions before 21.02.5 call it.
    identifier = str(child.get("fileId") or child.get("file_id") or "")
    if kind == FOLDER_TYPE:
        return OnedataEntry(name, True, identifier)
    size, modified = child.get("size"), child.get("mtime")
    if kind not in FILE_TYPES:
        return None
    return OnedataEntry(
        name,
        False,
        identifier,
        size if isinstance(size, int) else 0,
        modified if isinstance(modified, int) else None,
    )


def read_document(document: bytes, doing: str) -> Mapping[str, Any]:
    """Return a document of JSON. Raises OscarError for an answer that is none."""
    fields = json_fields(document)
    if fields is None:
        raise not_onedata(doing)
    return fields


def not_onedata(doing: str) -> OscarError:
    """Return the error for an answer of something else."""
    return OscarError(f"{doing}: the answer is none of an Oneprovider")


def read_refusal(answer: WireResponse) -> tuple[int, str]:
    """Return the status that an error of an Oneprovider stands for, and its words."""
    error = as_mapping((json_fields(answer.document) or {}).get("error"))
    kind, description = str(error.get("id", "")), str(error.get("description", ""))
    if kind.startswith(TOKEN_ERRORS):
        return 401, _token_words(error) or description
    errno = str(as_mapping(error.get("details")).get("errno", "")) if kind == "posix" else ""
    return POSIX_STATUS.get(errno, answer.status), " ".join(description.split())


def _token_words(error: Mapping[str, Any]) -> str:
    """Return why a token is refused, which stands inside the refusal to let anybody in."""
    inner = as_mapping(as_mapping(error.get("details")).get("authError"))
    return " ".join(str(inner.get("description", "")).split())


def stored_object(location: Location, entry: OnedataEntry) -> StoredObject:
    """Return a file as an object of this place.

    Onedata has no mark of a version. Every upload makes a new file with an identifier of its own, and a
    change in place changes time or size.
    """
    version = f"{entry.identifier}:{entry.modified}:{entry.size}".encode()
    modified = None if entry.modified is None else datetime.fromtimestamp(entry.modified, timezone.utc)
    return StoredObject(location, entry.size, modified, hashlib.sha256(version).hexdigest()[:16])


def _seconds(text: str) -> int | None:
    """Return a time such as "2021-01-14T09:13:38Z" in seconds since 1970, `None` for what is none."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None
    return int(moment.replace(tzinfo=timezone.utc).timestamp())
