"""Where curated services are looked for: a folder of a repository, at a branch, a tag or a commit."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from oscarcli.errors import UsageError

API_BASE = "https://api.github.com"


@dataclass(frozen=True)
class HubOrigin:
    """A folder of a repository on GitHub, or on a server with the same API.

    Args:
        owner, repo: whose repository, and its name.
        path: the folder whose folders are the services, without slashes at its ends.
        ref: branch, tag or commit.
        api_base: the API's address.
    """

    owner: str
    repo: str
    path: str
    ref: str
    api_base: str

    @classmethod
    def checked(cls, owner: str, repo: str, path: str, ref: str, api_base: str = "") -> HubOrigin:
        """Return an origin of what a person typed. Raises UsageError when a part of it is impossible."""
        for option, value in (("owner", owner), ("repo", repo), ("ref", ref)):
            if not value or not value.isprintable() or " " in value or ".." in value:
                raise UsageError(f'--{option}: "{value}" names nothing')
        if "/" in owner or "/" in repo:
            raise UsageError("--owner and --repo are single names: --owner grycap --repo oscar-hub")
        base = (api_base or API_BASE).rstrip("/")
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f'--api-base: "{base}" is not the address of an API')
        folder = path.strip("/")
        if any(segment in ("", ".", "..") for segment in folder.split("/")) and folder:
            raise UsageError(f'--path: "{path}" is not a folder of a repository')
        return cls(owner, repo, folder, ref, base)

    @property
    def archive_url(self) -> str:
        """Where the whole repository is to be had in one answer."""
        repository = f"{self.api_base}/repos/{quote(self.owner)}/{quote(self.repo)}"
        return f"{repository}/tarball/{quote(self.ref)}"

    def file_url(self, path: str, commit: str) -> str:
        """Return where a single file is to be had, with `Accept: application/vnd.github.raw`.

        Args:
            path: from the repository's root.
            commit: the version; the origin's when it is empty.
        """
        repository = f"{self.api_base}/repos/{quote(self.owner)}/{quote(self.repo)}"
        return f"{repository}/contents/{quote(path)}?ref={quote(commit or self.ref, safe='')}"

    @property
    def name(self) -> str:
        """The origin for messages and for the lock."""
        return f"{self.owner}/{self.repo}/{self.path}".rstrip("/")

    def page(self, folder: str, ref: str | None = None) -> str:
        """Return the web page of a folder of the repository.

        Args:
            folder: its path from the repository's root.
            ref: another version than the origin's.
        """
        version = quote(ref or self.ref)
        return f"https://github.com/{self.owner}/{self.repo}/tree/{version}/{quote(folder)}"
