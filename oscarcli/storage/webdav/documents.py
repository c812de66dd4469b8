"""What WebDAV (RFC 4918) is asked about files and folders, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as Xml

from oscarcli.errors import OscarError
from oscarcli.storage.answer_parts import http_time, parsed_document, plain_etag
from oscarcli.storage.base import StoredObject
from oscarcli.storage.file_server.checksums import parse_checksums
from oscarcli.storage.location import Location

DAV = "{DAV:}"
OWNCLOUD_CHECKSUMS = "{http://owncloud.org/ns}checksums"
DCACHE_CHECKSUMS = "{http://www.dcache.org/2013/webdav}Checksums"
PROPERTIES = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:dc="http://www.dcache.org/2013/webdav">'
    b"<prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/><oc:checksums/><dc:Checksums/></prop>"
    b"</propfind>"
)


@dataclass(frozen=True)
class DavEntry:
    """A file or a folder as a server describes it.

    Attributes:
        path: of its URL, decoded, without a slash at its end.
        is_folder: whether it is a collection.
        size: in bytes; 0 for a folder.
        modified: time of the last change, if the server tells one.
        etag: without quotes; one that is weak begins with "W/".
        checksums: hexadecimal digests by algorithm, as far as the server has any.
    """

    path: str
    is_folder: bool
    size: int
    modified: datetime | None
    etag: str | None
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


def read_entries(document: bytes, doing: str) -> tuple[DavEntry, list[DavEntry]]:
    """Return what was asked about, and what is in it.

    Args:
        document: the answer to a PROPFIND.
        doing: what was tried, for the message.

    Raises:
        OscarError: something else than a WebDAV server answered.
    """
    root = parsed_document(document)
    found = [] if root is None or root.tag != f"{DAV}multistatus" else root.findall(f"{DAV}response")
    entries = [_entry(response) for response in found]
    if not entries:
        raise OscarError(f"{doing}: the answer is none of a WebDAV server")
    # All others are below it, wherever a proxy makes the server believe it is.
    entries.sort(key=lambda entry: len(entry.path))
    return entries[0], entries[1:]


def _entry(response: Xml.Element) -> DavEntry:
    properties: dict[str, Xml.Element] = {}
    for group in response.findall(f"{DAV}propstat"):
        if " 200" in (group.findtext(f"{DAV}status") or ""):
            properties.update({element.tag: element for element in group.findall(f"{DAV}prop/*")})
    kinds = properties.get(f"{DAV}resourcetype")
    path = unquote(urlsplit((response.findtext(f"{DAV}href") or "").strip()).path)
    length = _text(properties, f"{DAV}getcontentlength")
    is_folder = kinds is not None and kinds.find(f"{DAV}collection") is not None
    return DavEntry(
        path.rstrip("/"),
        is_folder,
        int(length) if length.isascii() and length.isdigit() and not is_folder else 0,
        http_time(_text(properties, f"{DAV}getlastmodified")),
        plain_etag(_text(properties, f"{DAV}getetag")),
        parse_checksums(_texts(properties, OWNCLOUD_CHECKSUMS) + _texts(properties, DCACHE_CHECKSUMS)),
    )


def _text(properties: Mapping[str, Xml.Element], name: str) -> str:
    return (properties[name].text or "").strip() if name in properties else ""


def _texts(properties: Mapping[str, Xml.Element], name: str) -> list[str]:
    """Return all texts in a property, which may be an element of its own for each."""
    return list(properties[name].itertext()) if name in properties else []


def stored_object(location: Location, entry: DavEntry) -> StoredObject:
    """Return an entry as an object of this place."""
    return StoredObject(location, entry.size, entry.modified, entry.etag, entry.checksums)
