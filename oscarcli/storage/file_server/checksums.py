"""Digests that a server names, by the ways that servers of files have for it.

- `Digest: adler32=03da0195,md5=BASE64` of RFC 3230, as dCache sends for `Want-Digest`;
- `OC-Checksum: SHA1:HEX`, as ownCloud and Nextcloud send;
- their properties in WebDAV: dCache's `Checksums` has the first form, ownCloud's `checksums` the second.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

from oscarcli.storage.digests import DIGEST_BYTES

WANTED = "adler32,md5"
ALGORITHMS = ("adler32", "md5", "sha1")
HEXADECIMAL = re.compile(r"[0-9a-f]+")


def parse_checksums(texts: Iterable[str]) -> dict[str, str]:
    """Return hexadecimal digests by algorithm from texts in either form; what is none is passed over."""
    found = {}
    for text in texts:
        for name, mark, value in re.findall(r"([A-Za-z0-9-]+)([=:])([A-Za-z0-9+/=]+)", text):
            algorithm = name.lower().replace("sha-1", "sha1")
            digest = _hexadecimal(algorithm, value, mark)
            if digest is not None:
                found[algorithm] = digest
    return found


def checksums_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the digests that the headers of an answer name."""
    return parse_checksums(headers[name] for name in ("digest", "oc-checksum") if name in headers)


def _hexadecimal(algorithm: str, value: str, mark: str) -> str | None:
    if algorithm not in ALGORITHMS:
        return None
    length = 2 * DIGEST_BYTES[algorithm]
    text = value.lower()
    if algorithm == "adler32":
        # Some leave the zeros at the start out.
        text = text.rjust(length, "0")
    elif mark == "=" and len(value) != length:
        try:
            text = base64.b64decode(value, validate=True).hex()
        except binascii.Error:
            return None
    return text if len(text) == length and HEXADECIMAL.fullmatch(text) else None
