"""The client of a cluster, over a transport that is a function."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from oscarcli.api import client as module
from oscarcli.api.auth import bearer
from oscarcli.api.client import Client
from oscarcli.errors import (
    AuthError,
    ConfigError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    UnreachableError,
)
from oscarcli.jobs.payload import Payload
from oscarcli.login.httpx_auth import PasswordAuth

Handler = Callable[[httpx.Request], httpx.Response]
BASIC = "Basic YWRhOnB3"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, which take no time here."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def client(handler: Handler, endpoint: str = "http://h/base", **options: Any) -> Client:
    auth = httpx.BasicAuth("ada", "pw")
    return Client(endpoint, auth, transport=httpx.MockTransport(handler), **options)


def playing(*answers: httpx.Response | Exception) -> tuple[Handler, list[httpx.Request]]:
    """Return a handler that gives these answers in turn, and the list of what came."""
    seen: list[httpx.Request] = []
    rest: Iterator[httpx.Response | Exception] = iter(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handler, seen


def test_a_request_has_the_base_path_the_login_and_the_programs_name() -> None:
    handler, seen = playing(httpx.Response(200, text="ok"))
    client(handler).request("GET", "system", "a/b", what="x", params={"page": "1 2"})
    assert str(seen[0].url) == "http://h/base/system/a%2Fb?page=1+2"
    assert seen[0].headers["authorization"] == BASIC
    assert seen[0].headers["user-agent"].startswith("oscar-cli/")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, RefusedError, 7),
        (401, AuthError, 4),
        (403, ForbiddenError, 4),
        (404, NotFoundError, 5),
        (405, RefusedError, 7),
        (409, RefusedError, 7),
        (413, RefusedError, 7),
        (418, OscarError, 1),
        (422, RefusedError, 7),
        (429, RefusedError, 7),
        (500, OscarError, 1),
        (501, OscarError, 1),
        (502, UnreachableError, 6),
        (503, UnreachableError, 6),
        (504, UnreachableError, 6),
    ],
)
@pytest.mark.parametrize("body", ["", "\n", "the server's\n own words\n"])
def test_every_status_has_its_error_and_never_an_empty_message(
    status: int, kind: type[OscarError], code: int, body: str
) -> None:
    handler, _ = playing(httpx.Response(status, text=body))
    with pytest.raises(kind) as caught:
        client(handler).request("POST", "x", what="do it")
    assert int(caught.value.exit_code) == code
    assert caught.value.message.startswith("cannot do it: ")
    assert ("the server's own words" in caught.value.message) == bool(body.strip())
    assert not caught.value.message.endswith((": ", ":", "."))


def test_a_missing_route_is_told_apart_from_a_missing_thing() -> None:
    for answer in (
        httpx.Response(404, text="404 page not found", headers={"content-type": "text/plain"}),
        httpx.Response(404, text="<html>nginx</html>", headers={"content-type": "text/html"}),
    ):
        handler, _ = playing(answer)
        with pytest.raises(RefusedError, match=r"no such route \(/base/system/new\)"):
            client(handler).request("GET", "system", "new", what="x")


def test_the_servers_words_are_taken_out_of_json_and_cut() -> None:
    for body, words in (
        ('{"error": " wrong\\n thing "}', "wrong thing"),
        ('{"message": "m"}', "m"),
        ('{"error": {"message": "deep"}}', "deep"),
        ('{"error": "of the store: {\\"name\\": \\"x\\"}"}', "of the store:"),
        ("before {} behind", "before"),
        ('{"name": "x"}\nbehind', "behind"),
        ('{"error": ""}', "HTTP 409)"),
        ('{"error": {"deep": 1}}', "HTTP 409)"),
        ('{"broken', "HTTP 409)"),
        ("x" * 500, "x" * 400 + "…"),
        ("{" * 5000, "{" * 400 + "…"),
    ):
        handler, _ = playing(httpx.Response(409, text=body))
        with pytest.raises(RefusedError) as caught:
            client(handler).request("GET", "x", what="x")
        assert caught.value.message.endswith(words if words == "HTTP 409)" else f"(HTTP 409): {words}")


def test_a_web_page_is_no_success_of_the_api() -> None:
    page = httpx.Response(200, text="<html>", headers={"content-type": "text/html; charset=utf-8"})
    handler, _ = playing(page, page)
    with pytest.raises(OscarError, match="the answer is a web page"):
        client(handler).request("DELETE", "x", what="delete it")
    assert client(handler).request("POST", "run", "x", what="run it", any_answer=True).text == "<html>"


def test_a_refused_token_is_not_called_a_refused_password() -> None:
    handler, _ = playing(httpx.Response(401), httpx.Response(401))
    with pytest.raises(AuthError) as by_token:
        client(handler).request("POST", "run", "x", what="run it", auth=bearer("t" * 64))
    auth = PasswordAuth(lambda: ("ada", "x"), hint="check the user and password")
    with pytest.raises(AuthError) as by_password:
        client(handler).request("GET", "x", what="x", auth=auth)
    assert "token" in str(by_token.value.hint)
    assert "password" in str(by_password.value.hint)


# -- retries -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_tried_again_when_the_failure_may_pass(status: int, pauses: list[float]) -> None:
    handler, seen = playing(httpx.Response(status), httpx.Response(status), httpx.Response(200, text="ok"))
    assert client(handler).request("GET", "x", what="x").text == "ok"
    assert len(seen) == 3
    assert 0 < pauses[0] < 1 < sum(pauses) < 3


def test_after_three_tries_the_failure_stands(pauses: list[float]) -> None:
    handler, seen = playing(*[httpx.Response(503)] * 3)
    with pytest.raises(UnreachableError):
        client(handler).request("GET", "x", what="x")
    assert (len(seen), len(pauses)) == (3, 2)


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_other_failures_are_not_tried_again(status: int, pauses: list[float]) -> None:
    handler, seen = playing(httpx.Response(status))
    with pytest.raises(OscarError):
        client(handler).request("GET", "x", what="x")
    assert (len(seen), pauses) == (1, [])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_is_never_sent_twice(method: str, pauses: list[float]) -> None:
    for answer in (httpx.Response(503), httpx.ReadError("reset")):
        handler, seen = playing(answer)
        with pytest.raises(UnreachableError):
            client(handler).request(method, "x", what="x", json={})
        assert (len(seen), pauses) == (1, [])


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError])
def test_a_broken_connection_of_a_read_is_made_anew(
    error: type[httpx.HTTPError], pauses: list[float]
) -> None:
    handler, seen = playing(error("broke"), httpx.Response(200, text="ok"))
    assert client(handler).request("GET", "x", what="x").text == "ok"
    assert len(seen) == 2


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout])
def test_a_server_that_is_not_there_is_not_waited_for(
    error: type[httpx.HTTPError], pauses: list[float]
) -> None:
    handler, seen = playing(error("gone"))
    with pytest.raises(UnreachableError):
        client(handler).request("GET", "x", what="x")
    assert (len(seen), pauses) == (1, [])


def test_what_the_server_asks_for_is_honoured(pauses: list[float]) -> None:
    moment = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=5), usegmt=True)
    handler, _ = playing(
        httpx.Response(503, headers={"retry-after": "7"}),
        httpx.Response(429, headers={"retry-after": moment}),
        httpx.Response(200),
    )
    client(handler).request("GET", "x", what="x")
    assert pauses[0] == 7
    assert 3 < pauses[1] <= 5


def test_a_longer_wait_than_a_person_has_patience_for_is_not_begun(pauses: list[float]) -> None:
    handler, seen = playing(httpx.Response(503, headers={"retry-after": "3600"}))
    with pytest.raises(UnreachableError):
        client(handler).request("GET", "x", what="x")
    assert (len(seen), pauses) == (1, [])


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "²", "Fri, 99 Foo"])
def test_an_odd_wish_is_ignored(value: str, pauses: list[float]) -> None:
    answer = httpx.Response(503, headers={b"retry-after": value.encode()})
    handler, seen = playing(answer, httpx.Response(200))
    client(handler).request("GET", "x", what="x")
    assert len(seen) == 2
    assert pauses[0] < 1


def test_retries_can_be_off(pauses: list[float]) -> None:
    handler, seen = playing(httpx.Response(503))
    with pytest.raises(UnreachableError):
        client(handler, retries=False).request("GET", "x", what="x")
    assert len(seen) == 1


# -- redirects -----------------------------------------------------------------------------------


def moved(status: int, location: str) -> httpx.Response:
    return httpx.Response(status, headers={"location": location})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_read_follows_within_the_origin_with_its_login(status: int) -> None:
    handler, seen = playing(moved(status, "/base/x"), httpx.Response(200, text="ok"))
    assert client(handler).request("GET", "y", what="x").text == "ok"
    assert str(seen[1].url) == "http://h/base/x"
    assert seen[1].headers["authorization"] == BASIC


@pytest.mark.parametrize(
    "location", ["http://other/x", "http://h:81/x", "//other/x", "https://h.evil/x", "http://ada:x@other/"]
)
def test_no_login_goes_to_another_origin(location: str) -> None:
    handler, seen = playing(moved(302, location), httpx.Response(200, text="ok"))
    client(handler).request("GET", "y", what="x")
    assert "authorization" not in seen[1].headers


def test_the_login_comes_back_with_the_origin_and_stays_on_an_upgrade_to_tls() -> None:
    handler, seen = playing(
        moved(302, "http://other/x"), moved(302, "http://h/z"), moved(301, "https://h/z"), httpx.Response(200)
    )
    client(handler).request("GET", "y", what="x")
    assert ["authorization" in request.headers for request in seen] == [True, False, True, True]


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("location", ["/base/z", "https://h/base/z"])
def test_a_write_follows_with_its_body_where_the_login_may_go(status: int, location: str) -> None:
    handler, seen = playing(moved(status, location), httpx.Response(201))
    client(handler).request("POST", "y", what="x", content=Payload(b"abc"))
    assert [request.content for request in seen] == [b"YWJj", b"YWJj"]
    assert [request.method for request in seen] == ["POST", "POST"]
    assert seen[1].headers["authorization"] == BASIC


@pytest.mark.parametrize(
    ("status", "location"),
    [
        (301, "/base/z"),
        (302, "/base/z"),
        (303, "/base/z"),
        (307, "http://other/z?q=1"),
        (308, "http://h:81/"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_is_neither_turned_into_a_read_nor_sent_elsewhere(
    method: str, status: int, location: str
) -> None:
    handler, seen = playing(moved(status, location))
    with pytest.raises(RefusedError, match=r"the server redirects to http://\S+$"):
        client(handler).request(method, "y", what="x")
    assert len(seen) == 1


def test_a_circle_ends() -> None:
    handler, seen = playing(*[moved(302, "/base/x")] * 20)
    with pytest.raises(RefusedError, match="circle"):
        client(handler).request("GET", "x", what="x")
    assert len(seen) == 10


@pytest.mark.parametrize("location", ["ftp://h/x", "http://h:x/", "mailto:x"])
def test_a_redirect_to_nowhere_is_an_error(location: str, pauses: list[float]) -> None:
    handler, _ = playing(*[moved(302, location)] * 3)
    with pytest.raises((RefusedError, UnreachableError), match=r"redirects|location header"):
        client(handler).request("GET", "x", what="x")


def test_a_redirect_without_a_place_is_an_unexpected_answer() -> None:
    handler, _ = playing(httpx.Response(304))
    with pytest.raises(OscarError, match=r"unexpected answer \(HTTP 304\)"):
        client(handler).request("GET", "x", what="x")


# -- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "operation", "connect", "read"),
    [
        (None, 30.0, 10.0, 30.0),
        (None, 300.0, 10.0, 300.0),
        (2.0, 300.0, 2.0, 2.0),
        (500.0, 30.0, 10.0, 500.0),
    ],
)
def test_the_operations_limit_holds_unless_one_was_given(
    option: float | None, operation: float, connect: float, read: float
) -> None:
    handler, seen = playing(moved(302, "/z"), httpx.Response(200))
    client(handler, timeout=option).request("GET", "x", what="x", read_timeout=operation)
    for request in seen:
        assert request.extensions["timeout"]["connect"] == connect
        assert request.extensions["timeout"]["read"] == read


def test_a_write_that_timed_out_may_have_been_done() -> None:
    for method, doubt in (("DELETE", True), ("GET", False)):
        handler, _ = playing(httpx.ReadTimeout("slow"))
        with pytest.raises(UnreachableError) as caught:
            client(handler).request(method, "x", what="x", read_timeout=120.0)
        assert caught.value.message.startswith("cannot x: no answer from h within 120 s")
        assert ("may still be in progress" in caught.value.message) is doubt
        assert "--timeout" in str(caught.value.hint)


def test_a_name_the_resolver_cannot_even_look_up_is_not_known() -> None:
    handler, _ = playing(UnicodeError("encoding with 'idna' codec failed"))
    with pytest.raises(UnreachableError, match="is not known"):
        client(handler).request("GET", "x", what="x")


# -- what is said --------------------------------------------------------------------------------


def test_the_trace_has_requests_and_outcomes_and_no_secret(pauses: list[float]) -> None:
    said: list[str] = []
    handler, _ = playing(httpx.ReadError("reset"), moved(302, "http://other/z"), httpx.Response(404))
    with pytest.raises(NotFoundError):
        client(handler, trace=said.append).request("GET", "x", what="x", params={"page": "2"})
    assert said[0].startswith("GET http://h/base/x?page=2: cannot x: the connection to h broke")
    assert said[1].startswith("trying again in ")
    assert said[2:] == ["GET http://h/base/x?page=2: 302", "GET http://other/z: 404"]
    assert not any("YWRh" in text or "pw" in text for text in said)


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "é", "a\x00"])
def test_a_token_no_header_can_carry_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(AuthError) as caught:
        bearer(f"hunter2{token}hunter2" if token.strip() else token)
    assert "hunter2" not in caught.value.message


def test_blanks_around_a_token_are_no_part_of_it() -> None:
    handler, seen = playing(httpx.Response(200))
    client(handler).request("GET", "x", what="x", auth=bearer(" abc\n"))
    assert seen[0].headers["authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"http_proxy": "foo://x"}, "proxy"),
        ({"http_proxy": "http://[::"}, "proxy"),
        ({"http_proxy": "http://me:hunter2#@x:1"}, "proxy in HTTP_PROXY"),
        ({"SSL_CERT_FILE": "/nonexistent/ca.pem"}, "certificates"),
    ],
)
def test_settings_of_the_environment_that_cannot_be_used_are_named(
    variables: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    scheme = "https" if "SSL_CERT_FILE" in variables else "http"
    with pytest.raises(ConfigError, match=words):
        Client(f"{scheme}://h", httpx.BasicAuth("a", "b")).request("GET", "x", what="x")


def test_connections_are_closed_at_the_end() -> None:
    handler, _ = playing(httpx.Response(200))
    with client(handler) as opened:
        opened.request("GET", "x", what="x")
        inner = next(iter(opened._connections.values()))
    assert inner.is_closed
    assert module.MAX_REDIRECTS == 10
