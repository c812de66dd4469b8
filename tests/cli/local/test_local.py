"""`local`: the commands that drive the cluster on this machine, run as a person would."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from oscarcli.errors import ExitCode
from tests.conftest import Runner
from tests.support.keyring_env import keyring_env, secrets_in

Run = Any
FREE = ("--port", "0", "--s3-port", "0")


@pytest.fixture
def local(run: Run, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Run `local VERB` on a data directory of the test's own."""
    place = ("--data-dir", tmp_path / "data")

    def local(verb: str, *words: str, **arguments: Any) -> Any:
        return run("local", verb, *place, *words, **arguments)

    yield local
    run("local", "reset", *place, "--yes")


def test_start_prints_where_it_is_and_stores_the_default_cluster(
    run: Run, local: Callable[..., Any], tmp_path: Path
) -> None:
    started = local("start", *FREE)
    assert started.code == 0
    assert started.err == (
        "next: 'oscar-cli init hello' writes a service, 'oscar-cli apply hello/fdl.yaml' creates it\n"
    )
    lines = started.out.splitlines()
    assert lines[0] == 'Local cluster "local" is running'
    assert re.fullmatch(r"Endpoint: +http://127\.0\.0\.1:\d+", lines[1])
    assert re.fullmatch(r"S3 endpoint: +http://127\.0\.0\.1:\d+", lines[2])
    assert re.fullmatch(r"Engine: +host", lines[3])
    assert re.fullmatch(rf"Data directory: +{tmp_path / 'data'}", lines[4])
    config = yaml.safe_load(run.config.read_text())
    assert config["default"] == "local"
    entry = config["oscar"]["local"]
    assert entry["endpoint"] == lines[1].split()[-1]
    assert entry["auth_user"] == "oscar"
    assert run("cluster", "info").code == 0, "the stored password works"


def test_starting_again_says_so_and_mends_the_entry(run: Run, local: Callable[..., Any]) -> None:
    first = local("start", *FREE)
    run("cluster", "delete", "local")
    again = local("start")
    assert (again.code, again.out) == (0, first.out)
    assert again.err == 'the local cluster "local" is running already\n'
    assert run("cluster", "info").code == 0


def test_another_default_cluster_stays_the_default(run: Run, local: Callable[..., Any]) -> None:
    run("cluster", "add", "mine", "https://127.0.0.1:1", "user", "password", "--no-check")
    assert "'oscar-cli apply -c local hello/fdl.yaml'" in local("start", *FREE).err
    config = yaml.safe_load(run.config.read_text())
    assert (config["default"], set(config["oscar"])) == ("mine", {"mine", "local"})


def test_a_real_cluster_of_that_id_is_not_replaced(run: Run, local: Callable[..., Any]) -> None:
    run("cluster", "add", "local", "https://oscar.example.org", "user", "password", "--no-check")
    refused = local("start", *FREE)
    assert (refused.code, refused.out) == (ExitCode.CONFIG, "")
    assert "--name" in refused.err
    assert local("start", "--name", "other", *FREE).code == 0
    assert set(yaml.safe_load(run.config.read_text())["oscar"]) == {"local", "other"}


def test_status_in_every_form_and_by_its_exit_code(local: Callable[..., Any]) -> None:
    stopped = local("status", "-o", "json")
    assert stopped.code == ExitCode.FAILED
    assert json.loads(stopped.out)["running"] is False
    local("start", *FREE)
    running = local("status", "-o", "json")
    assert running.code == 0
    document = json.loads(running.out)
    assert set(document) == {
        "name",
        "running",
        "pid",
        "endpoint",
        "s3_endpoint",
        "engine",
        "data_dir",
        "jobs",
    }
    assert document["engine"] == {"name": "host", "version": ""}
    assert (document["running"], document["jobs"]) == (True, {"pending": 0, "running": 0})
    assert yaml.safe_load(local("status", "-o", "yaml").out) == document
    header, row = local("status").out.splitlines()
    assert header.split()[:4] == ["NAME", "STATUS", "PID", "ENDPOINT"]
    assert row.split()[:4] == ["local", "running", str(document["pid"]), document["endpoint"]]
    local("stop")
    header, row = local("status").out.splitlines()
    assert row.split()[:4] == ["local", "stopped", "-", document["endpoint"]]


