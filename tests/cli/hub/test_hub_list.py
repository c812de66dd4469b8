"""`hub list`, `search` and `show`: one request, sent again only for news, and usable without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Caller
from tests.support.github import COMMIT, CRATES, GitHub, archive
from tests.support.server import Answer, ScriptedServer, document

BROKEN = "crates/broken/ro-crate-metadata.json"


def test_a_table_of_services_and_what_is_wrong_with_others(call: Caller, hub: GitHub) -> None:
    hub.serve()
    outcome = call("hub", "list", "--api-base", hub.api.url)
    assert outcome.code == 0
    assert [line.split("  ")[0] for line in outcome.out.splitlines()] == [
        "SLUG",
        "two-services",
        "word-count",
    ]
    assert "Ada, Charles" in outcome.out
    assert outcome.err == f"warning: {BROKEN}:4: it is no JSON: Expecting ',' delimiter\n"


def test_json_has_the_keys_of_the_reference_client(call: Caller, hub: GitHub) -> None:
    hub.serve()
    outcome = call("h", "ls", "--api-base", f"{hub.api.url}/", "--json")
    found = json.loads(outcome.out)
    assert found["services"][1] == {
        "slug": "word-count",
        "name": "Word count",
        "creator": "Ada, Charles",
        "description": "Counts the words of a text.",
        "keywords": "text, counting",
        "license": "Apache-2.0",
        "url": "https://words.example.org",
        "repository_url": "https://github.com/grycap/oscar-hub/tree/main/crates/word-count",
        "metadata_source": "crates/word-count/ro-crate-metadata.json",
    }
    assert found["services"][0]["url"] == found["services"][0]["repository_url"]
    error = f"{BROKEN}:4: it is no JSON: Expecting ',' delimiter"
    assert found["warnings"] == [{"path": BROKEN, "error": error}]


def test_an_empty_hub_is_a_list(call: Caller, hub: GitHub) -> None:
    hub.files = {"crates/notes/README.md": b""}
    hub.serve()
    outcome = call("hub", "list", "--api-base", hub.api.url)
    assert (outcome.code, outcome.err) == (0, "No curated services found\n")
    assert json.loads(call("hub", "list", "--api-base", hub.api.url, "-o", "json").out) == {
        "services": [],
        "warnings": [],
    }


def test_what_has_not_changed_is_not_sent_again(call: Caller, hub: GitHub) -> None:
    hub.serve()
    first = call("hub", "list", "--api-base", hub.api.url)
    assert call("hub", "list", "--api-base", hub.api.url) == first
    sent = [request.headers.get("if-none-match") for request in hub.archives.requests]
    assert sent == [None, f'W/"{COMMIT}"']
    assert len(hub.api.requests) == 2


def test_news_are_seen(call: Caller, hub: GitHub) -> None:
    hub.serve()
    call("hub", "list", "--api-base", hub.api.url)
    hub.files = {name: data for name, data in hub.files.items() if "two-services" not in name}
    hub.commit = "2" * 40
    assert "two-services" not in call("hub", "list", "--api-base", hub.api.url).out


def test_without_a_network_there_is_what_was_there_before(call: Caller, hub: GitHub) -> None:
    hub.serve()
    first = call("hub", "list", "--api-base", hub.api.url)
    hub.api.always("GET", "/repos/grycap/oscar-hub/tarball/main", Answer(hang_up=True))
    hub.api._prepared.reverse()
    outcome = call("hub", "list", "--api-base", hub.api.url)
    assert (outcome.code, outcome.out) == (0, first.out)
    assert "warning: cannot fetch grycap/oscar-hub/crates" in outcome.err
    assert "; shown is grycap/oscar-hub/crates as of 20" in outcome.err


def test_without_a_network_and_nothing_from_before(call: Caller) -> None:
    with ScriptedServer() as gone:
        address = gone.url
    outcome = call("hub", "list", "--api-base", address)
    assert (outcome.code, outcome.out) == (6, "")
    assert outcome.err.startswith("Error: cannot fetch grycap/oscar-hub/crates: ")


def test_what_is_no_archive_does_not_replace_the_kept_one(call: Caller, hub: GitHub) -> None:
    hub.serve()
    first = call("hub", "list", "--api-base", hub.api.url)
    hub.api.always("GET", "/repos/grycap/oscar-hub/tarball/main", Answer(200, b"<html>log in</html>"))
    hub.api._prepared.reverse()
    outcome = call("hub", "list", "--api-base", hub.api.url)
    assert (outcome.code, "archive cannot be read" in outcome.err) == (1, True)
    hub.api._prepared.reverse()
    assert call("hub", "list", "--api-base", hub.api.url) == first
    assert hub.archives.requests[-1].headers.get("if-none-match") == f'W/"{COMMIT}"'


def test_a_kept_archive_that_is_damaged_is_fetched_anew(call: Caller, hub: GitHub) -> None:
    hub.serve()
    first = call("hub", "list", "--api-base", hub.api.url)
    [kept] = call.home.rglob("*.tar.gz")
    kept.write_bytes(bytes(kept.stat().st_size))
    assert call("hub", "list", "--api-base", hub.api.url) == first
    assert call("hub", "list", "--api-base", hub.api.url) == first
    assert [bool(request.headers.get("if-none-match")) for request in hub.archives.requests] == [
        False,
        False,
        True,
    ]


def test_a_server_that_is_silent_is_waited_for_as_long_as_timeout_says(
    call: Caller, server: ScriptedServer
) -> None:
    server.always("GET", "/repos/grycap/oscar-hub/tarball/main", Answer(200, b"x" * 100, stall_after=1))
    outcome = call("hub", "list", "--api-base", server.url, "--timeout", "0.2")
    assert (outcome.code, outcome.out) == (6, "")
    assert "0.2 s" in outcome.err


def test_the_token_goes_to_the_api_alone_and_is_never_shown(call: Caller, hub: GitHub) -> None:
    hub.token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    hub.serve()
    outcome = call("hub", "list", "--api-base", hub.api.url, "--debug", env={"GITHUB_TOKEN": hub.token})
    assert outcome.code == 0
    assert [request.headers.get("authorization") for request in hub.archives.requests] == [None]
    assert hub.token not in outcome.err
    assert "LINKSECRET" not in outcome.err
    assert f"GET {hub.api.url}/repos/grycap/oscar-hub/tarball/main: 302" in outcome.err


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (document({"message": "Not Found"}, 404), 5, "at main: there is no such repository or ref"),
        (document({"message": "API rate limit"}, 403, **{"X-RateLimit-Remaining": "0"}), 4, "GITHUB_TOKEN"),
        (document({"message": "Bad credentials ghp_secretsecret"}, 401), 4, "GITHUB_TOKEN is refused"),
        (document({"message": "blocked"}, 403), 4, "blocked"),
        (document({"message": "odd"}, 418), 1, "418 odd"),
        (Answer(502, b"<html>"), 6, "502"),
        (Answer(200, b"no archive"), 1, "archive cannot be read"),
        (Answer(302, headers={"Location": "/repos/grycap/oscar-hub/tarball/main"}), 6, "without end"),
    ],
)
def test_failures(call: Caller, server: ScriptedServer, answer: Answer, code: int, words: str) -> None:
    server.always("GET", "/repos/grycap/oscar-hub/tarball/main", answer)
    outcome = call("hub", "list", "--api-base", server.url, env={"GITHUB_TOKEN": "ghp_secretsecret"})
    assert (outcome.code, outcome.out) == (code, "")
    assert words in outcome.err
    assert "secretsecret" not in outcome.err


def test_another_repository_and_folder(call: Caller, hub: GitHub) -> None:
    hub.files = {"ro-crate-metadata.json": b"", "a/ro-crate-metadata.json": b'{"@graph": [{"@id": "./"}]}'}
    hub.serve("v1/beta", "lab/mine")
    words = ["--owner", "lab", "--repo", "mine", "--path", "/", "--ref", "v1/beta"]
    outcome = call("hub", "list", "--api-base", hub.api.url, *words, "-o", "json")
    [found] = json.loads(outcome.out)["services"]
    assert (found["slug"], found["name"]) == ("a", "a")
    assert found["repository_url"] == "https://github.com/lab/mine/tree/v1/beta/a"


@pytest.mark.parametrize(
    "words",
    [
        ["--owner", ""],
        ["--owner", "a/b"],
        ["--repo", ".."],
        ["--path", "a/../b"],
        ["--ref", "a b"],
        ["--api-base", "ftp://x"],
        ["--api-base", "nothing"],
    ],
)
def test_impossible_places(call: Caller, words: list[str]) -> None:
    assert call("hub", "list", *words).code == 2


def test_search_wants_every_word(call: Caller, hub: GitHub) -> None:
    hub.serve()
    outcome = call("hub", "search", "TEXT", "ada", "--api-base", hub.api.url)
    assert [line.split()[0] for line in outcome.out.splitlines()] == ["SLUG", "word-count"]
    nothing = call("hub", "search", "text", "grace", "--api-base", hub.api.url)
    assert (nothing.code, "No service has text and grace" in nothing.err) == (0, True)


def test_show(call: Caller, hub: GitHub) -> None:
    hub.serve()
    found = json.loads(call("hub", "show", "word-count", "--api-base", hub.api.url, "-o", "json").out)
    assert (found["commit"], found["fdl"]) == (COMMIT, "crates/word-count/fdl.yml")
    assert found["services"] == [
        {
            "service": "word-count",
            "image": "busybox:1",
            "cpu": "0.5",
            "memory": "128Mi",
            "input": ["minio.default:word-count/input"],
            "output": ["minio.default:word-count/output"],
            "secrets": [],
        }
    ]
    text = call("hub", "show", "word-count", "--api-base", hub.api.url).out
    assert f"digest: {found['digest']}" in text
    assert "input: minio.default:word-count/input" in text


def test_the_digest_changes_with_each_file_that_is_deployed(call: Caller, hub: GitHub) -> None:
    hub.serve()

    def digest() -> str:
        outcome = call("hub", "show", "word-count", "--api-base", hub.api.url, "-o", "json")
        return str(json.loads(outcome.out)["digest"])

    first = digest()
    hub.commit, hub.files["crates/word-count/sample.txt"] = "3" * 40, b"another text"
    assert digest() == first
    hub.commit, hub.files["crates/word-count/script.sh"] = "4" * 40, b"#!/bin/sh\n"
    assert digest() != first


def test_a_name_that_is_nearly_one(call: Caller, hub: GitHub) -> None:
    hub.serve()
    outcome = call("hub", "show", "word-cuont", "--api-base", hub.api.url)
    assert (outcome.code, "did you mean 'word-count'?" in outcome.err) == (5, True)


def test_a_local_folder_in_place_of_the_hub(call: Caller) -> None:
    for path in (CRATES, CRATES / "word-count", CRATES / "word-count" / "fdl.yml"):
        outcome = call("hub", "show", "word-count", "--local-path", str(path), "-o", "json")
        assert json.loads(outcome.out)["services"][0]["service"] == "word-count"
        assert json.loads(outcome.out)["name"] == "Word count"
    missing = call("hub", "show", "word-count", "--local-path", "nowhere")
    assert (missing.code, "nowhere" in missing.err) == (5, True)


def test_services_of_a_local_folder(call: Caller) -> None:
    found = json.loads(call("hub", "list", "--local-path", str(CRATES), "-o", "json").out)
    assert [(one["slug"], one["metadata_source"]) for one in found["services"]] == [
        ("two-services", "two-services/ro-crate-metadata.json"),
        ("word-count", "word-count/ro-crate-metadata.json"),
    ]
    assert found["services"][0]["url"] == found["services"][0]["repository_url"] == ""
    assert found["warnings"][0]["path"] == "broken/ro-crate-metadata.json"
    one = call("hub", "search", "text", "--local-path", str(CRATES / "word-count"), "-o", "name")
    assert (one.code, one.out) == (0, "word-count\n")
    missing = call("hub", "list", "--local-path", "nowhere")
    assert (missing.code, 'no folder "nowhere"' in missing.err) == (5, True)


def test_links_and_names_do_not_lead_out_of_a_local_package(call: Caller, tmp_path: Path) -> None:
    folder = tmp_path / "crate"
    folder.mkdir()
    (folder / "fdl.yaml").write_text(
        "functions:\n  oscar:\n  - c:\n      name: abc\n      image: i\n      script: ../../secret\n"
    )
    (tmp_path / "secret").write_text("TOP SECRET")
    (folder / "ro-crate-metadata.json").symlink_to(tmp_path / "secret")
    outcome = call("hub", "show", "abc", "--local-path", str(folder))
    assert outcome.code != 0
    assert "TOP SECRET" not in outcome.out + outcome.err
    assert "leads out of" in outcome.err


def test_an_archive_of_a_bomb(call: Caller, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oscarcli.hub.files.MAX_ARCHIVE_BYTES", 1 << 20)
    packed = archive({"crates/a/big": bytes(2 << 20)})
    server.always("GET", "/repos/grycap/oscar-hub/tarball/main", Answer(200, packed))
    outcome = call("hub", "list", "--api-base", server.url)
    assert (outcome.code, "larger than a collection of services" in outcome.err) == (1, True)


def test_an_archive_that_is_too_large_is_not_kept(
    call: Caller, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscarcli.hub.github.MAX_ARCHIVE_BYTES", 100)
    server.always("GET", "/repos/grycap/oscar-hub/tarball/main", Answer(200, bytes(101)))
    outcome = call("hub", "list", "--api-base", server.url)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("Error: cannot fetch grycap/oscar-hub/crates: the answer ")
    assert list(call.home.rglob("*.tar.gz")) == []
