"""A stand-in for GitHub: the archive of a repository, behind a redirect to another host, with an ETag."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.server import Answer, Request, ScriptedServer, document

CRATES = Path(__file__).with_name("crates")
COMMIT = "1f0c7d5be0f1f5f4a1a7c6e0f2b9d8c7b6a59483"


def archive(files: Mapping[str, bytes], commit: str = COMMIT) -> bytes:
    """Return a repository's archive as GitHub packs it: one top folder, the commit as its comment."""
    packed = io.BytesIO()
    with tarfile.open(
        fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": commit}
    ) as tar:
        folders = sorted({str(parent) for name in files for parent in Path(name).parents if parent.name})
        for folder in ["", *folders]:
            entry = tarfile.TarInfo(f"grycap-oscar-hub-{commit[:7]}/{folder}".rstrip("/"))
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(f"grycap-oscar-hub-{commit[:7]}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def crates() -> dict[str, bytes]:
    """Return the files of the crates of the tests, as a repository has them."""
    found = {
        f"crates/{path.relative_to(CRATES)}": path.read_bytes()
        for path in CRATES.rglob("*")
        if path.is_file()
    }
    return found | {"README.md": b"# Hub\n", "crates/notes/README.md": b"no service\n"}


@dataclass
class GitHub:
    """The API and the host of archives, and what each was asked.

    Args:
        api: the server whose address goes into `--api-base`.
        archives: another host, where the archives are.
        files: the repository's files.
        commit: its version.
        token: what the API wants, when it wants something.
    """

    api: ScriptedServer
    archives: ScriptedServer
    files: dict[str, bytes] = field(default_factory=crates)
    commit: str = COMMIT
    token: str = ""

    def serve(self, ref: str = "main", repository: str = "grycap/oscar-hub") -> None:
        """Answer requests for a version of a repository."""
        self.api.always("GET", f"/repos/{repository}/tarball/{ref}", self._redirect)
        self.archives.always("GET", f"/{repository}/legacy.tar.gz", self._archive)

    def serve_file(self, path: str, repository: str = "grycap/oscar-hub") -> None:
        """Answer requests for a single file of this version."""
        self.api.always(
            "GET",
            f"/repos/{repository}/contents/{path}",
            lambda request: (
                Answer(200, self.files[path])
                if request.headers.get("accept") == "application/vnd.github.raw"
                else document({"content": "in base64"})
            ),
            query={"ref": self.commit},
        )

    def _redirect(self, request: Request) -> Answer:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return document({"message": f"Bad credentials {request.headers.get('authorization')}"}, 401)
        place = request.path.replace("/repos", "", 1).rpartition("/tarball")[0]
        return Answer(302, headers={"Location": f"{self.archives.url}{place}/legacy.tar.gz?token=LINKSECRET"})

    def _archive(self, request: Request) -> Answer:
        etag = f'W/"{self.commit}"'
        if request.headers.get("if-none-match") == etag:
            return Answer(304, headers={"ETag": etag})
        headers = {"ETag": etag, "Content-Type": "application/x-gzip"}
        return Answer(200, archive(self.files, self.commit), headers)
