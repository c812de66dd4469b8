"""A repository in one request: its archive, sent again only when it changed, kept for want of a network.

Facts of the API (docs.github.com, "REST API endpoints for repository contents"): `GET /repos/O/R/tarball/REF`
redirects to another host, which must not see the token; answers have ETags; a request whose answer is 304
does not count; without a token there are 60 requests an hour for an address.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timezone
from types import TracebackType
from urllib.parse import urljoin, urlsplit

from oscarcli.errors import AuthError, NotFoundError, OscarError, UnreachableError
from oscarcli.http.fetch import READ_SECONDS, FetchedFile, fetch
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
        read_seconds: how long the server may be silent.
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
        read_seconds: float = READ_SECONDS,
        warn: Callable[[str], None] = lambda _text: None,
        trace: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.origin = origin
        self._cache = cache
        self._token = token
        self._warn = warn
        self._trace = trace
        self._read_seconds = read_seconds

    def __enter__(self) -> ArchiveFiles:
        self._files = self._opened()
        return self._files

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def _opened(self) -> ArchiveFiles:
        """Return the archive, the kept one when it is still what the server has."""
        kept = self._cache.find(self.origin)
        if kept is None:
            return self._kept(self._fetch(""))
        files = ArchiveFiles(io.BytesIO(kept.data))
        if kept.commit == self.origin.ref:
            # A commit never changes.
            return files
        try:
            answer = self._fetch(kept.etag)
        except (UnreachableError, AuthError) as error:
            self._warn(f"{error.message}; shown is {self.origin.name} as of {_day(kept)}")
            return files
        return files if answer.status == 304 else self._kept(answer)

    def _kept(self, answer: FetchedFile) -> ArchiveFiles:
        """Return an archive that came, and keep it for the next time; what is none replaces no kept one."""
        files = ArchiveFiles(io.BytesIO(answer.body))
        self._cache.keep(self.origin, answer.body, answer.headers.get("etag", ""), files.commit)
        return files

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
        answer = fetch(
            url, what=what, headers=headers, max_bytes=MAX_ARCHIVE_BYTES, read_seconds=self._read_seconds
        )
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