def test_stop_waits_and_is_harmless_to_repeat(local: Callable[..., Any]) -> None:
    local("start", *FREE)
    pid = json.loads(local("status", "-o", "json").out)["pid"]
    stopped = local("stop")
    assert (stopped.code, stopped.out) == (0, 'Local cluster "local" stopped\n')
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or " Z " in state.read_text(), "it is gone, if not yet reaped by its parent"
    again = local("stop")
    assert (again.code, again.out, again.err) == (0, "", 'the local cluster "local" is not running\n')


def test_a_cluster_is_found_by_its_id_wherever_its_data_are(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    assert run("local", "start", "--name", "far", "--data-dir", place, *FREE).code == 0
    status = json.loads(run("local", "status", "--name", "far", "-o", "json").out)
    assert (status["running"], status["data_dir"]) == (True, str(place))
    assert run("local", "start", "--name", "far").err == 'the local cluster "far" is running already\n'
    stopped = run("local", "stop", "--name", "far", "-o", "json")
    assert json.loads(stopped.out) == {"name": "far", "was_running": True}
    assert run("local", "logs", "--name", "far").out.rstrip().endswith("INFO stopped")
    assert run("local", "reset", "--name", "far", "--yes").code == 0
    assert not place.exists()


def test_names_it_may_be_asked_under_are_given_at_the_start(run: Run, local: Callable[..., Any]) -> None:
    import httpx

    started = local(
        "start", *FREE, "--allow-host", "one.example", "--allow-host", "Two.example", "-o", "json"
    )
    endpoint = json.loads(started.out)["endpoint"]

    def status(host: str) -> int:
        return httpx.get(
            f"{endpoint}/health", headers={"Host": host}, trust_env=False, verify=False
        ).status_code

    assert [status(f"{name}.example:8080") for name in ("one", "two", "three")] == [200, 200, 403]


def test_start_answers_in_json_too(local: Callable[..., Any], tmp_path: Path) -> None:
    document = json.loads(local("start", "-o", "json", *FREE).out)
    assert set(document) == {"name", "endpoint", "s3_endpoint", "data_dir", "engine"}
    assert document["data_dir"] == str(tmp_path / "data")


def test_a_taken_port_is_named_with_the_way_out(local: Callable[..., Any]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        refused = local("start", "--port", port, "--s3-port", "0")
    assert (refused.code, refused.out) == (ExitCode.FAILED, "")
    assert f"port {port}" in refused.err
    assert "--port 0" in refused.err
    assert local("status").code == ExitCode.FAILED


@pytest.mark.parametrize(
    "words",
    [("--port", "70000"), ("--engine", "lxc"), ("--name", "../x"), ("--parallel", "-1"), ("extra",)],
)
def test_wrong_words_are_usage_errors(local: Callable[..., Any], words: tuple[str, ...]) -> None:
    refused = local("start", *words)
    assert (refused.code, refused.out) == (ExitCode.USAGE, "")


def test_logs_tell_what_the_server_did(local: Callable[..., Any]) -> None:
    missing = local("logs")
    assert (missing.code, missing.out) == (ExitCode.NOT_FOUND, "")
    local("start", *FREE)
    assert "API at http://127.0.0.1:" in local("logs").out


def test_logs_can_be_followed_until_the_cluster_stops(
    run: Run, local: Callable[..., Any], tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    local("start", *FREE)
    follower = run.start("local", "logs", "--follow", "--data-dir", tmp_path / "data")
    assert follower.stdout is not None
    first = follower.stdout.readline().decode()
    assert "API at" in first
    local("stop")
    rest, err = follower.communicate(timeout=60)
    assert rest.decode().splitlines()[-1].endswith("stopped")
    assert (follower.returncode, err) == (0, b"")


def test_reset_asks_for_its_word(run: Run, local: Callable[..., Any], tmp_path: Path) -> None:
    local("start", *FREE)
    refused = local("reset")
    assert refused.code == ExitCode.USAGE
    assert "--yes" in refused.err
    assert local("status").code == 0
    place = ("--data-dir", str(tmp_path / "data"))
    kept = run.terminal("local", "reset", *place, answers=[("Remove all", "n\n")])
    assert (kept.code, local("status").code) == (ExitCode.USAGE, 0)
    gone = run.terminal("local", "reset", *place, answers=[("Remove all", "y\n")])
    assert gone.code == 0
    assert not (tmp_path / "data").exists()
    again = local("reset", "--yes")
    assert again.code == 0


def test_after_a_reset_a_start_stores_the_new_password(run: Run, local: Callable[..., Any]) -> None:
    local("start", *FREE)
    local("reset", "--yes")
    assert local("start", *FREE).code == 0
    assert run("cluster", "info").code == 0


def test_in_the_foreground_it_stays_until_interrupted(
    run: Run, local: Callable[..., Any], tmp_path: Path
) -> None:
    process = run.start("local", "start", "--foreground", "--data-dir", tmp_path / "data", *FREE)
    assert process.stdout is not None
    lines = [process.stdout.readline().decode() for _ in range(4)]
    assert lines[1].startswith("Endpoint:")
    assert local("status").code == 0
    assert run("service", "list").code == 0
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err.decode().rstrip().endswith("INFO stopped")
    assert local("logs").out.rstrip().endswith("INFO stopped")


def test_other_machines_are_warned_of(run: Run, tmp_path: Path) -> None:
    refused = run("local", "start", "--bind", "192.0.2.1", "--data-dir", tmp_path / "data", *FREE)
    assert refused.code == ExitCode.FAILED
    assert "other machines can reach the local cluster at 192.0.2.1" in refused.err
    assert "listen on 192.0.2.1" in refused.err


def test_the_server_leaves_the_callers_directory_and_terminal_alone(
    local: Callable[..., Any], tmp_path: Path
) -> None:
    local("start", *FREE)
    pid = json.loads(local("status", "-o", "json").out)["pid"]
    assert os.getsid(pid) == pid
    if Path("/proc").exists():
        assert Path(f"/proc/{pid}/cwd").resolve() == tmp_path / "data"


def test_a_noun_without_a_verb_is_help(run: Run) -> None:
    shown = run("local")
    assert shown.code == 0
    for verb in ("start", "stop", "status", "logs", "reset"):
        assert verb in shown.out


def test_an_upload_runs_a_service_from_end_to_end(
    run: Run, local: Callable[..., Any], tmp_path: Path
) -> None:
    local("start", *FREE)
    script = tmp_path / "script.sh"
    script.write_text('#!/bin/sh\ntr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/loud.txt"\n')
    fdl = tmp_path / "fdl.yaml"
    fdl.write_text(
        "functions:\n  oscar:\n  - local:\n      name: loud\n      image: none\n      script: script.sh\n"
        "      input:\n      - storage_provider: minio.default\n        path: loud/in\n"
        "      output:\n      - storage_provider: minio.default\n        path: loud/out\n"
    )
    quiet = tmp_path / "quiet.txt"
    quiet.write_text("hello\n")
    assert run("apply", fdl).code == 0
    assert run("service", "put-file", "loud", quiet, "loud/in/quiet.txt").code == 0
    followed = run("service", "logs", "get", "loud", "--latest", "--follow")
    assert followed.code == 0
    assert "Uploading file 'out/loud.txt' to bucket 'loud'" in followed.out
    result = tmp_path / "result.txt"
    assert run("service", "get-file", "loud", "loud/out/loud.txt", result).code == 0
    assert result.read_text() == "HELLO\n"
    assert run("delete", fdl, "--yes").code == 0


def test_a_password_that_was_moved_into_the_keyring_stays_there(run: Runner) -> None:
    keys = run.home / "keyring.json"
    env = keyring_env("file_keyring.FileKeyring", keys)
    start = ("local", "start", "--port", "0", "--s3-port", "0")
    try:
        assert run(*start, env=env).code == 0
        assert run("cluster", "secrets", "move", "--to", "keyring", env=env).code == 0
        (password,) = secrets_in(keys)
        for verb in (("local", "stop"), start, start):
            assert run(*verb, env=env).code == 0
        assert password not in run.config.read_text()
        assert run("service", "list", env=env).code == 0
        # Without the keyring the cluster is usable all the same.
        locked = keyring_env("locked_keyring.LockedKeyring", keys)
        assert run(*start, env=locked).code == 0
        assert run("service", "list", env=locked).code == 0
    finally:
        run("local", "reset", "--yes")
