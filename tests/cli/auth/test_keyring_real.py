"""A real keyring: passwords go into it and come out, and it may be locked, frozen or gone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import Outcome, Runner, ScriptedServer
from tests.support import forked
from tests.support.daily import daily
from tests.support.keyrings import RealKeyring
from tests.support.server import document

SECRET = "marked-s3cr3t"
BASIC = "Basic YWRhOm1hcmtlZC1zM2NyM3Q="


@pytest.fixture
def keyring() -> Iterator[RealKeyring]:
    """A keyring on a bus of its own, unlocked."""
    with RealKeyring() as real:
        yield real


@pytest.fixture
def user(world: dict[str, str], keyring: RealKeyring) -> Runner:
    """The command for somebody who has that keyring, found as on a desktop."""
    environ = {**world, **keyring.environ}
    del environ["PYTHON_KEYRING_BACKEND"]
    if not forked.can_run(environ):
        # The library that asks the bus leaves its socket to the end of the interpreter.
        environ["PYTHONWARNINGS"] = "ignore::ResourceWarning"
    return Runner(Path(world["HOME"]), environ)


def add(user: Runner, endpoint: str) -> Outcome:
    words = ("cluster", "add", "a", endpoint, "ada", "--password-stdin", "--no-check")
    outcome = user(*words, input=f"{SECRET}\n")
    assert outcome.code == 0
    return outcome


def password_in_file(user: Runner) -> str | None:
    found: str | None = yaml.safe_load(user.config.read_text())["oscar"]["a"].get("auth_password")
    return found


def test_a_new_password_is_in_the_keyring_and_logs_in(
    user: Runner, keyring: RealKeyring, server: ScriptedServer
) -> None:
    outcome = add(user, server.url)
    assert "plain text" not in outcome.err
    assert list(keyring.secrets().values()) == [SECRET]
    assert SECRET not in user.config.read_text()
    server.expect("GET", "/system/services", document([]))
    assert user("service", "list").code == 0
    assert server.requests[0].headers["authorization"] == BASIC


@pytest.mark.thorough
def test_secrets_move_to_the_file_and_back(user: Runner, keyring: RealKeyring) -> None:
    add(user, "https://oscar.example.org")
    moved = user("cluster", "secrets", "move", "--to", "file")
    assert moved.code == 0
    assert password_in_file(user) == SECRET
    assert keyring.secrets() == {}
    assert user("cluster", "secrets", "move", "--to", "keyring").code == 0
    assert password_in_file(user) is None
    assert list(keyring.secrets().values()) == [SECRET]
    assert SECRET not in moved.out + moved.err


@pytest.mark.thorough
def test_status_and_logout_know_it(user: Runner, keyring: RealKeyring) -> None:
    add(user, "https://oscar.example.org")
    (row,) = json.loads(user("auth", "status", "-o", "json").out)
    assert row["state"] == "logged in"
    assert "SecretService" in row["kept_in"]
    assert user("auth", "logout", "-c", "a").code == 0
    assert keyring.secrets() == {}


@pytest.mark.thorough
def test_a_cluster_that_is_forgotten_takes_its_secret_along(user: Runner, keyring: RealKeyring) -> None:
    add(user, "https://oscar.example.org")
    assert user("cluster", "delete", "a").code == 0
    assert keyring.secrets() == {}


@pytest.mark.parametrize(
    ("harm", "reason"),
    daily(
        [
            (RealKeyring.lock, "the keyring cannot be asked: it is locked"),
            (RealKeyring.freeze, "the keyring cannot be asked: it does not answer within 3 s"),
            (RealKeyring.end, "there is no keyring here that could have it"),
            (RealKeyring.end_bus, "there is no keyring here that could have it"),
        ],
        RealKeyring.lock,
    ),
)
def test_a_keyring_that_fails_is_told_in_time(
    user: Runner,
    keyring: RealKeyring,
    server: ScriptedServer,
    harm: Callable[[RealKeyring], None],
    reason: str,
) -> None:
    add(user, server.url)
    harm(keyring)
    started = time.monotonic()
    outcome = user("service", "list")
    # Three seconds, and what a busy machine needs to start a program.
    assert time.monotonic() - started < 20
    assert (outcome.code, outcome.out) == (4, "")
    assert reason in outcome.err
    assert "oscar-cli auth login -c a" in outcome.err
    assert server.requests == []


@pytest.mark.parametrize(
    "harm",
    daily([RealKeyring.lock, RealKeyring.freeze, RealKeyring.end, RealKeyring.end_bus], RealKeyring.end_bus),
)
def test_a_script_that_adds_a_cluster_goes_on_without_it(
    user: Runner, keyring: RealKeyring, harm: Callable[[RealKeyring], None]
) -> None:
    harm(keyring)
    outcome = add(user, "https://oscar.example.org")
    assert "plain text" in outcome.err
    assert password_in_file(user) == SECRET
    assert SECRET not in outcome.out + outcome.err


@pytest.mark.parametrize("harm", daily([RealKeyring.lock, RealKeyring.freeze], RealKeyring.lock))
def test_a_move_that_fails_leaves_the_secret_where_it_is(
    user: Runner, keyring: RealKeyring, harm: Callable[[RealKeyring], None]
) -> None:
    add(user, "https://oscar.example.org")
    assert user("cluster", "secrets", "move", "--to", "file").code == 0
    harm(keyring)
    outcome = user("cluster", "secrets", "move", "--to", "keyring")
    assert outcome.code == 1
    assert password_in_file(user) == SECRET
    assert SECRET not in outcome.out + outcome.err
