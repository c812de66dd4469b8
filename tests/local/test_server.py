"""The server and its data directory: ports, lock, settings, what a reset removes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from oscarcli.errors import OscarError
from oscarcli.local import control
from oscarcli.local.folder import DataFolder, FolderTakenError, remove_tree
from oscarcli.local.options import Binding, Endpoints, Options, endpoint
from oscarcli.local.server import Server
from tests.local.harness import LocalCluster, wait_for
from tests.support.daily import daily

ANY = Binding(port=0, s3_port=0)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    folder = DataFolder(tmp_path / "data")
    yield folder
    control.stop(folder)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_the_directory_and_its_secrets_are_for_the_user_alone(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    folder = start_cluster().folder
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert (folder.path / "settings.json").stat().st_mode & 0o777 == 0o600
    for name in ("state.db", "state.db-wal", "state.db-shm", "lock"):
        assert (folder.path / name).stat().st_mode & 0o777 == 0o600, name
    settings = json.loads((folder.path / "settings.json").read_text())
    assert settings["user"] == "oscar"
    assert min(len(settings[key]) for key in ("password", "access_key", "secret_key")) >= 20


def test_files_that_others_could_read_are_closed_to_them(start_cluster: Callable[..., LocalCluster]) -> None:
    first = start_cluster()
    first.close()
    database = first.folder.database
    database.chmod(0o644)
    start_cluster()
    assert database.stat().st_mode & 0o777 == 0o600
    assert database.with_name("state.db-wal").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_credentials_and_ports_stay_from_start_to_start(folder: DataFolder) -> None:
    first = control.start(folder, ANY, Options())
    control.stop(folder)
    again = control.start(folder, Binding(), Options())
    assert (again.settings, again.endpoints) == (first.settings, first.endpoints)
    control.stop(folder)
    assert control.start(folder, ANY, Options()).endpoints == first.endpoints, "0 keeps the port it found"


@pytest.mark.thorough
def test_a_remembered_port_that_is_taken_now_is_named_or_replaced(folder: DataFolder) -> None:
    first = control.start(folder, ANY, Options())
    control.stop(folder)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", first.settings.port))
        listener.listen()
        with pytest.raises(OscarError, match=f"port {first.settings.port}") as caught:
            control.start(folder, Binding(), Options())
        assert caught.value.hint is not None
        assert "--port 0" in caught.value.hint
        second = control.start(folder, ANY, Options())
    assert second.settings.port != first.settings.port
    assert second.settings.s3_port == first.settings.s3_port


@pytest.mark.parametrize("option", daily(["--port", "--s3-port"], "--port"))
def test_a_taken_port_is_named_with_the_way_out(folder: DataFolder, taken_port: int, option: str) -> None:
    binding = (
        Binding(port=taken_port, s3_port=0) if option == "--port" else Binding(port=0, s3_port=taken_port)
    )
    with pytest.raises(OscarError, match=f"port {taken_port}: another program uses this port") as caught:
        control.start(folder, binding, Options())
    assert caught.value.hint == f"add '{option} 0' to find a free port, or name another one"
    assert folder.holder() is None
    assert control.start(folder, ANY, Options()).was_running is False


def test_starting_twice_is_one_server(folder: DataFolder) -> None:
    first = control.start(folder, ANY, Options())
    pid = folder.holder()
    second = control.start(folder, ANY, Options())
    assert (second.was_running, second.endpoints, folder.holder()) == (True, first.endpoints, pid)


@pytest.mark.thorough
def test_starts_at_the_same_time_are_one_server(folder: DataFolder) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: control.start(folder, ANY, Options()), range(4)))
    assert len({item.endpoints for item in started}) == 1
    assert httpx.get(f"{started[0].endpoints.api}/health", trust_env=False, verify=False).text == "Ok"


@pytest.mark.thorough
def test_a_second_server_on_the_directory_is_refused_and_names_the_first(folder: DataFolder) -> None:
    control.start(folder, ANY, Options())
    with pytest.raises(FolderTakenError, match=f"pid {folder.holder()} is using it"):
        Server(folder, ANY, Options())
    words = [sys.executable, "-m", "oscarcli.local", "--data-dir", str(folder.path), "--port", "0"]
    second = subprocess.run(words, capture_output=True, check=False, timeout=60)
    assert second.returncode == 1
    assert f"pid {folder.holder()}".encode() in second.stderr
    assert b"Traceback" not in second.stderr


def test_a_pid_left_behind_is_nobody(folder: DataFolder) -> None:
    folder.create()
    (folder.path / "lock").write_text(str(os.getpid()))
    assert folder.holder() is None
    assert control.stop(folder) is False
    assert control.status(folder) == control.Status(None, None, None, 0, 0)


def test_asking_for_the_holder_does_not_keep_a_server_out(folder: DataFolder) -> None:
    folder.create()
    for _ in range(50):
        descriptor = folder.lock()
        assert folder.holder() == os.getpid()
        os.close(descriptor)


def test_the_ready_server_answers_on_both_ports(folder: DataFolder) -> None:
    started = control.start(folder, ANY, Options())
    assert httpx.get(f"{started.endpoints.api}/health", trust_env=False, verify=False).text == "Ok"
    assert httpx.get(started.endpoints.s3, trust_env=False, verify=False).status_code == 403


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OscarError, match="use the data directory"):
        control.start(DataFolder(tmp_path / "file" / "data"), ANY, Options())


def test_settings_that_cannot_be_read_are_named(folder: DataFolder) -> None:
    folder.create()
    (folder.path / "settings.json").write_text("{")
    with pytest.raises(OscarError, match=r"settings\.json") as caught:
        control.start(folder, ANY, Options())
    assert "oscar-cli local reset" in (caught.value.hint or "")


def test_a_database_of_a_newer_program_is_not_touched(folder: DataFolder) -> None:
    import sqlite3
    from contextlib import closing

    folder.create()
    with closing(sqlite3.connect(folder.database)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(OscarError, match="schema 999"):
        control.start(folder, ANY, Options())


def test_a_server_that_dies_at_its_start_is_told_from_its_log(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(OscarError, match="its process ended") as caught:
        control.start(folder, ANY, Options())
    assert "server.log" in (caught.value.hint or "")


@pytest.mark.thorough
def test_a_reset_removes_what_is_ours_and_nothing_else(folder: DataFolder) -> None:
    control.start(folder, ANY, Options())
    (folder.path / "mine").write_text("keep")
    control.reset(folder)
    assert folder.holder() is None
    assert [path.name for path in folder.path.iterdir()] == ["mine"]
    (folder.path / "mine").unlink()
    control.start(folder, ANY, Options())
    control.reset(folder)
    assert not folder.path.exists()
    control.reset(folder)


def test_a_server_that_hangs_is_killed(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.create()
    hang = (
        "import signal, sys, time; from pathlib import Path; from oscarcli.local.folder import DataFolder\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); DataFolder(Path(sys.argv[1])).lock(); time.sleep(60)"
    )
    monkeypatch.setattr(control, "STOP_SECONDS", 0.2)
    with subprocess.Popen([sys.executable, "-c", hang, str(folder.path)]) as process:
        wait_for(lambda: folder.holder() == process.pid, "the lock to be taken")
        assert control.stop(folder)
        assert process.wait(timeout=120) == -9


@pytest.mark.thorough
def test_the_server_takes_sigint_as_a_stop(folder: DataFolder) -> None:
    words = [
        sys.executable,
        "-m",
        "oscarcli.local",
        "--data-dir",
        str(folder.path),
        "--port",
        "0",
        "--s3-port",
        "0",
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        wait_for(lambda: (settings := folder.read_settings()) and settings.s3_port, "the ports")
        wait_for(lambda: control.start(folder, ANY, Options()).was_running, "the server")
        process.send_signal(2)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    assert log.decode().rstrip().endswith("INFO stopped")


def test_endpoints_are_what_a_program_here_connects_to() -> None:
    assert endpoint("0.0.0.0", 1) == "http://127.0.0.1:1"
    assert endpoint("::1", 2) == "http://[::1]:2"
    assert Endpoints("a", "b").s3 == "b"


def test_a_tree_with_odd_modes_is_removed(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    (inner / "file").write_text("")
    (tmp_path / "a" / "link").symlink_to(tmp_path)
    inner.chmod(0)
    inner.parent.chmod(0o500)
    remove_tree(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_the_default_directory_is_below_xdg_data_home() -> None:
    home = Path.home()
    assert control.default_folder("x", {"XDG_DATA_HOME": "/data"}) == Path("/data/oscar-cli/local/x")
    for environ in ({}, {"XDG_DATA_HOME": "relative"}):
        assert control.default_folder("x", environ) == home / ".local/share/oscar-cli/local/x"


def test_a_long_change_does_not_keep_readers_waiting(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    with cluster.server.cluster.state.transaction():
        assert cluster.api.get("/system/services", timeout=20).json() == []


def test_a_port_that_is_taken_leaves_no_socket_behind(taken_port: int) -> None:
    import gc

    from oscarcli.local.http.listener import Listener
    from oscarcli.local.http.messages import Response

    with pytest.raises(OSError, match="in use"):
        Listener("127.0.0.1", taken_port, lambda _request: Response())
    gc.collect()


STARTED = """
import sys
from pathlib import Path
from oscarcli.local.folder import DataFolder
from oscarcli.local.options import Binding, Options
from oscarcli.local.server import Server
server = Server(DataFolder(Path(sys.argv[1])), Binding(port=0, s3_port=0), Options())
server.start()
print(*sys.modules)
server.stop()
"""
# What runs, users, images, mounts, exposed services and federations need; most clusters never do.
NOT_AT_START = {
    "ctypes",
    "fractions",
    "http.client",
    "joserfc",
    "oscarcli.local.exposed.deployment",
    "oscarcli.local.exposed.relay",
    "oscarcli.local.images.pulls",
    "oscarcli.local.jobs.federation.delegation",
    "oscarcli.local.jobs.mounts.folder",
    "oscarcli.local.users.table",
    "urllib.request",
    "xml.sax",
}


def test_a_start_loads_only_what_every_cluster_needs(tmp_path: Path) -> None:
    words = [sys.executable, "-c", STARTED, str(tmp_path / "data")]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert "oscarcli.local.rest.listener" in loaded
    assert NOT_AT_START & set(loaded) == set()
