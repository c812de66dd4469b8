"""What WebDAV answers about files and folders, as far as the supervisor's client reads it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from oscarcli.local.jobs.providers.remote import xml_root

DAV = "{DAV:}"


@dataclass(frozen=True)
class DavResponse:
    """What is told of one file or folder.

    Args:
        path: decoded.
        is_folder: if that is told.
        size: in bytes.
        modified: when, as the server has it; empty when it is not told.
        tag: names the version; empty when it is not told.
    """

    path: str
    is_folder: bool | None
    size: int = 0
    modified: str = ""
    tag: str = ""


def read_responses(document: bytes) -> list[DavResponse] | None:
    """Return what a multistatus document tells, `None` when it is no XML."""
    root = xml_root(document)
    if root is None:
        return None
    return [_read(response) for response in root.iter(f"{DAV}response")]


def _read(response: ElementTree.Element) -> DavResponse:
    path = unquote(urlsplit(response.findtext(f"{DAV}href") or "").path)
    kind = response.find(f".//{DAV}resourcetype")
    is_folder = None if kind is None else kind.find(f"{DAV}collection") is not None
    names = ("getcontentlength", "getlastmodified", "getetag")
    size, modified, tag = (response.findtext(f".//{DAV}{name}") or "" for name in names)
    return DavResponse(path, is_folder, int(size) if size.isdecimal() else 0, modified, tag)
