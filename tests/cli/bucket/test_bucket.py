"""`bucket`: every verb and alias against a server that answers as told, also in the ways of older ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import Answer, ScriptedServer, document, text

BUCKETS = "/system/buckets"
PHOTOS: dict[str, Any] = {
    "bucket_name": "photos",
    "visibility": "restricted",
    "allowed_users": ["ada", "bob"],
    "owner": "carol",
    "metadata": {"owner_name": "carol"},
    "storage_usage": {"used": "12", "used_bytes": 12, "objects": 2},
    "of_a_newer_server": None,
}
BARE = {"bucket_name": "Alpha", "visibility": "", "allowed_users": None, "owner": "cluster_admin"}


def entry(name: str, size: int = 1, when: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"object_name": name, "size_bytes": size}
    return {**found, "last_modified": when} if when else found


def page_of(objects: list[dict[str, Any]], following: str | None = None) -> Answer:
    more = {"next_page": following} if following else {}
    return document(
        {
            **PHOTOS,
            "objects": objects,
            "is_truncated": bool(following),
            "returned_items": len(objects),
            **more,
        }
    )


def pages(server: ScriptedServer, *contents: list[dict[str, Any]]) -> None:
    """Prepare a bucket of several pages, each of which is asked for once."""
    for index, objects in enumerate(contents):
        following = f"token{index + 1}" if index + 1 < len(contents) else None
        query = {"page": f"token{index}"} if index else {}
        server.expect("GET", f"{BUCKETS}/photos", page_of(objects, following), query=query)


def names(rows: str) -> list[str]:
    return [line.split()[0] for line in rows.splitlines()[1:]]


# -- list ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["bucket list", "buckets ls", "b ls"])
def test_buckets_are_listed_by_name(run: Runner, server: ScriptedServer, words: str) -> None:
    run.know(server.url)
    server.expect("GET", BUCKETS, document([PHOTOS, BARE]))
    result = run(*words.split())
    assert (result.code, result.err) == (0, "")
    assert [line.split() for line in result.out.splitlines()] == [
        ["NAME", "VISIBILITY", "ALLOWED", "USERS", "OWNER"],
        ["Alpha", "-", "-", "cluster_admin"],
        ["photos", "restricted", "ada,bob", "carol"],
    ]


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_list_for_programs_has_the_servers_keys(
    call: Caller, server: ScriptedServer, form: str, read: Any
) -> None:
    call.know(server.url)
    server.expect("GET", BUCKETS, document([PHOTOS]))
    assert read(call("bucket", "list", "-o", form).out) == [PHOTOS]


@pytest.mark.parametrize("nothing", [None, []])
def test_no_buckets_is_an_empty_list(call: Caller, server: ScriptedServer, nothing: Any) -> None:
    call.know(server.url)
    server.always("GET", BUCKETS, document(nothing))
    table = call("bucket", "list")
    assert (table.code, table.out, table.err) == (0, "", "There is no bucket\n")
    assert call("bucket", "list", "-o", "json").out == "[]\n"


@pytest.mark.parametrize(
    "older",
    [
        [{"bucket_path": "photos", "visibility": "private"}],
        {"Buckets": [{"Name": "photos", "CreationDate": "2024-01-01T00:00:00Z"}], "Owner": {"ID": "x"}},
    ],
)
def test_older_servers_lists_are_read(call: Caller, server: ScriptedServer, older: Any) -> None:
    call.know(server.url)
    server.expect("GET", BUCKETS, document(older))
    assert names(call("bucket", "list").out) == ["photos"]


def test_an_older_servers_empty_list_is_empty(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", BUCKETS, document({"Buckets": None, "Owner": {}}))
    assert call("bucket", "list", "-o", "json").out == "[]\n"


def test_a_server_without_buckets_is_told(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", BUCKETS, text("404 page not found", 404))
    result = call("bucket", "list")
    assert (result.code, "no such route" in result.err) == (7, True)


# -- get -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["get", "g"])
def test_the_first_page_of_objects(run: Runner, server: ScriptedServer, verb: str) -> None:
    run.know(server.url)
    go_style = "2026-06-12 09:05:29.123 +0000 UTC"
    objects = [
        entry("in/", 0),
        entry("in/a b.png", 12, go_style),
        entry("in/c", 3, "2026-06-12T11:05:29+02:00"),
    ]
    pages(server, objects)
    result = run("bucket", verb, "photos", env={"TZ": "UTC-2"})
    assert (result.code, result.err) == (0, "")
    header, *rows = result.out.splitlines()
    assert header.split("  ")[0] == "NAME"
    assert "SIZE (B)" in header
    assert "LAST MODIFIED" in header
    assert rows[0].split() == ["in/", "0", "-"]
    assert rows[1].split() == ["in/a", "b.png", "12", "2026-06-12", "11:05:29"]
    assert rows[2].split() == ["in/c", "3", "2026-06-12", "11:05:29"]


def test_more_pages_are_told_of_on_stderr(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", f"{BUCKETS}/photos", page_of([entry("a")], "t0k=n"), query={})
    table = call("bucket", "get", "photos")
    assert names(table.out) == ["a"]
    assert table.err == (
        'More objects are available. Continue listing with --page "t0k=n" or fetch everything with --all.\n'
    )
    found = json.loads(call("bucket", "get", "photos", "-o", "json").out)
    assert (found["next_page"], found["is_truncated"]) == ("t0k=n", True)


def test_a_page_can_be_named(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{BUCKETS}/photos", page_of([entry("z")]), query={"page": "t0k=n"})
    result = call("bucket", "get", "photos", "--page", "t0k=n")
    assert (names(result.out), result.err) == (["z"], "")


def test_all_pages_come_with_all(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    pages(server, [entry("a"), entry("b")], [entry("c")], [])
    result = call("bucket", "get", "photos", "--all")
    assert (names(result.out), result.err) == (["a", "b", "c"], "")


def test_a_prefix_is_looked_for_on_all_pages(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    pages(server, [entry("a"), entry("in/1")], [entry("b")], [entry("in/2"), entry("out/1")])
    result = call("bucket", "get", "photos", "--prefix", "in/")
    assert (names(result.out), result.err) == (["in/1", "in/2"], "")


def test_a_prefix_without_a_match_says_so(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    pages(server, [entry("a")])
    result = call("bucket", "get", "photos", "--prefix", "x")
    assert (result.code, result.err) == (0, 'Bucket "photos" has no objects with that prefix\n')


def test_a_limit_takes_from_as_many_pages_as_it_needs(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", f"{BUCKETS}/photos", page_of([entry("a"), entry("b")], "1"), query={})
    server.always("GET", f"{BUCKETS}/photos", page_of([entry("c"), entry("d")], "2"), query={"page": "1"})
    three = call("bucket", "get", "photos", "--limit", "3")
    assert names(three.out) == ["a", "b", "c"]
    # A token would skip "d".
    assert three.err == "More objects are available. Raise --limit, or fetch everything with --all.\n"
    four = json.loads(call("bucket", "get", "photos", "--limit", "4", "-o", "json").out)
    assert [one["object_name"] for one in four["objects"]] == ["a", "b", "c", "d"]
    assert (four["next_page"], four["is_truncated"], four["returned_items"]) == ("2", True, 4)
    assert "next_page" not in json.loads(call("bucket", "get", "photos", "--limit", "1", "-o", "json").out)


def test_limit_and_prefix_work_together(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    pages(server, [entry("a"), entry("in/1")], [entry("in/2")])
    result = call("bucket", "get", "photos", "--prefix", "in/", "--limit", "2")
    assert (names(result.out), result.err) == (["in/1", "in/2"], "")


def test_json_keeps_the_bucket_and_gives_a_list_also_for_nothing(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    server.expect(
        "GET", f"{BUCKETS}/photos", document({**PHOTOS, "is_truncated": False, "returned_items": 0})
    )
    found = json.loads(call("bucket", "get", "photos", "-o", "json").out)
    assert found == {**PHOTOS, "objects": [], "is_truncated": False, "returned_items": 0}


def test_an_empty_bucket_says_so_on_stderr(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{BUCKETS}/photos", document({**PHOTOS, "objects": None}))
    result = call("bucket", "get", "photos")
    assert (result.code, result.err) == (0, 'Bucket "photos" has no objects\n')


def test_a_server_that_gives_the_same_page_for_ever_is_left(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", f"{BUCKETS}/photos", page_of([entry("a")], "same"))
    result = call("bucket", "get", "photos", "--all")
    assert (result.code, result.out) == (1, "")
    assert "the server gives the same page again and again" in result.err
    assert len(server.requests) == 2


def test_other_keys_of_objects_are_understood(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    odd = [{"key": "a", "size": 5}, {"name": "b"}, {"object_name": "c", "size_bytes": None}]
    server.expect("GET", f"{BUCKETS}/photos", document({"objects": odd}))
    rows = [line.split() for line in call("bucket", "get", "photos").out.splitlines()[1:]]
    assert rows == [["a", "5", "-"], ["b", "0", "-"], ["c", "0", "-"]]


@pytest.mark.parametrize(
    ("objects", "wrong"),
    [
        ([entry("a"), "no object"], '"objects[1]" is text instead of a document'),
        ([entry("a"), None], '"objects[1]" is null instead of a document'),
        ([{**entry("a"), "size_bytes": "many"}], '"objects[0].size_bytes" is text instead of a whole number'),
        ({"a": 1}, '"objects" is a document instead of a list'),
    ],
)
def test_objects_that_are_none_are_not_left_out_in_silence(
    call: Caller, server: ScriptedServer, objects: Any, wrong: str
) -> None:
    call.know(server.url)
    server.expect("GET", f"{BUCKETS}/photos", document({**PHOTOS, "objects": objects}))
    result = call("bucket", "get", "photos", "--folders")
    assert (result.code, result.out) == (1, "")
    assert f"the answer has an unexpected shape: {wrong}\n" in result.err


@pytest.mark.parametrize("second", [b"", b"{}", b"null", b"<html>Sign in</html>", b"[]"])
def test_a_page_that_is_none_does_not_end_a_list(call: Caller, server: ScriptedServer, second: bytes) -> None:
    call.know(server.url)
    server.expect("GET", f"{BUCKETS}/photos", page_of([entry("a")], "1"), query={})
    server.expect("GET", f"{BUCKETS}/photos", Answer(200, second), query={"page": "1"})
    result = call("bucket", "get", "photos", "--all")
    assert (result.code in (1, 4), result.out) == (True, "")


def test_a_page_that_goes_on_without_saying_where_is_no_end(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{BUCKETS}/photos", document({**PHOTOS, "objects": [], "is_truncated": True}))
    result = call("bucket", "get", "photos", "--all")
    assert (result.code, result.out) == (1, "")
    assert "the answer ends in the middle" in result.err


def test_a_missing_bucket_is_not_found_although_the_server_fails(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    server.expect("GET", f"{BUCKETS}/nope", text("Error listing objects in bucket nope: no such bucket", 500))
    server.expect("GET", BUCKETS, document([PHOTOS]))
    result = call("bucket", "get", "nope")
    assert (result.code, result.out) == (5, "")
    assert 'there is no bucket "nope"' in result.err


def test_a_failure_for_a_bucket_that_is_there_stays_one(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{BUCKETS}/photos", text("minio is away", 500))
    server.expect("GET", BUCKETS, document([PHOTOS]))
    result = call("bucket", "get", "photos")
    assert (result.code, "minio is away" in result.err) == (1, True)


def test_a_bucket_of_others_is_forbidden_and_may_be_missing(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{BUCKETS}/photos", text("User 'x' is not authorised", 403))
    result = call("bucket", "get", "photos")
    assert (result.code, "the same when there is no such bucket" in result.err) == (4, True)


@pytest.mark.parametrize(
    "words", [("--limit", "-1"), ("--folders", "--page", "t"), ("--folders", "--limit", "2")]
)
def test_options_that_make_no_sense(call: Caller, words: tuple[str, ...]) -> None:
    assert call("bucket", "get", "photos", *words).code == 2


TREE = [
    entry("in/", 0, "2026-06-01 00:00:00 +0000 UTC"),
    entry("in/a", 10, "2026-06-02 00:00:00 +0000 UTC"),
    entry("in/deep/b", 5, "2026-06-03 00:00:00 +0000 UTC"),
    entry("only-marker/", 0),
    entry("top", 7, "2026-06-04 00:00:00 +0000 UTC"),
]


def test_folders_are_shown_with_what_is_in_them(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    pages(server, TREE[:2], TREE[2:])
    result = run("bucket", "get", "photos", "--folders", env={"TZ": "UTC"})
    assert [line.split() for line in result.out.splitlines()] == [
        ["NAME", "OBJECTS", "SIZE", "(B)", "LAST", "MODIFIED"],
        ["in/", "2", "15", "2026-06-03", "00:00:00"],
        ["only-marker/", "0", "0", "-"],
        ["top", "-", "7", "2026-06-04", "00:00:00"],
    ]


def test_folders_of_a_folder_for_a_program(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    pages(server, TREE)
    found = json.loads(call("bucket", "get", "photos", "--folders", "--prefix", "in/", "-o", "json").out)
    assert found["prefix"] == "in/"
    assert found["objects"] == [TREE[1]]
    assert found["folders"] == [
        {
            "name": "in/deep/",
            "objects_count": 1,
            "size_bytes": 5,
            "last_modified": "2026-06-03 00:00:00 +0000 UTC",
        }
    ]


# -- create --------------------------------------------------------------------------------------


def test_a_bucket_is_created(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("POST", BUCKETS, Answer(201))
    result = run("bucket", "create", "photos")
    assert (result.code, result.out, result.err) == (0, 'Bucket "photos" created\n', "")
    assert json.loads(server.requests[0].body) == {"bucket_name": "photos"}


def test_a_restricted_bucket_is_created_with_its_users(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", BUCKETS, Answer(201))
    server.expect("GET", BUCKETS, document([PHOTOS]))
    result = call(
        "bucket", "create", "photos", "--visibility", "Restricted", "--allowed-users", " ada, bob ,"
    )
    assert (result.code, result.err) == (0, "")
    assert json.loads(server.requests[0].body) == {
        "bucket_name": "photos",
        "visibility": "restricted",
        "allowed_users": ["ada", "bob"],
    }


def test_a_visibility_that_the_server_ignored_is_warned_of(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", BUCKETS, Answer(201))
    server.expect("GET", BUCKETS, document([{"bucket_name": "photos", "visibility": ""}]))
    result = call("bucket", "create", "photos", "--visibility", "public")
    assert (result.code, result.out) == (0, 'Bucket "photos" created\n')
    assert 'warning: the server shows the visibility "private"' in result.err


def test_a_look_at_the_new_bucket_that_fails_is_no_failure(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", BUCKETS, Answer(201))
    server.expect("GET", BUCKETS, text("", 500))
    assert call("bucket", "create", "photos", "--visibility", "public").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--visibility", "hidden"), "--visibility takes private, restricted, public"),
        (("--allowed-users", "ada"), "goes with --visibility restricted"),
        (("--visibility", "public", "--allowed-users", "ada"), "goes with --visibility restricted"),
    ],
)
@pytest.mark.parametrize("verb", ["create", "update"])
def test_who_may_use_a_bucket_is_checked_here(
    call: Caller, server: ScriptedServer, verb: str, words: tuple[str, ...], message: str
) -> None:
    call.know(server.url)
    if verb == "update" and words[0] == "--allowed-users":
        server.expect("GET", BUCKETS, document([{**PHOTOS, "visibility": ""}]))
        message = "is private, which needs no --allowed-users"
    result = call("bucket", verb, "photos", *words)
    assert (result.code, result.out, message in result.err) == (2, "", True)


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (400, "Error creating bucket with name 'photos': the bucket \"photos\" already exists\n", 7),
        (403, "MinIO bucket quota exceeded for user x", 4),
        (500, "no client", 1),
        (401, "", 4),
    ],
)
def test_a_refused_bucket(call: Caller, server: ScriptedServer, status: int, words: str, code: int) -> None:
    call.know(server.url)
    server.expect("POST", BUCKETS, text(words, status))
    result = call("bucket", "create", "photos")
    assert (result.code, result.out, words.strip() in result.err) == (code, "", True)


# -- update --------------------------------------------------------------------------------------


def test_visibility_is_changed_and_looked_at_again(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", BUCKETS, document([PHOTOS]))
    server.expect("PUT", BUCKETS, Answer(204))
    server.expect("GET", BUCKETS, document([{**PHOTOS, "visibility": "public", "allowed_users": None}]))
    result = call("bucket", "update", "photos", "--visibility", "public")
    assert (result.code, result.out) == (0, 'Bucket "photos" updated\n')
    assert json.loads(server.requests[1].body) == {"bucket_name": "photos", "visibility": "public"}


@pytest.mark.parametrize(
    ("words", "sent", "shown"),
    [
        (("--allowed-users", "bob,dan"), ["bob", "dan"], ["dan", "bob", "carol"]),
        (("--visibility", "restricted"), ["ada", "bob"], ["ada", "bob"]),
        (("--allowed-users", ""), [], None),
    ],
)
def test_users_of_a_restricted_bucket(
    call: Caller, server: ScriptedServer, words: tuple[str, ...], sent: list[str], shown: Any
) -> None:
    call.know(server.url)
    server.expect("GET", BUCKETS, document([PHOTOS]))
    server.expect("PUT", BUCKETS, Answer(204))
    server.expect("GET", BUCKETS, document([{**PHOTOS, "allowed_users": shown}]))
    assert call("bucket", "update", "photos", *words).code == 0
    body = json.loads(server.requests[1].body)
    assert (body["visibility"], body["allowed_users"]) == ("restricted", sent)


def test_an_update_that_changed_nothing_is_no_success(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", BUCKETS, document([PHOTOS]))
    server.expect("PUT", BUCKETS, Answer(204))
    result = call("bucket", "update", "photos", "--visibility", "public")
    assert (result.code, result.out) == (7, "")
    assert 'bucket "photos" is still restricted (to ada, bob)' in result.err


def test_an_update_of_nothing_and_of_a_missing_bucket(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    assert call("bucket", "update", "photos").code == 2
    server.expect("GET", BUCKETS, document([]))
    assert call("bucket", "update", "photos", "--visibility", "public").code == 5


# -- delete --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["delete", "d", "del", "remove", "rm"])
def test_a_bucket_is_deleted(call: Caller, server: ScriptedServer, verb: str) -> None:
    call.know(server.url)
    server.expect("DELETE", f"{BUCKETS}/photos", Answer(204))
    result = call("bucket", verb, "photos")
    assert (result.code, result.out, result.err) == (0, 'Bucket "photos" deleted\n', "")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_on_a_terminal_delete_asks_as_objects_go_too(
    run: Runner, server: ScriptedServer, answer: str, code: int
) -> None:
    run.know(server.url)
    if code == 0:
        server.expect("DELETE", f"{BUCKETS}/photos", Answer(204))
    result = run.terminal("bucket", "delete", "photos", answers=[("[y/N]", answer)])
    assert result.code == code
    assert 'Delete bucket "photos" with all its objects?' in result.out


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [(404, "The bucket 'photos' does not exist", 5), (403, "User 'x' is not authorised", 4), (500, "x", 1)],
)
def test_a_bucket_that_is_not_deleted(
    call: Caller, server: ScriptedServer, status: int, words: str, code: int
) -> None:
    call.know(server.url)
    server.expect("DELETE", f"{BUCKETS}/photos", text(words, status))
    result = call("bucket", "delete", "photos", "-y")
    assert (result.code, result.out) == (code, "")


# -- presign -------------------------------------------------------------------------------------

SIGNED: dict[str, Any] = {
    "object_key": "in/a.png",
    "operation": "download",
    "method": "GET",
    "url": "https://minio.example/photos/in/a.png?X-Amz-Signature=0",
    "expires_at": "2026-06-12T09:20:29Z",
}
PRESIGN = f"{BUCKETS}/photos/presign"


def test_a_url_is_the_only_line(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("POST", PRESIGN, document(SIGNED))
    result = run("bucket", "presign", "photos", "in/a.png")
    assert (result.code, result.out, result.err) == (0, SIGNED["url"] + "\n", "")
    assert json.loads(server.requests[0].body) == {"object_key": "in/a.png", "operation": "download"}


@pytest.mark.parametrize(
    ("word", "sent"),
    [("GET", "download"), ("put", "upload"), ("Upload", "upload"), ("download", "download")],
)
def test_operations_have_two_names(call: Caller, server: ScriptedServer, word: str, sent: str) -> None:
    call.know(server.url)
    server.expect("POST", PRESIGN, document(SIGNED))
    assert call("bucket", "presign", "photos", "a", "-X", word).code == 0
    assert json.loads(server.requests[0].body)["operation"] == sent


def test_everything_about_an_upload_is_sent_and_its_headers_told(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    signed = {**SIGNED, "headers": {"Content-Type": "image/png", "X-Amz-Meta-A": ["1", "2"]}}
    server.expect("POST", PRESIGN, document(signed))
    words = ["--operation", "upload", "--expires", "60", "--content-type", "image/png"]
    words += ["--extra-headers", "x-amz-meta-a=1,x-b = c=d", "--extra-headers", "e=f"]
    result = call("bucket", "presign", "photos", "a", *words)
    assert json.loads(server.requests[0].body) == {
        "object_key": "a",
        "operation": "upload",
        "expires_in": 60,
        "content_type": "image/png",
        "extra_headers": {"x-amz-meta-a": "1", "x-b": "c=d", "e": "f"},
    }
    assert result.out == SIGNED["url"] + "\n"
    assert "Content-Type: image/png\n" in result.err
    assert "X-Amz-Meta-A: 1, 2\n" in result.err


def test_a_signed_url_for_a_program(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("POST", PRESIGN, document(SIGNED))
    assert json.loads(call("bucket", "presign", "photos", "a", "-o", "json").out) == SIGNED
    assert SIGNED["url"] in call("bucket", "presign", "photos", "a", "-o", "table").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a", "-X", "DELETE"), 'takes download (or GET) and upload (or PUT), not "DELETE"'),
        (("a", "--extra-headers", "novalue"), '"novalue" has not the form NAME=VALUE'),
        (("a", "--extra-headers", "a=b,"), "has not the form NAME=VALUE"),
        (("a", "--extra-headers", "=b"), "has not the form NAME=VALUE"),
        (("a", "--expires", "604801"), "at most 604800 seconds"),
        (("a", "--expires", "-1"), "--expires"),
        ((" / ",), "FILE_NAME is empty"),
    ],
)
def test_what_the_server_would_misunderstand_is_not_sent(
    call: Caller, server: ScriptedServer, words: tuple[str, ...], message: str
) -> None:
    call.know(server.url)
    result = call("bucket", "presign", "photos", *words)
    assert (result.code, result.out, message in result.err) == (2, "", True)


@pytest.mark.parametrize(("status", "code"), [(400, 7), (403, 4), (404, 5), (500, 1)])
def test_an_object_that_is_not_signed(call: Caller, server: ScriptedServer, status: int, code: int) -> None:
    call.know(server.url)
    server.expect("POST", PRESIGN, text("Bucket 'photos' not found", status))
    assert call("bucket", "presign", "photos", "a").code == code


def test_an_answer_without_a_url_is_a_failure(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", PRESIGN, document({"method": "GET"}))
    result = call("bucket", "presign", "photos", "a")
    assert (result.code, result.out) == (1, "")


# -- answers that do not say that it was done --------------------------------------------------------

NOTHING = pytest.mark.parametrize("body", ["", "null"])


@NOTHING
@pytest.mark.parametrize(
    ("verb", "method", "path"),
    [("create", "POST", BUCKETS), ("delete", "DELETE", f"{BUCKETS}/photos")],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_write_that_is_answered_with_nothing_is_done_only_where_the_list_says_so(
    call: Caller, server: ScriptedServer, verb: str, method: str, path: str, body: str, is_there: bool
) -> None:
    call.know(server.url)
    server.expect(method, path, text(body))
    server.expect("GET", BUCKETS, document([PHOTOS] if is_there else []))
    result = call("bucket", verb, "photos")
    if is_there is (verb == "create"):
        assert (result.code, result.err) == (0, "")
    else:
        assert result.code == 1
        assert result.err.startswith(
            f'Error: cannot {verb} bucket "photos": the server answered 200, which does not say'
        )
