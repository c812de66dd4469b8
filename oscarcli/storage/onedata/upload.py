"""The content of an upload to Onedata, in parts: what breaks off is sent again from the last part on.

An Oneprovider writes a part to where `Content-Range` says, whose size may be left open as `*`:
`cdmi_parser:parse_content_range` and `cdmi_dataobject:put_binary` of onedata/op-worker. The first part makes
the file, or empties it when its answer was lost, and needs no range.
"""

from __future__ import annotations

from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.requests import FileServer
from oscarcli.storage.source import Source

PART_BYTES = 64 << 20
# Parts of a stream are held in memory, one at a time.
STREAM_PART_BYTES = 8 << 20


def send_parts(
    server: FileServer,
    path: str,
    source: Source,
    content_type: str,
    doing: str,
    cancellation: Cancellation,
) -> int:
    """Write a file from its start to its end.

    Args:
        server: the Oneprovider.
        path: of the file, as `FileServer.call` takes it.
        source: the content.
        content_type: kept with the file.
        doing: what it is for, for messages.
        cancellation: of the upload.

    Returns:
        How many bytes were sent.
    """
    count = 0
    for part in source.sections(STREAM_PART_BYTES if source.size is None else PART_BYTES):
        headers = {"content-type": content_type}
        if count and not len(part):
            break
        if count:
            headers["content-range"] = f"bytes {count}-{count + len(part) - 1}/*"
        server.call(doing, "PUT", path, headers=headers, body=part, cancellation=cancellation)
        part.sent()
        count += len(part)
        part.discard()
    return count
