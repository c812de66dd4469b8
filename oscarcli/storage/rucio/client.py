"""What a Rucio server knows: data identifiers, where their replicas are, and what keeps them.

The calls are those of Rucio's own client (lib/rucio/client of the repository rucio/rucio):

- `GET dids/SCOPE/NAME/meta`, `GET dids/SCOPE/NAME/rules`, `GET dids/SCOPE/dids/search` and
  `POST dids/bulkmeta`: didclient.py;
- `POST replicas/list`, `POST replicas`: replicaclient.py;
- `GET rses/RSE`, `GET rses/RSE/lfns2pfns`, where the server computes the path by the RSE's own rule (the
  usual one is a hash, lib/rucio/rse/translation.py): rseclient.py;
- `POST rules/`: ruleclient.py; `POST dids/SCOPE/NAME/meta/lifetime`: what its `rucio erase` does; without
  a number the file stays after all (lib/rucio/core/did_meta_plugins/did_column_meta.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from oscarcli.coercion import as_mapping
from oscarcli.errors import AuthError, ForbiddenError, NotFoundError, RefusedError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.requests import FileServer
from oscarcli.storage.rucio.documents import (
    RucioFile,
    not_rucio,
    read_document,
    read_file,
    read_lines,
)
from oscarcli.storage.rucio.login import RucioLogin
from oscarcli.storage.wire.client import WireResponse

SCHEMES = ("davs", "https")
# Identifiers whose metadata is asked for at once.
MAX_BULK_NAMES = 500
# What `rucio erase` gives a file that is to go, in seconds.
ERASE_SECONDS = 86400


class Rucio:
    """A Rucio server as one account sees it. All methods raise as those of `Storage` do.

    Args:
        server: where it is.
        login: of the account.
        account: its name.
    """

    def __init__(self, server: FileServer, login: RucioLogin, account: str) -> None:
        self.server, self.login, self.account = server, login, account

    def file(self, scope: str, name: str, doing: str, cancellation: Cancellation | None) -> RucioFile:
        """Return what is known of a data identifier. Raises NotFoundError."""
        answer = self._call(
            doing, "GET", f"/dids/{_part(scope)}/{_part(name)}/meta", cancellation=cancellation
        )
        return read_file(read_document(answer.document, doing), doing)

    def require_scope(self, scope: str, doing: str, cancellation: Cancellation | None) -> None:
        """Raise NotFoundError when there is no such scope."""
        if scope not in self.scopes(doing, cancellation):
            raise NotFoundError(
                f'{doing}: the bucket does not exist: there is no scope "{scope}"',
                hint="a remote path in Rucio has the form SCOPE/NAME",
            )

    def scopes(self, doing: str, cancellation: Cancellation | None = None) -> list[str]:
        """Return all scopes."""
        answer = self._call(doing, "GET", "/scopes/", cancellation=cancellation)
        try:
            scopes = json.loads(answer.document)
        except ValueError as error:
            raise not_rucio(doing) from error
        if not isinstance(scopes, list):
            raise not_rucio(doing)
        return [scope for scope in scopes if isinstance(scope, str)]

    def files(self, scope: str, prefix: str, doing: str) -> Iterator[RucioFile]:
        """Yield the files of a scope whose name starts with a prefix, in the order of their names."""
        names = self.names(scope, prefix, doing)
        for start in range(0, len(names), MAX_BULK_NAMES):
            yield from self._described(scope, names[start : start + MAX_BULK_NAMES], doing)

    def names(self, scope: str, prefix: str, doing: str) -> list[str]:
        """Return the names of the files of a scope that start with a prefix, in their order."""
        query = urlencode({"type": "file", "name": f"{prefix}*"})
        answer = self._call(doing, "GET", f"/dids/{_part(scope)}/dids/search", query=query)
        found = [name for name in read_lines(answer.document, doing) if isinstance(name, str)]
        return sorted({name for name in found if name.startswith(prefix)}, key=str.encode)

    def _described(self, scope: str, names: Sequence[str], doing: str) -> list[RucioFile]:
        asked = {"dids": [{"scope": scope, "name": name} for name in names]}
        answer = self._call(doing, "POST", "/dids/bulkmeta", body=asked)
        files = [read_file(as_mapping(fields), doing) for fields in read_lines(answer.document, doing)]
        return sorted(files, key=lambda file: file.name.encode())

    def replicas(
        self, scope: str, name: str, rse: str, doing: str, cancellation: Cancellation | None
    ) -> list[str]:
        """Return where a file can be read by WebDAV, its own RSE first and then as the server sorts them."""
        asked = {
            "dids": [{"scope": scope, "name": name}],
            "schemes": list(SCHEMES),
            "domain": "wan",
            "ignore_availability": False,
        }
        answer = self._call(doing, "POST", "/replicas/list", body=asked, cancellation=cancellation)
        found: list[tuple[bool, int, str]] = []
        for fields in read_lines(answer.document, doing):
            for pfn, told in as_mapping(as_mapping(fields).get("pfns")).items():
                replica = as_mapping(told)
                priority = replica.get("priority")
                rank = priority if isinstance(priority, int) else 0
                if pfn.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
                    found.append((replica.get("rse") != rse, rank, pfn))
        return [pfn for _, _, pfn in sorted(found)]

    def path_for_writing(
        self, scope: str, name: str, rse: str, doing: str, cancellation: Cancellation
    ) -> tuple[str, str]:
        """Return the prefix that an RSE has for WebDAV, as a URL, and the path of a new file below it.

        Raises:
            RefusedError: the RSE takes nothing now, or nothing in this way.
        """
        answer = self._call(doing, "GET", f"/rses/{_part(rse)}", cancellation=cancellation)
        settings = read_document(answer.document, doing)
        if not settings.get("availability_write", True):
            raise RefusedError(f'{doing}: the RSE "{rse}" takes no files at present')
        if not settings.get("deterministic", True):
            raise RefusedError(f'{doing}: the RSE "{rse}" does not say itself where its files are')
        protocol = _writing_protocol(settings)
        if protocol is None:
            raise RefusedError(f'{doing}: the RSE "{rse}" takes no files by WebDAV')
        query = urlencode(
            {"lfn": f"{scope}:{name}", "operation": "write", "scheme": str(protocol.get("scheme"))}
        )
        answer = self._call(
            doing, "GET", f"/rses/{_part(rse)}/lfns2pfns", query=query, cancellation=cancellation
        )
        pfn = read_document(answer.document, doing).get(f"{scope}:{name}")
        if not isinstance(pfn, str):
            raise not_rucio(doing)
        url, prefix = web_address(pfn), "/" + str(protocol.get("prefix") or "").strip("/")
        origin, _, path = url.removeprefix("https://").partition("/")
        if not f"/{path}".startswith(prefix.rstrip("/") + "/"):
            return f"https://{origin}", f"/{path}"
        return f"https://{origin}{prefix.rstrip('/')}", f"/{path}"[len(prefix.rstrip("/")) :]

    def register(
        self, file: Mapping[str, Any], rse: str, doing: str, cancellation: Cancellation | None
    ) -> None:
        """Tell the catalogue of a file that is at an RSE."""
        body = {"rse": rse, "files": [dict(file)], "ignore_availability": True}
        self._call(doing, "POST", "/replicas", body=body, cancellation=cancellation)

    def has_rule(self, scope: str, name: str, doing: str, cancellation: Cancellation | None) -> bool:
        """Tell whether any rule keeps a file."""
        path = f"/dids/{_part(scope)}/{_part(name)}/rules"
        try:
            answer = self._call(doing, "GET", path, cancellation=cancellation)
        except NotFoundError:
            return False
        return bool(read_lines(answer.document, doing))

    def keep(self, scope: str, name: str, rse: str, doing: str, cancellation: Cancellation | None) -> None:
        """Make a rule that keeps a file at an RSE; one that is there already is enough."""
        rule = {
            "dids": [{"scope": scope, "name": name}],
            "copies": 1,
            "rse_expression": rse,
            "account": self.account,
            "grouping": "DATASET",
            "lifetime": None,
            "locked": False,
        }
        try:
            self._call(doing, "POST", "/rules/", body=rule, cancellation=cancellation)
        except RefusedError as error:
            if "already exists" not in error.message.lower():
                raise

    def set_lifetime(
        self, scope: str, name: str, seconds: int | None, doing: str, cancellation: Cancellation | None
    ) -> None:
        """Let the server remove a file after so many seconds, or never for `None`."""
        path = f"/dids/{_part(scope)}/{_part(name)}/meta/lifetime"
        self._call(doing, "POST", path, body={"value": seconds}, cancellation=cancellation)

    def _call(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: str = "",
        cancellation: Cancellation | None = None,
    ) -> WireResponse:
        """Send a request with the account's token, and once more with a new one when it is refused."""
        for is_last in (False, True):
            token = self.login.token(cancellation)
            headers = {"x-rucio-auth-token": token.text, "x-rucio-account": self.account}
            content = b"" if body is None else json.dumps(body).encode()
            if body is not None:
                headers["content-type"] = "application/json"
            try:
                # The token goes nowhere else, so a redirection is not followed.
                answer = self.server.call(
                    doing,
                    method,
                    path,
                    headers=headers,
                    body=content,
                    query=query,
                    cancellation=cancellation,
                    follows=False,
                    is_encoded=True,
                )
            except AuthError as error:
                if is_last or isinstance(error, ForbiddenError):
                    raise
                self.login.forget(token)
                continue
            if answer.status >= 300:
                raise not_rucio(doing)
            return answer
        raise AssertionError("the second attempt returns or raises")


