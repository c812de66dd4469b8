"""Names that a cluster told a moment ago: for the next Tab when it is slow or away, and for nobody else."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Runner
from tests.support.server import Answer, Request, ScriptedServer, document

PATIENT = {"OSCAR_CLI_COMPLETION_SECONDS": "60"}
# Less than a cluster needs that waits for a test.
HASTY = {"OSCAR_CLI_COMPLETION_SECONDS": "1.6"}
SERVICES = document([{"name": "text-stats", "image": "alpine:3"}])
TAB = ("__complete", "service", "get", "te")
TOLD = "text-stats\talpine:3\n:\n"


class SlowList:
    """The list of services, which comes at once, or when a test says so."""

    def __init__(self) -> None:
        self.may_come = threading.Event()

    def __call__(self, _: Request) -> Answer:
        self.may_come.wait(60)
        return SERVICES


@pytest.fixture
def slow(run: Runner, server: ScriptedServer) -> Iterator[SlowList]:
    listed = SlowList()
    server.always("GET", "/system/services", listed)
    know(run, server.url)
    yield listed
    listed.may_come.set()


def know(run: Runner, url: str, user: str = "ann") -> None:
    run.write_config(
        f"oscar: {{here: {{endpoint: {url}, auth_user: {user}, auth_password: s3cret}}}}\ndefault: here\n"
    )


def remembered(run: Runner) -> list[Path]:
    return list((run.home / ".cache" / "oscar-cli" / "names").glob("*.json"))


def test_a_cluster_that_became_slow_is_remembered(run: Runner, slow: SlowList) -> None:
    slow.may_come.set()
    assert run(*TAB, env=PATIENT).out == TOLD
    slow.may_come.clear()
    # Its limit is far away: it is not waited for.
    assert run(*TAB, env=PATIENT).out == TOLD


def test_a_cluster_that_went_away_is_remembered(run: Runner) -> None:
    with ScriptedServer() as server:
        server.always("GET", "/system/services", SERVICES)
        know(run, server.url)
        assert run(*TAB, env=PATIENT).out == TOLD
    assert run(*TAB, env=PATIENT).out == TOLD


def test_a_cluster_that_is_always_slow_has_its_names_at_the_second_tab(
    run: Runner, slow: SlowList, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    assert run(*TAB, env=HASTY).out == ":\n"
    slow.may_come.set()
    wait_until(lambda: bool(remembered(run)))
    slow.may_come.clear()
    assert run(*TAB, env=PATIENT).out == TOLD


def test_what_is_new_is_told_by_a_cluster_that_answers(run: Runner, server: ScriptedServer) -> None:
    know(run, server.url)
    for name in ("text-one", "text-two"):
        server.expect("GET", "/system/services", document([{"name": name}]))
        assert run(*TAB, env=PATIENT).out == f"{name}\n:\n"


@pytest.mark.parametrize("change", ["age", "user", "cluster", "mode"])
def test_old_names_and_those_of_others_are_none(run: Runner, change: str) -> None:
    with ScriptedServer() as server:
        server.always("GET", "/system/services", SERVICES)
        know(run, server.url)
        assert run(*TAB, env=PATIENT).out == TOLD
        (file,) = remembered(run)
        if change == "age":
            entry = json.loads(file.read_text())
            file.write_text(json.dumps({**entry, "at": entry["at"] - 61}))
        elif change == "user":
            know(run, server.url, "bob")
        elif change == "cluster":
            know(run, f"{server.url}/other")
        else:
            file.chmod(0o644)
    assert run(*TAB, env=PATIENT).out == ":\n"


def test_a_login_that_is_refused_sees_nothing_of_what_it_saw(run: Runner, server: ScriptedServer) -> None:
    know(run, server.url)
    server.expect("GET", "/system/services", SERVICES)
    server.expect("GET", "/system/services", Answer(401))
    assert [run(*TAB, env=PATIENT).out for _ in range(2)] == [TOLD, ":\n"]


def test_what_is_kept_is_for_its_owner_alone_and_no_secret(run: Runner, server: ScriptedServer) -> None:
    know(run, server.url)
    server.always("GET", "/system/services", SERVICES)
    run(*TAB, env=PATIENT)
    (file,) = remembered(run)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    entry = json.loads(file.read_text())
    assert (entry["names"], set(entry)) == ([["text-stats", "alpine:3"]], {"at", "names"})
    assert "ann" not in file.name


def test_a_folder_that_cannot_be_written_costs_no_names(run: Runner, server: ScriptedServer) -> None:
    know(run, server.url)
    server.always("GET", "/system/services", SERVICES)
    (run.home / ".cache").write_text("a file")
    assert run(*TAB, env=PATIENT).out == TOLD
