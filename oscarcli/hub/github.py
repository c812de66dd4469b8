"""A repository in one request: its archive, sent again only when it changed, kept for want of a network.

Facts of the API (docs.github.com, "REST API endpoints for repository contents"): `GET /repos/O/R/tarball/REF`
redirects to another host, which must not see the token; answers have ETags; a request whose answer is 304
does not count; without a token there are 60 requests an hour for an address.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from urllib.parse import urljoin, urlsplit

from oscarcli.errors import AuthError, NotFoundError, OscarError, UnreachableError
from oscarcli.http.fetch import FetchedFile, fetch
from oscarcli.hub.cache import ArchiveCache, KeptArchive
from oscarcli.hub.files import ArchiveFiles
from oscarcli.hub.origin import HubOrigin

# What is compressed; the files may be larger.
MAX_ARCHIVE_BYTES = 256 << 20
MAX_REDIRECTS = 5
MAX_MESSAGE_CHARACTERS = 300
LIMIT_HINT = "set GITHUB_TOKEN to a token of yours: without one there are 60 requests an hour"


class Repository:
    """An origin's repository, fetched when it is entered.

    Args:
        origin: which.
        cache: archives of before.
        token: a login for the API; none is sent when it is empty, and none to another host.
        warn: is told when what is shown is of an earlier run.
        trace: is told each request and its status.

    Raises (on entering):
        NotFoundError: there is no such repository, or no such ref.
        AuthError: the token is refused, or there were too many requests without one.
        UnreachableError: there is no answer, and nothing of an earlier run.
        OscarError: what came is no archive.
    """

    def __init__(
        self,
        origin: HubOrigin,
        cache: ArchiveCache,
        *,
        token: str = "",
        warn: Callable[[str], None] = lambda _text: None,
        trace: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.origin = origin
        self._cache = cache
        self._token = token
        self._warn = warn
        self._trace = trace
        self._temporary: TemporaryDirectory[str] | None = None

    def __enter__(self) -> ArchiveFiles:
        self._files = ArchiveFiles(self._archive())
        return self._files

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _archive(self) -> Path:
        """Return where the archive is, the kept one when it is still what the server has."""
        kept = self._cache.find(self.origin)
        try:
            answer = self._fetch(kept.etag if kept else "")
        except (UnreachableError, AuthError) as error:
            if kept is None:
                raise
            self._warn(f"{error.message}; shown is {self.origin.name} as of {_day(kept)}")
            return kept.path
        if answer.status == 304 and kept is not None:
            return kept.path
        path = self._cache.keep(self.origin, answer.body, answer.headers.get("etag", ""))
        if path is None:
            self._temporary = TemporaryDirectory(prefix="oscar-cli-")
            path = Path(self._temporary.name) / "archive.tar.gz"
            path.write_bytes(answer.body)
        return path

    def _fetch(self, etag: str) -> FetchedFile:
        """Ask for the archive, through redirects; the token goes to the API's own host alone."""
        url = self.origin.archive_url
        first = urlsplit(url)
        for _ in range(MAX_REDIRECTS):
            parts = urlsplit(url)
            is_api = (parts.scheme, parts.netloc) == (first.scheme, first.netloc)
            answer = self._exchange(url, etag, self._token if is_api else "")
            if answer.status not in (301, 302, 303, 307, 308):
                return self._checked(answer)
            url = urljoin(url, answer.headers.get("location", ""))
            if urlsplit(url).scheme not in ("https", first.scheme):
                break
        raise UnreachableError(f"cannot fetch {self.origin.name}: it is redirected without end")

    def _exchange(self, url: str, etag: str, token: str) -> FetchedFile:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"If-None-Match": etag} if etag else {}
        what = f"fetch {self.origin.name}"
        answer = fetch(url, what=what, headers=headers, max_bytes=MAX_ARCHIVE_BYTES)
        self._trace(f"GET {answer.url}: {answer.status}")
        return answer

    def _checked(self, answer: FetchedFile) -> FetchedFile:
        """Return an answer that has an archive, or says that the kept one is still right."""
        status = answer.status
        if status in (200, 304):
            return answer
        what = f"cannot fetch {self.origin.name} at {self.origin.ref}"
        if status == 404:
            raise NotFoundError(f"{what}: there is no such repository or ref", hint="--owner, --repo, --ref")
        if status == 401:
            raise AuthError(f"{what}: GITHUB_TOKEN is refused", hint="unset it, or set one that is valid")
        is_limited = answer.headers.get("x-ratelimit-remaining") == "0" or status == 429
        if status in (403, 429) and is_limited:
            raise AuthError(f"{what}: too many requests for now", hint=LIMIT_HINT)
        said = _message(answer.body, self._token)
        if status == 403:
            raise AuthError(f"{what}: {said or 'not permitted'}", hint=LIMIT_HINT)
        failure = UnreachableError if status >= 500 else OscarError
        raise failure(f"{what}: {status}{f' {said}' if said else ''}")


def _message(body: bytes, token: str) -> str:
    """Return what an API's failure says, in one line without the token."""
    import json

    from oscarcli.http.redaction import quote_line

    try:
        said = json.loads(body).get("message", "")
    except (ValueError, AttributeError):
        return ""
    return quote_line(str(said), [token] if token else [], MAX_MESSAGE_CHARACTERS)


def _day(kept: KeptArchive) -> str:
    return datetime.fromtimestamp(kept.fetched_at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
