"""What an Oneprovider does with single files and folders of a space.

Facts that this relies on, and where they stand:

- CDMI 1.1.1 at `/cdmi/SPACE/PATH`, a slash at the end of a folder's path, `X-Auth-Token`: the page "CDMI" of
  Onedata's documentation (onedata/onedata-documentation, docs/user-guide/cdmi.md). `oscar-cli` and OSCAR's
  supervisor write in the same way;
- a file asked for as a folder, or the other way round, is a redirection; a file is written piece by piece
  with `Content-Range`; a rename is a PUT with `{"move": PATH}` to a path where nothing is; a folder is
  deleted with all that is in it: `src/http/cdmi` of the repository onedata/op-worker;
- such a PUT has to name what it accepts: observed with Onedata 25.0 (groundnuty/onedata-mcp, research);
- `lookup-file-id`, and `data/ID/children` with its pages: onedata/oneprovider-swagger; what of it stands in
  the query and what in the body: Onedata's own client, onedatafilerestclient 25.2.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

from oscarcli.errors import NotFoundError, OscarError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.failures import MISSING_BUCKET
from oscarcli.storage.file_server.requests import REDIRECTIONS, FileServer, FileServerSettings
from oscarcli.storage.onedata.documents import (
    MAX_PAGE_ENTRIES,
    ChildrenPage,
    OnedataEntry,
    cdmi_entry,
    not_onedata,
    read_document,
    read_page,
    read_refusal,
)
from oscarcli.storage.outage import Tell

REST = "/api/v3/oneprovider"
VERSION = {"x-cdmi-specification-version": "1.1.1"}
FILE = {**VERSION, "content-type": "application/cdmi-object", "accept": "application/cdmi-object"}
FOLDER = {**VERSION, "content-type": "application/cdmi-container", "accept": "application/cdmi-container"}
# Versions before 21.02.5 take the names of attributes from the query, and know other ones.
FORMER_ATTRIBUTES = [("attribute", name) for name in ("file_id", "name", "type", "size", "mtime")]
ATTRIBUTES = json.dumps({"attributes": ["fileId", "name", "type", "size", "mtime"]}).encode()


class Oneprovider:
    """One space at one Oneprovider; may be used by several threads.

    Paths begin with the space, as in "/SPACE/folder/file", and are not encoded. All methods raise as those of
    `Storage` do.

    Args:
        settings: where the Oneprovider is.
        space: the name of the space.
        tell: told that and why it is waited for.
    """

    def __init__(self, settings: FileServerSettings, space: str, tell: Tell) -> None:
        self.server = FileServer(settings, tell, read_refusal)
        self.space = space

    def entry(self, path: str, doing: str, cancellation: Cancellation | None) -> OnedataEntry:
        """Return what is at a path. Raises NotFoundError when there is nothing."""
        path = path.rstrip("/")
        answer = self.server.call(
            doing,
            "GET",
            f"/cdmi{path}",
            headers={**VERSION, "accept": "application/cdmi-object"},
            query="objectID;metadata:cdmi_",
            cancellation=cancellation,
            follows=False,
        )
        name = path.rpartition("/")[2]
        if answer.status in REDIRECTIONS:
            return OnedataEntry(name, True)
        return cdmi_entry(answer.document, name, doing)

    def find(self, path: str, doing: str, cancellation: Cancellation | None) -> OnedataEntry | None:
        """Return what is there, `None` for nothing."""
        try:
            return self.entry(path, doing, cancellation)
        except NotFoundError:
            return None

    def require_bucket(self, bucket: str, doing: str, cancellation: Cancellation | None) -> None:
        """Raise NotFoundError when the space or a folder in it is missing."""
        if self.find(f"/{self.space}/{bucket}", doing, cancellation) is not None:
            return
        self.require_space(doing, cancellation)
        raise NotFoundError(f'{doing}: {MISSING_BUCKET} "{bucket}" in the space "{self.space}"')

    def require_space(self, doing: str, cancellation: Cancellation | None) -> None:
        """Raise NotFoundError when the space is missing."""
        if self.find(f"/{self.space}", doing, cancellation) is None:
            raise NotFoundError(
                f'{doing}: there is no space "{self.space}"',
                hint="the token must be one of a member, and the Oneprovider must support the space",
            )

    def children(self, path: str, doing: str) -> Iterator[OnedataEntry]:
        """Yield the files and folders in a folder. Raises NotFoundError when there is no such folder."""
        for page in self._pages(path, doing):
            yield from page.entries

    def is_empty(self, path: str, doing: str) -> bool:
        """Tell whether nothing is in a folder, also nothing that is neither file nor folder."""
        return not any(page.count for page in self._pages(path, doing))

    def _pages(self, path: str, doing: str) -> Iterator[ChildrenPage]:
        answer = self.server.call(doing, "POST", f"{REST}/lookup-file-id{path.rstrip('/')}")
        identifier = read_document(answer.document, doing).get("fileId")
        if not isinstance(identifier, str):
            raise not_onedata(doing)
        position, count, is_last = ("", ""), 0, False
        while not is_last:
            query = [("limit", str(MAX_PAGE_ENTRIES)), *FORMER_ATTRIBUTES, *([position] if count else [])]
            answer = self.server.call(
                doing,
                "GET",
                f"{REST}/data/{identifier}/children",
                headers={"content-type": "application/json"},
                body=ATTRIBUTES,
                query=urlencode(query),
            )
            page = read_page(answer.document, doing)
            yield page
            count, is_last = count + page.count, page.is_last
            position = ("token", page.token) if page.token else ("offset", str(count))

    def rename(
        self, source: str, target: str, entry: OnedataEntry, doing: str, cancellation: Cancellation
    ) -> None:
        """Give a file another name that nothing has.

        Args:
            source: its path.
            target: its path afterwards.
            entry: the file, to know it by where an answer is lost.
            doing: what it is for, for messages.
            cancellation: of the transfer.
        """
        body = json.dumps({"move": source.lstrip("/")}).encode()
        try:
            self.server.call(
                doing, "PUT", f"/cdmi{target}", headers=FILE, body=body, cancellation=cancellation
            )
        except OscarError:
            # The answer to a first attempt may have been lost: then the file is in its place.
            found = self.find(target, doing, cancellation)
            if found is None or found.identifier != entry.identifier:
                raise

    def delete(self, path: str, doing: str, cancellation: Cancellation | None) -> None:
        """Delete a file, or a folder whose path ends with a slash and all that is in it."""
        try:
            self.server.call(doing, "DELETE", f"/cdmi{path}", headers=VERSION, cancellation=cancellation)
        except NotFoundError:
            # Somebody else was faster, or the answer to a first attempt was lost.
            return

    def make_folder(self, path: str, doing: str, cancellation: Cancellation) -> None:
        """Make a folder whose parent is there; one that exists stays as it is."""
        self.server.call(doing, "PUT", f"/cdmi{path}/", headers=FOLDER, cancellation=cancellation)
