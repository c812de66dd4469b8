"""Where passwords and refresh tokens are kept: in a keyring that answers, or in the file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from oscarcli.config.keyring import OsKeyring
from tests.conftest import Caller, Runner
from tests.support.keyring_env import in_keyring, keyring_env, secrets_in
from tests.support.oidc import CLIENT, DEVICE, ScriptedProvider
from tests.support.server import Answer, Request, ScriptedServer, document

SECRET = "marked-s3cr3t"


@pytest.fixture
def keys(run: Runner) -> Path:
    """The file of a keyring that answers."""
    return run.home / "keyring.json"


@pytest.fixture
def env(keys: Path) -> dict[str, str]:
    """Variables that choose it."""
    return keyring_env("file_keyring.FileKeyring", keys)


def entry(run: Runner, name: str = "a") -> dict[str, Any]:
    return dict(yaml.safe_load(run.config.read_text())["oscar"][name])


def add(run: Runner, endpoint: str, env: dict[str, str], *more: str, name: str = "a") -> Any:
    words = ("cluster", "add", name, endpoint, "ada", "--password-stdin", "--no-check", *more)
    return run(*words, input=SECRET, env=env)


def test_a_keyring_that_answers_gets_the_password(run: Runner, keys: Path, env: dict[str, str]) -> None:
    result = add(run, "http://x/", env)
    assert (result.code, result.err) == (0, "")
    assert SECRET not in run.config.read_text()
    assert in_keyring(keys) == {"oscar-cli http://x": {"a: password of ada": SECRET}}
    # To the reference client it is an entry without a password.
    expected = {"endpoint": "http://x/", "auth_user": "ada", "ssl_verify": True}
    assert entry(run) == {**expected, "memory": "256Mi", "log_level": "INFO"}


def test_a_password_in_the_keyring_logs_in(run: Runner, server: ScriptedServer, env: dict[str, str]) -> None:
    server.expect("GET", "/system/services", document([]))
    add(run, server.url, env)
    assert run("service", "list", env=env).code == 0
    assert server.requests[0].headers["authorization"] == "Basic YWRhOm1hcmtlZC1zM2NyM3Q="


def test_a_secret_goes_nowhere_else_when_somebody_changes_the_endpoint(
    run: Runner, server: ScriptedServer, env: dict[str, str]
) -> None:
    add(run, "https://oscar.example.org", env)
    run.write_config(run.config.read_text().replace("https://oscar.example.org", server.url))
    result = run("service", "list", env=env)
    assert (result.code, server.requests) == (4, [])
    assert "no password is stored" in result.err


def test_what_is_in_the_file_counts_first(run: Runner, server: ScriptedServer, env: dict[str, str]) -> None:
    """The reference client, which knows no keyring, may have stored a newer password there."""
    add(run, server.url, env)
    text = run.config.read_text().replace(
        "    auth_user: ada\n", "    auth_user: ada\n    auth_password: new\n"
    )
    run.write_config(text)
    server.expect("GET", "/system/services", document([]))
    assert run("service", "list", env=env).code == 0
    assert server.requests[0].headers["authorization"] == "Basic YWRhOm5ldw=="


def test_insecure_storage_puts_it_into_the_file_unasked(run: Runner, keys: Path, env: dict[str, str]) -> None:
    result = add(run, "http://x", env, "--insecure-storage")
    assert (result.code, result.err) == (0, "")
    assert (entry(run)["auth_password"], in_keyring(keys)) == (SECRET, {})


@pytest.mark.parametrize(
    "backend", ["locked_keyring.LockedKeyring", "broken_keyring.BrokenKeyring", "no_such.Keyring", ""]
)
def test_without_a_keyring_a_script_goes_on_with_one_warning(run: Runner, keys: Path, backend: str) -> None:
    result = add(run, "http://x", keyring_env(backend, keys) if backend else {})
    assert (result.code, "successfully stored" in result.out) == (0, True)
    assert result.err.count("\n") == 1
    assert result.err.startswith(f"warning: the password goes into {run.config} in plain text")
    assert SECRET not in result.err
    assert entry(run)["auth_password"] == SECRET
    assert run.config.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n"])
def test_without_a_keyring_a_person_is_asked_before_anything_is_written(run: Runner, answer: str) -> None:
    words = ("cluster", "add", "a", "http://x", "ada", "--no-check")
    result = run.terminal(*words, answers=[("Password of ada:", f"{SECRET}\n"), ("[y/N]", answer)])
    assert SECRET not in result.out
    if answer == "y\n":
        assert (result.code, entry(run)["auth_password"]) == (0, SECRET)
    else:
        assert (result.code, "nothing was stored" in result.out) == (1, True)
        assert not run.config.exists()


def test_a_keyring_that_does_not_answer_is_waited_for_three_seconds(run: Runner, keys: Path) -> None:
    begun = time.monotonic()
    result = add(run, "http://x", keyring_env("slow_keyring.SlowKeyring", keys))
    assert (result.code, entry(run)["auth_password"]) == (0, SECRET)
    # Not a measurement: the keyring would take a minute.
    assert 3 <= time.monotonic() - begun < 30


def test_a_secret_in_a_keyring_that_fell_silent_is_missed_in_words(
    run: Runner, server: ScriptedServer, keys: Path, env: dict[str, str]
) -> None:
    add(run, server.url, env)
    for backend, words in (
        ("slow_keyring.SlowKeyring", "it does not answer within 3 s"),
        ("locked_keyring.LockedKeyring", "it is locked"),
        ("broken_keyring.BrokenKeyring", "it fails with RuntimeError"),
    ):
        result = run("service", "list", env=keyring_env(backend, keys))
        assert (result.code, words in result.err, "oscar-cli auth login -c a" in result.err) == (
            4,
            True,
            True,
        )
    assert server.requests == []


def test_health_needs_no_login(run: Runner, server: ScriptedServer, keys: Path, env: dict[str, str]) -> None:
    add(run, server.url, env)
    server.expect("GET", "/health", Answer(200, b"Ok"))
    assert run("health", env=keyring_env("locked_keyring.LockedKeyring", keys)).code == 0
    assert "authorization" not in server.requests[0].headers


# -- move ------------------------------------------------------------------------------------------


def test_secrets_move_both_ways_and_stay_good(
    run: Runner, server: ScriptedServer, provider: ScriptedProvider, keys: Path, env: dict[str, str]
) -> None:
    def check(request: Request) -> Answer:
        login = request.headers.get("authorization", "")
        is_good = login.startswith("Basic ") or provider.accepts(login.removeprefix("Bearer "))
        return document([{"name": "mine"}]) if is_good else Answer(401)

    server.always("GET", "/system/services", check)
    token = provider.log_in()
    original = (
        f"# ours\noscar:\n  basic: # one\n    endpoint: {server.url}\n    auth_user: ada\n"
        f"    auth_password: {SECRET}\n    odd: kept\n  oidc:\n    endpoint: {server.url}\n"
        f"    oidc_refresh_token: {token}\n  agent:\n    endpoint: x\n    oidc_account_name: egi\n"
    )
    run.write_config(original)
    result = run("cluster", "secrets", "move", "--to", "keyring", env=env)
    assert (result.code, result.err) == (0, "")
    rows = [line.split()[:2] for line in result.out.splitlines()[1:]]
    assert rows == [["basic", "password"], ["oidc", "refresh"]]
    text = run.config.read_text()
    assert SECRET not in text
    assert token not in text
    assert [part in text for part in ("# ours", "# one", "odd: kept")] == [True] * 3
    assert sorted(secrets_in(keys)) == sorted([SECRET, token])
    assert entry(run, "oidc")["oidc_issuer"] == provider.issuer
    assert entry(run, "oidc")["oidc_client_id"] == CLIENT
    for name in ("basic", "oidc"):
        assert run("service", "list", "-q", "-c", name, env=env).out == "mine\n"
    # The provider replaced it, and the new one is where the old one was.
    assert token not in secrets_in(keys)
    assert "oidc_refresh_token" not in run.config.read_text()
    result = run("cluster", "secrets", "move", "--to", "file", env=env)
    assert (result.code, "plain text now" in result.err) == (0, True)
    assert secrets_in(keys) == []
    assert entry(run, "basic")["auth_password"] == SECRET
    assert run("service", "list", "-q", "-c", "oidc", env=env).out == "mine\n"
    result = run("cluster", "secrets", "move", "--to", "file", "-o", "json", env=env)
    assert [row["result"] for row in json.loads(result.out)] == ["is there already"] * 2


def test_a_login_in_the_keyring_outlives_the_loss_of_our_keys(
    run: Runner, server: ScriptedServer, provider: ScriptedProvider, env: dict[str, str]
) -> None:
    """The reference client drops keys that it does not know when it writes the file."""
    server.always("GET", "/system/services", document([{"name": "mine"}]))
    words = ("cluster", "add", "a", server.url, "-t", "-", "--no-check")
    assert run(*words, input=provider.log_in(), env=env).code == 0
    run.write_config(f"oscar:\n  a:\n    endpoint: {server.url}\n    ssl_verify: true\ndefault: a\n")
    assert run("service", "list", "-q", env=env).out == "mine\n"
    assert server.requests[0].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("words", [(), ("--to", "cloud"), ("--to", "keyring", "more")])
def test_wrong_words_move_nothing(run: Runner, words: tuple[str, ...]) -> None:
    run.know("http://x")
    before = run.config.read_text()
    assert run("cluster", "secrets", "move", *words).code == 2
    assert run.config.read_text() == before


def test_what_cannot_move_stays_and_is_named(run: Runner, keys: Path) -> None:
    run.know("http://x")
    before = run.config.read_text()
    locked = keyring_env("locked_keyring.LockedKeyring", keys)
    result = run("cluster", "secrets", "move", "--to", "keyring", env=locked)
    assert (result.code, "it is locked" in result.err) == (1, True)
    assert run.config.read_text() == before
    assert "s3cr3t-pass" not in result.out + result.err
    result = run("cluster", "secrets", "move", "--to", "keyring", "-c", "nobody")
    assert (result.code, '"nobody"' in result.err) == (3, True)


# -- what goes when an entry goes ------------------------------------------------------------------


def test_a_secret_goes_with_its_entry(run: Runner, keys: Path, env: dict[str, str]) -> None:
    add(run, "http://x", env)
    add(run, "http://x", env, name="b")
    assert run("cluster", "delete", "a", env=env).code == 0
    assert in_keyring(keys) == {"oscar-cli http://x": {"b: password of ada": SECRET}}
    # Another login takes the first one's place.
    assert run("cluster", "add", "b", "http://x", "-o", "egi", "--no-check", env=env).code == 0
    assert secrets_in(keys) == []


def test_the_same_entry_again_keeps_its_new_secret(run: Runner, keys: Path, env: dict[str, str]) -> None:
    add(run, "http://x", env)
    add(run, "http://x", env, "--force")
    assert secrets_in(keys) == [SECRET]
    add(run, "http://x", env, "--force", "--insecure-storage")
    assert (secrets_in(keys), entry(run)["auth_password"]) == ([], SECRET)
    add(run, "http://y", env, "--force")
    assert in_keyring(keys) == {"oscar-cli http://y": {"a: password of ada": SECRET}}
    assert "auth_password" not in entry(run)


# -- nothing is half done --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("cluster", "add", "a", "http://x", "ada", "--password-stdin", "--no-check", "--force"),
        ("cluster", "add", "new", "http://x", "ada", "--password-stdin", "--no-check"),
        ("auth", "login", "-c", "a", "--password-stdin"),
        ("cluster", "secrets", "move", "--to", "file"),
    ],
)
def test_without_a_place_for_the_entry_the_keyring_stays_as_it_is(
    run: Runner, keys: Path, env: dict[str, str], words: tuple[str, ...]
) -> None:
    add(run, "http://x", env)
    before = keys.read_text()
    run.config.chmod(0o400)
    result = run(*words, input="another", env=env)
    assert (result.code, "read-only" in result.err) == (3, True)
    assert keys.read_text() == before


def test_a_disk_that_fills_up_meanwhile_gives_the_keyring_back_what_it_had(
    run: Runner, keys: Path, env: dict[str, str]
) -> None:
    add(run, "http://x", env)
    # Too long to be written, other than the keyring.
    run.write_config(f"# {'kept ' * 100}\n{run.config.read_text()}")
    before = in_keyring(keys)
    words = ("cluster", "add", "a", "http://x", "ada", "--password-stdin", "--no-check", "--disable-ssl")
    script = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400)); "
    script += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    script += f"sys.argv[1:] = {list(words)!r}; from oscarcli.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=b"another",
        capture_output=True,
        env={**run.environ, **env},
        check=False,
    )
    assert (done.returncode, b"it is as it was" in done.stderr) == (3, True)
    assert in_keyring(keys) == before


def test_both_secrets_of_an_entry_move_and_its_login_stays_the_same(
    run: Runner, provider: ScriptedProvider, keys: Path, env: dict[str, str]
) -> None:
    """The reference client takes the refresh token of such an entry."""
    token = provider.log_in()
    run.write_config(
        f"oscar:\n  a:\n    endpoint: http://x\n    auth_user: ada\n    auth_password: {SECRET}\n"
        f"    oidc_refresh_token: {token}\n"
    )
    assert run("cluster", "secrets", "move", "--to", "keyring", env=env).code == 0
    assert sorted(secrets_in(keys)) == sorted([SECRET, token])
    status = json.loads(run("auth", "status", "-c", "a", "-o", "json", env=env).out)
    assert (status[0]["login"], status[0]["state"]) == ("refresh-token", "logged in")


def test_an_entry_that_lost_its_login_to_the_reference_client_is_mended_by_a_move(
    run: Runner, provider: ScriptedProvider, env: dict[str, str]
) -> None:
    words = ("cluster", "add", "a", "http://x", "-t", "-", "--no-check")
    assert run(*words, input=provider.log_in(), env=env).code == 0
    run.write_config("oscar:\n  a:\n    endpoint: http://x\n    ssl_verify: true\ndefault: a\n")
    assert run("auth", "status", "-c", "a", env=env).code == 0
    assert run("cluster", "secrets", "move", "--to", "file", env=env).code == 0
    assert entry(run)["oidc_issuer"] == provider.issuer
    assert run("auth", "token", env=env).code == 0


@pytest.mark.parametrize("backend", ["locked_keyring.LockedKeyring", "broken_keyring.BrokenKeyring"])
def test_an_entry_without_a_login_needs_no_keyring(
    run: Runner, server: ScriptedServer, keys: Path, backend: str
) -> None:
    run.write_config(f"oscar: {{a: {{endpoint: '{server.url}'}}}}\ndefault: a\n")
    server.expect("GET", "/system/services", document([]))
    assert run("service", "list", env=keyring_env(backend, keys)).code == 0


def test_logout_claims_nothing_that_the_keyring_does_not_say(
    run: Runner, keys: Path, env: dict[str, str]
) -> None:
    locked = keyring_env("locked_keyring.LockedKeyring", keys)
    run.know("http://x")
    result = run("auth", "logout", env=locked)
    assert (result.code, result.out, "it is locked" in result.err) == (1, "", True)
    assert "s3cr3t-pass" not in run.config.read_text()
    add(run, "http://x", env)
    result = run("cluster", "delete", "a", env=locked)
    assert (result.code, result.err.startswith("warning: cannot tell whether the keyring")) == (0, True)


@pytest.mark.parametrize(
    ("words", "given", "message"),
    [
        ("a http://x ada --password-stdin", "", "the password is empty"),
        ("a http://x ada --password-stdin", "\r\n", "the password is empty"),
        ("a http://x -t -", "", "the refresh token is none"),
        ("a http://x -t -", "two words", "the refresh token is none"),
        ("a http://x -t -", "bell\a", "the refresh token is none"),
        ("a http://x -t -", "opaque", "does not tell its provider"),
        ("a http://x --oidc-issuer foo --oidc-client-id c", "", "is not the URL of a provider"),
        ("a http://x --oidc-issuer http://far.example --oidc-client-id c", "", "has no https"),
        ("a http://x --oidc-issuer https://far.example", "", '"--oidc-client-id"'),
        ("a http://x ada pw --oidc-client-id c", "", '"--oidc-issuer"'),
        ("a http://x ada pw --oidc-scopes s", "", '"--oidc-issuer"'),
        ("a http://x --token-command 'x", "", "--token-command: no closing quotation"),
        ("a http://x --token-command x -o egi", "", "only one of"),
        ("a http://x ada --token-command x", "", "only 2 arguments"),
        ("(environment) http://x ada pw", "", "is not an id"),
        ("a http://x ada pw --client-key k", "", "--client-key goes with --client-cert"),
    ],
)
def test_logins_that_could_never_work_are_refused(run: Runner, words: str, given: str, message: str) -> None:
    result = run("cluster", "add", *words.split(), "--no-check", input=given)
    assert (result.code, message in result.err, run.config.exists()) == (2, True, False)


def test_a_login_that_took_long_does_not_bring_back_what_was_changed_meanwhile(
    run: Runner, provider: ScriptedProvider
) -> None:
    words = ("--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT, "--no-check")
    assert run("cluster", "add", "a", "http://x", *words).code == 0

    def change(_request: Request) -> Answer:
        provider.interval = 1
        assert run("cluster", "add", "a", "http://y", *words, "--force").code == 0
        return answer(_request)

    answer = provider.reply_to
    provider.reply_to = lambda request: (  # type: ignore[method-assign]
        change(request) if request.path == DEVICE else answer(request)
    )
    result = run("auth", "login", "--device", "--insecure-storage")
    assert (result.code, "was changed meanwhile" in result.err) == (1, True)
    assert entry(run)["endpoint"] == "http://y"
    assert "oidc_refresh_token" not in entry(run)


# -- one secret, in one place ----------------------------------------------------------------------


def test_no_provider_is_sent_the_refresh_token_of_another(
    run: Runner, provider: ScriptedProvider, keys: Path, env: dict[str, str]
) -> None:
    words = ("cluster", "add", "a", "http://x", "--no-check")
    token = provider.log_in()
    assert run(*words, "-t", "-", input=token, env=env).code == 0
    with ScriptedProvider() as other:
        at_other = ("--oidc-issuer", other.issuer, "--oidc-client-id", CLIENT)
        assert run(*words, *at_other, env=env).code == 0
        assert (run("auth", "token", env=env).code, secrets_in(keys)) == (4, [])
        # And when somebody writes another provider into the file.
        assert run(*words, "-t", "-", input=token, env=env).code == 0
        run.write_config(run.config.read_text().replace(provider.issuer, other.issuer))
        result = run("auth", "token", env=env)
        assert (result.code, "of another provider" in result.err) == (4, True)
        assert other.requests == []


def test_another_kind_of_login_leaves_no_secret_behind(
    run: Runner, provider: ScriptedProvider, keys: Path, env: dict[str, str]
) -> None:
    words = ("cluster", "add", "a", "http://x", "--no-check")
    assert run(*words, "-t", "-", input=provider.log_in(), env=env).code == 0
    assert add(run, "http://x", env).code == 0
    assert secrets_in(keys) == [SECRET]
    assert run(*words, "-t", "-", input=provider.log_in(), env=env).code == 0
    assert SECRET not in secrets_in(keys)


@pytest.mark.parametrize("backend", ["locked_keyring.LockedKeyring", "file_keyring.FileKeyring"])
@pytest.mark.parametrize(
    "words",
    [("auth", "logout"), ("cluster", "delete", "a"), ("cluster", "secrets", "move", "--to", "keyring")],
)
def test_a_token_that_could_not_be_written_goes_with_the_login(
    run: Runner, provider: ScriptedProvider, keys: Path, backend: str, words: tuple[str, ...]
) -> None:
    run.write_config(
        f"oscar:\n  a:\n    endpoint: http://x\n    oidc_refresh_token: {provider.log_in()}\ndefault: a\n"
    )
    env = keyring_env(backend, keys)
    assert run("auth", "token", env=env).code == 0
    # A keyring that is silent is no reason to keep the new token elsewhere than in the file.
    assert not list(run.home.glob(".cache/oscar-cli/tokens/*.successor"))
    provider.forget_access()
    run.config.chmod(0o400)
    for path in run.home.glob(".cache/oscar-cli/tokens/*.json"):
        path.unlink()
    assert run("auth", "token", env=env).code == 0
    assert len(list(run.home.glob(".cache/oscar-cli/tokens/*.successor"))) == 1
    run.config.chmod(0o600)
    run(*words, env=env)
    is_kept = words[0] == "cluster" and words[1] == "secrets" and backend.startswith("locked")
    assert len(list(run.home.glob(".cache/oscar-cli/tokens/*.successor"))) == is_kept


def test_a_logout_that_cannot_be_written_ends_nothing(run: Runner, provider: ScriptedProvider) -> None:
    token = provider.log_in()
    run.write_config(f"oscar:\n  a:\n    endpoint: http://x\n    oidc_refresh_token: {token}\ndefault: a\n")
    run.config.chmod(0o400)
    assert run("auth", "logout").code == 3
    assert not provider.has_ended(token)
    assert run("auth", "token").code == 0


def test_nobody_waits_for_a_person_who_is_asked(run: Runner, provider: ScriptedProvider) -> None:
    """The login that is there can be used while the question about the next one stands."""
    token = provider.log_in()
    run.write_config(f"oscar:\n  a:\n    endpoint: http://x\n    oidc_refresh_token: {token}\ndefault: a\n")
    used: list[int] = []

    def use() -> str:
        used.append(run("auth", "token").code)
        return "n\n"

    begun = time.monotonic()
    words = ("cluster", "add", "a", "http://x", "-t", "-", "--no-check", "--force")
    answers = [("Refresh token:", f"{provider.log_in()}\n"), ("[y/N]", Late(use))]
    result = run.terminal(*words, answers=answers)
    assert (result.code, used) == (1, [0])
    assert time.monotonic() - begun < 50


class Late(str):
    """An answer that is known when it is needed."""

    def __new__(cls, _ask: object) -> Late:
        return super().__new__(cls, "n\n")

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask

    def encode(self, *_arguments: str) -> bytes:
        return self._ask().encode()


@pytest.mark.parametrize("name", ["folder", "file/config.yaml", "loop.yaml"])
def test_a_place_that_can_hold_no_configuration_is_said_to_be_none(run: Runner, name: str) -> None:
    (run.home / "folder").mkdir()
    (run.home / "file").write_text("")
    (run.home / "loop.yaml").symlink_to("loop.yaml")
    words = ("cluster", "add", "a", "http://x", "ada", "--password-stdin", "--config", str(run.home / name))
    result = run(*words, input=SECRET)
    assert (result.code, "unexpected" in result.err) == (3, False)


def test_what_is_to_be_in_the_file_asks_no_keyring(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("the keyring was asked")

    monkeypatch.setattr(OsKeyring, "_within_limit", refuse)
    words = ("cluster", "add", "a", "http://x", "ada", "--password-stdin", "--no-check", "--insecure-storage")
    assert call(*words, input=SECRET).code == 0
    assert SECRET in call.config.read_text()
