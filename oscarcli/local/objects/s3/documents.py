"""XML in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from xml.etree import ElementTree

from oscarcli.local.objects import checksums
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.multipart import PartReference
from oscarcli.local.objects.names import canonical_key
from oscarcli.local.objects.s3.numbers import parse_number

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MAX_DELETIONS = 1000

XmlNode = tuple[str, "str | int | Sequence[XmlNode]"]
"""A tag with its text or its children."""

# XML 1.0 has no way to write these.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\r": "&#xD;"})


# -- out -------------------------------------------------------------------------------------------------


def xml_document(root: str, content: str | Iterable[XmlNode], *, namespace: bool = True) -> bytes:
    """Return an XML document. Characters XML cannot hold become U+FFFD, as MinIO writes them."""
    attribute = f' xmlns="{NAMESPACE}"' if namespace else ""
    body = _inner(content if isinstance(content, str) else tuple(content))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{attribute}>{body}</{root}>'.encode()


def _inner(content: str | int | Sequence[XmlNode]) -> str:
    if isinstance(content, str):
        return _UNWRITABLE.sub("\ufffd", content).translate(_ENTITIES)
    if isinstance(content, int):
        return str(content)
    return "".join(f"<{tag}>{_inner(child)}</{tag}>" for tag, child in content)


def iso_time(moment: datetime) -> str:
    """Return a UTC time with milliseconds, as S3 writes it in documents."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def truth(value: bool) -> str:
    """Return a boolean as XML writes it."""
    return "true" if value else "false"


# -- in --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deletion:
    """One object of a DeleteObjects request. `version` is empty or what the client named."""

    key: str
    version: str


class NoDoctypeBuilder(ElementTree.TreeBuilder):
    """Builds documents without a document type: entities declared in one could grow without bound."""

    def doctype(self, *_: str | None) -> NoReturn:
        """Refuse one; no S3 client and no WebDAV server sends it. Raises ValueError."""
        raise ValueError("document types are refused")


def parse_document(data: bytes, root: str) -> ElementTree.Element:
    """Return the root element. Raises S3Error("MalformedXML"), also when it has another name."""
    parser = ElementTree.XMLParser(target=NoDoctypeBuilder())  # noqa: S314 -- document types are refused
    try:
        parser.feed(data)
        element: ElementTree.Element = parser.close()
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise S3Error("MalformedXML") from error
    for each in element.iter():
        each.tag = each.tag.rpartition("}")[2]
    if element.tag != root:
        raise S3Error("MalformedXML")
    return element


def parse_tags(data: bytes) -> list[tuple[str, str]]:
    """Return the pairs of a Tagging document."""
    root = parse_document(data, "Tagging")
    return [(_text(tag, "Key"), _text(tag, "Value")) for tag in root.findall("TagSet/Tag")]


def parse_deletions(data: bytes) -> tuple[list[Deletion], bool]:
    """Return (objects, quiet) of a Delete document."""
    root = parse_document(data, "Delete")
    found = [
        Deletion(canonical_key(_text(item, "Key")), item.findtext("VersionId") or "")
        for item in root.findall("Object")
    ]
    if not 0 < len(found) <= MAX_DELETIONS:
        raise S3Error("MalformedXML")
    return found, (root.findtext("Quiet") or "").strip().lower() == "true"


def parse_parts(data: bytes) -> list[PartReference]:
    """Return the parts of a CompleteMultipartUpload document."""
    return [_part(item) for item in parse_document(data, "CompleteMultipartUpload").findall("Part")]


def _part(item: ElementTree.Element) -> PartReference:
    number = parse_number(_text(item, "PartNumber").strip())
    if number is None:
        raise S3Error("MalformedXML")
    found = {name: (item.findtext(f"Checksum{name}") or "").strip() for name in checksums.ALGORITHMS}
    said = {name: value for name, value in found.items() if value}
    return PartReference(number, _text(item, "ETag").strip(), said)


def _text(item: ElementTree.Element, tag: str) -> str:
    """Return a member's text, which may be empty but not absent."""
    found = item.find(tag)
    if found is None:
        raise S3Error("MalformedXML")
    return found.text or ""
