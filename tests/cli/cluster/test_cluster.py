"""`cluster`: what is stored, what is asked, and what a cluster says of itself."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import Answer, Request, ScriptedServer, document, page

INFO = {
    "version": "v4.1.2",
    "git_commit": "abc",
    "architecture": "amd64",
    "kubernetes_version": "v1.31",
    "serverless_backend": {"name": "Knative", "version": "v1.15"},
    "from_the_future": {"deep": [1, None]},
}
NOWHERE = "http://127.0.0.1:9"


PROVIDER = "--oidc-issuer https://idp.example --oidc-client-id cli"
PROVIDER_KEYS = {"oidc_issuer": "https://idp.example", "oidc_client_id": "cli"}
IN_HISTORY = (
    "warning: the password on the command line is in the shell's history, and others here can see it; "
    "leave it away to be asked, or pipe it in with --password-stdin"
)


def in_plain_text(call: Caller) -> str:
    return (
        f"warning: the password goes into {call.config} in plain text, for you alone to read, as no keyring "
        "takes it; --insecure-storage says that this is wanted"
    )


def stored(call: Caller) -> dict[str, Any]:
    return dict(yaml.safe_load(call.config.read_text())["oscar"])


def add(call: Caller, *words: str, **more: Any) -> Any:
    return call("cluster", "add", *words, "--no-check", **more)


# -- add: words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("a", "missing argument 'ENDPOINT'"),
        ("a http://x", "you must provide the username"),
        ("a http://x --password-stdin", "you must provide the username"),
        ("a http://x ada", "you must provide the password"),
        (
            "a http://x ada pw --password-stdin",
            'if the "--password-stdin" flag is set only 3 arguments are allowed',
        ),
        ("a http://x ada pw more", "unexpected extra argument"),
        ("a http://x ada -o egi", 'if the "--oidc-account-name" flag is set only 2 arguments are allowed'),
        ("a http://x ada pw -o egi", 'if the "--oidc-account-name" flag is set only 2 arguments are allowed'),
        ("a http://x ada -t tok", 'if the "--oidc-refresh-token" flag is set only 2 arguments are allowed'),
        (
            "a http://x -o egi -t tok",
            'only one of "--oidc-account-name" and "--oidc-refresh-token" can be set',
        ),
        ("a http://x -o egi --password-stdin", 'only one of "--oidc-account-name" and "--password-stdin"'),
        ("a host ada pw", 'the endpoint "host" is not an HTTP URL'),
        ("a ftp://x ada pw", "is not an HTTP URL"),
        ("a http://bob:hunter2@x ada pw", "the endpoint's URL holds a user or a password"),
        ("a http://bob:hunter2@x:?y ada pw", "the endpoint's URL holds a user or a password"),
        ("a http://x?y=z ada pw", 'the endpoint "http://x?y=z" has a query'),
        ("a http://x/#y ada pw", 'the endpoint "http://x/#y" has a fragment'),
        ("a http://x:/y ada pw", 'the endpoint "http://x:/y" has no number behind the colon of its port'),
        ("a http://x ada:lovelace pw", 'the user "ada:lovelace" has a ":"'),
    ],
)
def test_words_that_do_not_go_together_store_nothing(call: Caller, words: str, message: str) -> None:
    result = add(call, *words.split())
    assert (result.code, result.out) == (2, "")
    assert message in result.err.splitlines()[0]
    assert result.err.splitlines()[1].startswith("hint: ")
    assert "hunter2" not in result.err
    assert not call.config.exists()


def test_a_name_alone_is_an_endpoint_of_https_and_that_is_said(call: Caller) -> None:
    result = add(call, "a", "oscar.example.org", "-o", "egi")
    assert (result.code, result.err) == (
        0,
        'taking the endpoint "oscar.example.org" for https://oscar.example.org\n',
    )
    assert stored(call)["a"]["endpoint"] == "https://oscar.example.org"
    refused = add(call, "b", "https://oscar.example.org/ x", "-o", "egi")
    assert (refused.code, "has a blank in it" in refused.err, list(stored(call))) == (2, True, ["a"])


@pytest.mark.parametrize("verb", ["add", "a"])
def test_a_cluster_with_a_password_is_stored_as_the_reference_reads_it(call: Caller, verb: str) -> None:
    result = call("c", verb, "prod", "https://oscar.example/base/", "ada", "0123", "--no-check")
    assert result.code == 0
    assert result.err.splitlines() == [IN_HISTORY, in_plain_text(call)]
    assert result.out == (
        'Cluster "prod" successfully stored. To modify the default values, '
        f"please edit the file {call.config}\n"
    )
    assert call.config.read_text() == (
        "oscar:\n  prod:\n    endpoint: https://oscar.example/base/\n    auth_user: ada\n"
        '    auth_password: "0123"\n'
        "    ssl_verify: true\n    memory: 256Mi\n    log_level: INFO\ndefault: prod\n"
    )


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("-o egi", {"oidc_account_name": "egi"}),
        ("--oidc-account-name=egi", {"oidc_account_name": "egi"}),
        (f"-t tok.en {PROVIDER}", {"oidc_refresh_token": "tok.en", **PROVIDER_KEYS}),
        (f"--oidc-refresh-token tok.en {PROVIDER}", {"oidc_refresh_token": "tok.en", **PROVIDER_KEYS}),
        ("ada pw", {"auth_user": "ada", "auth_password": "pw"}),
    ],
)
@pytest.mark.parametrize("insecure", [True, False])
def test_every_login_is_stored_with_its_keys_alone(
    call: Caller, words: str, keys: dict[str, str], insecure: bool
) -> None:
    result = add(call, "a", "https://x", *words.split(), *(["--disable-ssl"] if insecure else []))
    assert result.code == 0
    always = {"endpoint": "https://x", "ssl_verify": not insecure, "memory": "256Mi", "log_level": "INFO"}
    assert stored(call) == {"a": {**always, **keys}}


@pytest.mark.parametrize(
    ("typed", "password"),
    [
        ("secret\n", "secret"),
        ("secret\r\n", "secret"),
        ("\n\r\nsecret\r\n\n", "secret"),
        ("secret", "secret"),
        (" two words \n", " two words "),
        ("größe 😀\n", "größe 😀"),
        ("two\nlines\n", "two\nlines"),
        ("# : 'q\" \\\n", "# : 'q\" \\"),
    ],
)
def test_a_password_from_standard_input_loses_only_its_line_ends(
    call: Caller, typed: str, password: str
) -> None:
    assert add(call, "a", "https://x", "ada", "--password-stdin", input=typed).code == 0
    assert stored(call)["a"]["auth_password"] == password
    # And it is what is sent.
    from oscarcli.config.file import ConfigFile

    assert ConfigFile(call.config).read().clusters["a"].auth_password == password


def test_a_refresh_token_can_come_from_standard_input(call: Caller) -> None:
    assert add(call, "a", "https://x", "-t", "-", *PROVIDER.split(), input="ey.tok\r\n").code == 0
    assert stored(call)["a"]["oidc_refresh_token"] == "ey.tok"


def test_bytes_that_are_no_text_are_refused(call: Caller) -> None:
    result = add(call, "a", "https://x", "ada", "--password-stdin", input=b"\xff\xfe")
    assert (result.code, call.config.exists()) == (2, False)
    assert "not UTF-8" in result.err


def test_a_closed_standard_input_is_an_error(run: Runner) -> None:
    import subprocess
    import sys

    command = f'exec "{sys.executable}" -m oscarcli cluster add a https://x ada --password-stdin <&-'
    done = subprocess.run(
        ["sh", "-c", command], env=dict(run.environ), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input is closed" in done.stderr


def test_a_json_configuration_is_written_as_json(call: Caller) -> None:
    path = call.home / "config.json"
    assert call("cluster", "add", "a", "https://x", "ada", "1e3", "--no-check", "--config", path).code == 0
    assert json.loads(path.read_text()) == {
        "oscar": {
            "a": {
                "endpoint": "https://x",
                "auth_user": "ada",
                "auth_password": "1e3",
                "ssl_verify": True,
                "memory": "256Mi",
                "log_level": "INFO",
            }
        },
        "default": "a",
    }


def test_a_broken_file_is_named_and_left(call: Caller) -> None:
    call.write_config("oscar:\n  a: b: c\n")
    result = add(call, "new", "https://x", "ada", "pw")
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith(f"Error: {call.config}:2:7: not valid YAML: ")
    assert call.config.read_text() == "oscar:\n  a: b: c\n"


def test_a_loose_mode_is_tightened_with_a_word(call: Caller) -> None:
    call.know("http://x")
    call.config.chmod(0o644)
    result = call("cluster", "list")
    assert (result.code, result.out) == (0, "test (http://x) (Default)\n")
    assert result.err == f"warning: {call.config} could be read by other users; its mode is 0600 now\n"
    assert call.config.stat().st_mode & 0o777 == 0o600


# -- add: an id that exists ------------------------------------------------------------------------


def test_in_a_pipe_an_existing_id_is_replaced_with_a_note(call: Caller) -> None:
    call.know("http://old")
    result = add(call, "test", "https://new", "bob", "pw")
    assert result.code == 0
    assert result.err.splitlines()[0] == 'replacing the cluster "test", which exists already'
    assert stored(call)["test"]["endpoint"] == "https://new"
    assert add(call, "test", "https://newer", "bob", "pw", "--force").err.splitlines()[0] == IN_HISTORY


BASIC_OLD = "Basic " + base64.b64encode(b"ada:s3cr3t-pass").decode()


def only_the_former_login(request: Request) -> Answer:
    return document(INFO) if request.headers.get("authorization") == BASIC_OLD else Answer(401)


@pytest.mark.parametrize(
    "words",
    [
        ("bob", "wrong"),
        ("--token-command", "echo tok.en"),
        ("--token-command", "false"),
        ("-o", "no-such-account"),
    ],
)
def test_a_login_that_works_is_not_replaced_by_one_that_is_refused(
    call: Caller, server: ScriptedServer, words: tuple[str, ...]
) -> None:
    call.know(server.url)
    before = call.config.read_text()
    server.always("GET", "/system/info", only_the_former_login)
    result = call("cluster", "add", "test", server.url, *words)
    assert (result.code, result.out) == (4, "")
    assert 'Error: the cluster "test" is left as it was, for its login works and the new one does not: ' in (
        result.err
    )
    assert result.err.splitlines()[-1] == (
        "hint: --force replaces it all the same, and --no-check does not try the login"
    )
    assert call.config.read_text() == before
    assert call("cluster", "add", "test", server.url, *words, "--force").code == 0
    assert call.config.read_text() != before


def test_a_login_is_replaced_when_neither_works_or_the_new_one_cannot_be_tried(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    server.always("GET", "/system/info", Answer(401))
    result = call("cluster", "add", "test", server.url, "bob", "pw")
    assert (result.code, stored(call)["test"]["auth_user"]) == (0, "bob")
    assert "warning: the cluster is stored, but: " in result.err
    # The new login, then the former one; what came of the first is not asked for again.
    assert [request.headers["authorization"][:6] for request in server.requests] == ["Basic "] * 2
    assert call("cluster", "add", "test", NOWHERE, "eve", "pw").code == 0
    assert stored(call)["test"]["auth_user"] == "eve"


def test_a_login_that_works_takes_the_place_of_another_and_is_tried_once(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    server.expect("GET", "/system/info", document(INFO))
    assert call("cluster", "add", "test", server.url, "bob", "pw").code == 0
    assert stored(call)["test"]["auth_user"] == "bob"
    assert call("cluster", "add", "test", server.url, "eve", "pw", "--no-check").code == 0
    assert stored(call)["test"]["auth_user"] == "eve"


def test_on_a_terminal_an_existing_id_is_asked_about(run: Runner) -> None:
    run.know("http://old")
    words = ("cluster", "add", "test", "https://new", "bob", "pw", "--no-check", "--insecure-storage")
    for answer in ("n\n", "\n", "maybe\n", "\x04"):
        result = run.terminal(*words, answers=[("Replace it? [y/N]", answer)])
        assert result.code == 1
        assert 'the cluster "test" is left as it was' in result.out
        assert "http://old" in run.config.read_text()
    result = run.terminal(*words, answers=[("Replace it? [y/N]", "yes\n")])
    assert (result.code, "successfully stored" in result.out) == (0, True)
    assert "https://new" in run.config.read_text()
    result = run.terminal(*words[:3], "https://newer", *words[4:], "--force")
    assert (result.code, "Replace" in result.out) == (0, False)


def test_on_a_terminal_a_missing_password_is_asked_for_unseen(run: Runner) -> None:
    result = run.terminal(
        *("cluster", "add", "a", "https://x", "ada", "--no-check"),
        answers=[("Password of ada:", "s3cr3t #1\n"), ("[y/N]", "y\n")],
    )
    assert result.code == 0
    assert "s3cr3t" not in result.out
    assert yaml.safe_load(run.config.read_text())["oscar"]["a"]["auth_password"] == "s3cr3t #1"
    result = run.terminal(
        *("cluster", "add", "b", "https://x", "-t", "-", "--no-check", *PROVIDER.split()),
        answers=[("Refresh token:", "ey\n"), ("[y/N]", "y\n")],
    )
    assert yaml.safe_load(run.config.read_text())["oscar"]["b"]["oidc_refresh_token"] == "ey"
    result = run.terminal("cluster", "add", "c", "https://x", "ada", answers=[("Password of ada:", "\x04")])
    assert (result.code, "interrupted" in result.out) == (130, True)


# -- add: a look at the server -----------------------------------------------------------------


def test_a_cluster_that_answers_is_stored_without_a_word(call: Caller, server: ScriptedServer) -> None:
    server.expect("GET", "/base/system/info", document(INFO))
    words = ("cluster", "add", "a", f"{server.url}/base", "ada", "--password-stdin", "--insecure-storage")
    result = call(*words, input="pw")
    assert (result.code, result.err) == (0, "")
    assert server.requests[0].headers["authorization"] == "Basic YWRhOnB3"
    server.expect("GET", "/system/info", document(INFO))
    result = call(*words[:2], "b", server.url, *words[4:], "-v", input="pw")
    assert result.err == "the cluster answers; its version is v4.1.2\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(401), "the credentials are not accepted"),
        (Answer(403), "not allowed"),
        (page(), "the answer is a web page"),
        (Answer(200, b"{"), "the answer is not JSON"),
        (Answer(500), "the server failed"),
        (Answer(503), "the server cannot answer now"),
        (Answer(reset=True), "broke"),
        (Answer(hang_up=True), "broke"),
        (Answer(301, headers={"Location": "/elsewhere"}), "redirects in a circle"),
    ],
)
def test_a_cluster_that_complains_is_stored_with_a_warning(
    call: Caller, server: ScriptedServer, answer: Answer, words: str
) -> None:
    server.always("GET", "/system/info", answer)
    if answer.status == 301:
        server.always("GET", "/elsewhere", answer)
    result = call("cluster", "add", "a", server.url, "ada", "hunter2", "--insecure-storage")
    assert (result.code, "successfully stored" in result.out) == (0, True)
    warning = result.err.splitlines()[1]
    assert warning.startswith("warning: the cluster is stored, but: cannot get the cluster's information: ")
    assert words in warning
    assert "hunter2" not in result.err
    assert list(stored(call)) == ["a"]


def test_a_cluster_that_is_not_there_is_stored_with_a_warning(call: Caller) -> None:
    result = call("cluster", "add", "a", NOWHERE, "ada", "pw")
    assert result.code == 0
    assert "127.0.0.1:9 refuses connections" in result.err
    result = call("cluster", "add", "b", "https://x", "-o", "egi")
    assert (result.code, "oidc-agent" in result.err) == (0, True)


@pytest.mark.parametrize(
    "answer",
    [Answer(200, b"{}", stall_after=1), Answer(200, b'{"version":"x"}' * 9, drip=0.5)],
    ids=["stalls", "drips"],
)
def test_a_cluster_that_never_finishes_is_not_waited_for(
    call: Caller, server: ScriptedServer, answer: Answer
) -> None:
    server.expect("GET", "/system/info", answer)
    begun = time.monotonic()
    result = call("cluster", "add", "a", server.url, "ada", "pw", "--timeout", "0.3")
    assert result.code == 0
    assert "warning: the cluster is stored, but" in result.err
    # Not a measurement: the server would go on for minutes.
    assert time.monotonic() - begun < 30


def test_no_check_asks_nobody(call: Caller, server: ScriptedServer) -> None:
    assert add(call, "a", server.url, "ada", "pw").code == 0
    assert server.requests == []


# -- default, delete, list -----------------------------------------------------------------------


def test_the_default_is_shown_and_set(call: Caller) -> None:
    verb = "default"
    call.write_config("oscar:\n  a: {endpoint: x}\n  b: {endpoint: y}\n")
    none = call("cluster", verb)
    assert (none.code, none.out) == (0, 'There is no default cluster, please set it with the "--set" flag\n')
    assert json.loads(call("cluster", verb, "-o", "json").out) == {"default": None}
    done = call("cluster", verb, "--set", "b")
    assert (done.code, done.out) == (0, 'The cluster "b" has been set as default successfully\n')
    assert call("cluster", verb).out == "b\n"
    for nothing in (("--set", ""), ("--set=",), ("-s", "")):
        assert (call("cluster", verb, *nothing).out, call("cluster", verb, *nothing).code) == ("b\n", 0)
    assert json.loads(call("cluster", verb, "-s", "a", "-o", "json").out) == {"default": "a"}
    assert call("cluster", verb, "-o", "yaml").out == "default: a\n"
    unknown = call("cluster", verb, "-s", "c")
    assert (unknown.code, unknown.out) == (3, "")
    assert 'the cluster "c" doesn\'t exist' in unknown.err


def test_a_key_that_stands_twice_can_be_changed_and_is_told(call: Caller) -> None:
    text = "oscar:\n  a: {endpoint: x}\n  b:\n    endpoint: y\n    endpoint: z\ndefault: a\ndefault: b\n"
    call.write_config(text)
    assert (call("cluster", "default").out, call("cluster", "list").err) == ("b\n", "")
    result = call("cluster", "default", "--set", "a")
    assert result.code == 0
    told = (
        "stands here a second time; the last one counts, and the reference client does not read such a file"
    )
    assert result.err.splitlines() == [
        f'warning: {call.config}:5: the key "endpoint" {told}',
        f'warning: {call.config}:7: the key "default" {told}',
    ]
    assert call.config.read_text() == text.replace("default: b", "default: a")
    assert call("cluster", "default").out == "a\n"
    assert call("cluster", "delete", "a").code == 0
    assert call.config.read_text() == "oscar:\n  b:\n    endpoint: y\n    endpoint: z\n"


def test_a_cluster_is_added_to_json_in_a_yaml_file_as_json(call: Caller) -> None:
    document = {"oscar": {"a": {"endpoint": "x", "ssl_verify": True}}, "default": "a"}
    call.write_config(json.dumps(document, indent=4))
    assert add(call, "b", "https://b", "-o", "egi").code == 0
    entry = {"endpoint": "https://b", "oidc_account_name": "egi", "ssl_verify": True}
    document["oscar"]["b"] = {**entry, "memory": "256Mi", "log_level": "INFO"}  # type: ignore[index]
    assert call.config.read_text() == json.dumps(document, indent=4)


@pytest.mark.parametrize("verb", ["delete", "d", "del", "remove", "rm"])
def test_a_deleted_cluster_is_gone_and_the_default_with_it(call: Caller, verb: str) -> None:
    call.write_config("# kept\noscar:\n  a: {endpoint: x}\n  b: {endpoint: y}\ndefault: a\n")
    result = call("cluster", verb, "a")
    assert (result.code, result.out) == (0, f'Cluster "a" removed from {call.config}\n')
    assert call.config.read_text() == "# kept\noscar:\n  b: {endpoint: y}\n"
    result = call("cluster", verb, "a")
    assert (result.code, result.out) == (3, "")


def test_an_alias_of_two_verbs_alone_explains_both(call: Caller) -> None:
    call.write_config("oscar:\n  a: {endpoint: x}\ndefault: a\n")
    both = "\n".join(call("cluster", verb, "--help").out for verb in ("delete", "default"))
    for words in (("d",), ("d", "--help"), ("help", "d"), ("-c", "a", "d")):
        result = call("cluster", *words)
        assert (result.code, result.out, result.err) == (0, both, ""), words
    refused = call("cluster", "d", "--set", "a")
    assert (refused.code, refused.out, "no such option: --set" in refused.err) == (2, "", True)
    assert "endpoint: x" in call.config.read_text()


def test_delete_speaks_json_too(call: Caller) -> None:
    call.write_config("oscar:\n  a: {endpoint: x}\n")
    assert json.loads(call("cluster", "delete", "a", "-o", "json").out) == {"deleted": ["a"]}


LISTED = (
    "oscar:\n  zed: {endpoint: 'https://z'}\n"
    "  a: {endpoint: 'http://a/b', oidc_account_name: e}\ndefault: a\n"
)


@pytest.mark.parametrize("verb", ["list", "ls"])
def test_clusters_are_listed_in_file_order_in_the_references_lines(call: Caller, verb: str) -> None:
    call.write_config(LISTED)
    result = call("cluster", verb)
    assert (result.code, result.err) == (0, "")
    assert result.out == "zed (https://z)\na (http://a/b) (Default)\n"


def test_the_list_in_json_and_yaml_has_no_secret(call: Caller) -> None:
    call.write_config(LISTED.replace("'https://z'", "'https://z', auth_password: hunter2, ssl_verify: no"))
    as_json = call("cluster", "list", "-o", "json").out
    rows = json.loads(as_json)
    assert rows == yaml.safe_load(call("cluster", "list", "-o", "yaml").out)
    assert rows[0] == {
        "id": "zed",
        "endpoint": "https://z",
        "login": "basic",
        "ssl_verify": False,
        "default": False,
    }
    assert rows[1]["login"] == "oidc-agent"
    assert rows[1]["default"] is True
    assert "hunter2" not in as_json


def test_an_empty_list_is_no_failure(call: Caller) -> None:
    result = call("cluster", "list")
    assert (result.code, result.out) == (0, "")
    first, hint = result.err.splitlines()
    assert first == "There are no defined clusters in the config file"
    assert hint.startswith("hint: 'oscar-cli local start' makes one on this machine")
    assert call("cluster", "list", "-o", "json").out == "[]\n"
    assert call("cluster", "default").err == f"{hint}\n"
    assert not call.config.exists()


def test_the_default_is_bold_on_a_terminal_and_names_cannot_move_its_cursor(run: Runner) -> None:
    run.write_config('oscar:\n  "a\\e[2J": {endpoint: x}\n  b: {endpoint: y}\ndefault: b\n')
    assert run.terminal("cluster", "list").out == "a\\x1b[2J (x)\n\x1b[1mb (y) (Default)\x1b[0m\n"
    assert run.terminal("cluster", "list", env={"NO_COLOR": "1"}).out.endswith("\nb (y) (Default)\n")


# -- info ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["info", "i"])
def test_info_is_the_servers_document_with_fields_nobody_knows(
    call: Caller, server: ScriptedServer, verb: str
) -> None:
    call.know(server.url)
    server.always("GET", "/system/info", document(INFO))
    assert yaml.safe_load(call("cluster", verb).out) == INFO
    assert json.loads(call("cluster", verb, "-o", "json").out) == INFO
    assert yaml.safe_load(call("cluster", verb, "-c", "test", "-o", "yaml").out) == INFO
    table = call("cluster", verb, "-o", "table").out.splitlines()
    assert table[0].split() == ["VERSION", "ARCHITECTURE", "KUBERNETES", "BACKEND", "COMMIT"]
    assert table[1].split() == ["v4.1.2", "amd64", "v1.31", "Knative", "abc"]


@pytest.mark.parametrize("info", [{}, {"serverless_backend": None}, {"serverless_backend": []}])
def test_info_of_an_odd_server_still_has_a_table(call: Caller, server: ScriptedServer, info: Any) -> None:
    call.know(server.url)
    server.expect("GET", "/system/info", document(info))
    result = call("cluster", "info", "-o", "table")
    assert (result.code, result.out.splitlines()[1].split()) == (0, ["-"] * 5)


def test_a_default_that_is_not_on_record_is_an_error(call: Caller) -> None:
    call.write_config("oscar:\n  a: {endpoint: x}\ndefault: b\n")
    result = call("cluster", "info")
    assert (result.code, result.out) == (3, "")
    assert 'the cluster "b" doesn\'t exist' in result.err
