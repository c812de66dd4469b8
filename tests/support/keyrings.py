"""A real keyring for tests: gnome-keyring on a message bus of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pytest

from tests.support import forked

PROGRAMS = {"dbus-daemon": "dbus-daemon", "gnome-keyring-daemon": "gnome-keyring"}
PASSWORD = b"of-the-keyring"
PATIENCE = 120.0
# Without services of the machine: nothing is started that a test did not start, no window asks for anything.
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
LOCK = "secretstorage.get_default_collection(secretstorage.dbus_init()).lock()"
READ = """
found = secretstorage.get_default_collection(secretstorage.dbus_init()).get_all_items()
print(json.dumps([[item.get_attributes(), item.get_secret().decode()] for item in found]))
"""
ANSWERS = "secretstorage.get_default_collection(secretstorage.dbus_init())"


class RealKeyring:
    """A keyring, unlocked, that is asked over the bus; skips where its programs are not installed.

    Attributes:
        environ: variables under which programs find it.
    """

    def __init__(self) -> None:
        missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
        if missing:
            pytest.skip(f"no keyring to ask: the package {' and '.join(missing)} is not installed")
        # Short: paths of sockets have a limit of 107 letters.
        self._folder = tempfile.TemporaryDirectory(prefix="keys")
        folder = Path(self._folder.name)
        for name in ("home", "run", "data"):
            (folder / name).mkdir(mode=0o700)
        self._socket = folder / "bus"
        self._config = folder / "bus.conf"
        self._config.write_text(BUS.format(socket=self._socket))
        self._home = folder / "home"
        self.environ = {
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self._socket}",
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "XDG_DATA_HOME": str(folder / "data"),
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> RealKeyring:
        self._start("dbus-daemon", "--nofork", f"--config-file={self._config}")
        self._wait(self._socket.exists)
        with tempfile.TemporaryFile() as password:
            password.write(PASSWORD)
            password.seek(0)
            words = ("--unlock", "--components=secrets", "--foreground")
            self._start("gnome-keyring-daemon", *words, stdin=password.fileno())
        self._wait(lambda: self._ask(ANSWERS).returncode == 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait(PATIENCE)
        self._folder.cleanup()

    def secrets(self) -> dict[str, str]:
        """Return the secrets that are in it, by account."""
        done = self._ask(READ)
        assert done.returncode == 0, done.stderr
        return {attributes["username"]: secret for attributes, secret in json.loads(done.stdout)}

    def lock(self) -> None:
        """Lock it; nobody is there to unlock it."""
        done = self._ask(LOCK)
        assert done.returncode == 0, done.stderr

    def freeze(self) -> None:
        """Let it take questions and answer none."""
        self._processes[1].send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """End it; the bus goes on."""
        self._processes[1].kill()
        self._processes[1].wait(PATIENCE)

    def end_bus(self) -> None:
        """End the bus; its address stays in the environment."""
        self._processes[0].kill()
        self._processes[0].wait(PATIENCE)

    def _start(self, *argv: str, stdin: int = subprocess.DEVNULL) -> None:
        process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(self._home), **self.environ},
        )
        self._processes.append(process)

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert all(process.poll() is None for process in self._processes), "the keyring does not start"
            assert time.monotonic() < deadline, "the keyring does not answer"
            time.sleep(0.05)

    def _ask(self, code: str) -> subprocess.CompletedProcess[str]:
        environ = {**forked.SERVER, "PATH": os.environ["PATH"], "HOME": str(self._home), **self.environ}
        script = f"import json, secretstorage\n{code}"
        with forked.start_script(script, env=environ, cwd=self._home, stderr=subprocess.PIPE) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(code, process.returncode, out, err)