def web_address(pfn: str) -> str:
    """Return the URL of a replica as HTTP knows it: "davs" is WebDAV with TLS."""
    return f"https://{pfn.removeprefix('davs://')}" if pfn.startswith("davs://") else pfn


def split_address(pfn: str, name: str) -> tuple[str, str, str]:
    """Return scheme and host of a replica, its path, and its query, which a signature is in.

    Rucio joins a name to the path as it is, also one with characters that mean something in a URL; what is
    signed is encoded.
    """
    scheme, _, rest = web_address(pfn).partition("://")
    host, _, path = rest.partition("/")
    query = ""
    if not path.endswith(name):
        path, _, query = path.partition("?")
    return f"{scheme}://{host}", f"/{path}", query


def _part(text: str) -> str:
    """Return a part of a path, encoded: also a slash, which names may have at some experiments."""
    return quote(text, safe="")


def _writing_protocol(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the protocol of an RSE that WebDAV speaks and that is the first choice for writing."""
    protocols = settings.get("protocols")
    ranked: list[tuple[int, int, Mapping[str, Any]]] = []
    for number, told in enumerate(protocols if isinstance(protocols, list) else []):
        protocol = as_mapping(told)
        rank = as_mapping(as_mapping(protocol.get("domains")).get("wan")).get("write")
        # 0 and nothing mean: not for this.
        if protocol.get("scheme") in SCHEMES and isinstance(rank, int) and rank > 0:
            ranked.append((rank, number, protocol))
    return min(ranked)[2] if ranked else None
