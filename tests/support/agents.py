"""The real oidc-agent for tests, with accounts of a scripted provider."""

from __future__ import annotations

import base64
import os
import pty
import shutil
import socket
import subprocess
import tempfile
import termios
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.oidc import ScriptedProvider
from tests.support.server import Answer, Request

PROGRAMS = ("oidc-agent", "oidc-gen", "oidc-add", "oidc-token")
PASSWORD = "of-the-account"
PATIENCE = 120.0


class AgentProvider(ScriptedProvider):
    """The scripted provider for oidc-agent, which tells its client in a header instead of the form."""

    def __enter__(self) -> AgentProvider:
        super().__enter__()
        return self

    def reply_to(self, request: Request) -> Answer:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            client, _, _secret = base64.b64decode(value).decode().partition(":")
            request = replace(request, body=request.body + f"&client_id={client}".encode())
        return super().reply_to(request)


class RealAgent:
    """The agent of this machine, with a home, accounts and a socket of its own; skips where there is none.

    Its questions to a person go to a program that answers with `prompt_answer`; while that is `None` nobody
    answers them: as when a person closes the window.

    Attributes:
        environ: variables that lead to it.
        refresh_token: what the last account was made from.
    """

    def __init__(self) -> None:
        missing = [name for name in PROGRAMS if shutil.which(name) is None]
        if missing:
            pytest.skip(f"{', '.join(missing)} not installed: they are in the package oidc-agent-cli")
        # Short: paths of sockets have a limit of 107 letters.
        self._folder = tempfile.TemporaryDirectory(prefix="agent")
        self.folder = Path(self._folder.name)
        for name in ("home", "accounts", "bin"):
            (self.folder / name).mkdir(mode=0o700)
        self.socket = self.folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.refresh_token = ""
        self.prompt_answer = None
        self.environ = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "OIDC_SOCK": str(self.socket),
        }
        self._own_environ = {
            **self.environ,
            "HOME": str(self.folder / "home"),
            "OIDC_CONFIG_DIR": str(self.folder / "accounts"),
            "OIDC_ENCRYPTION_PW": PASSWORD,
        }

    def __enter__(self) -> RealAgent:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._folder.cleanup()

    @property
    def prompt_answer(self) -> str | None:
        """What a person types when the agent asks; `None` when nobody does."""
        return self._prompt_answer

    @prompt_answer.setter
    def prompt_answer(self, value: str | None) -> None:
        self._prompt_answer = value
        script = "exit 1\n" if value is None else f"echo '{value}'\n"
        program = self.folder / "bin" / "oidc-prompt"
        program.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/prompts\n{script}')
        program.chmod(0o700)

    @property
    def prompts(self) -> str:
        """What the agent asked a person."""
        place = self.folder / "prompts"
        return place.read_text() if place.exists() else ""

    def start(self) -> None:
        """Start the agent and wait until it listens."""
        self._process = subprocess.Popen(
            ["oidc-agent", "--console", f"--socket-path={self.socket}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._own_environ,
        )
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            assert self._process.poll() is None, "oidc-agent does not start"
            assert time.monotonic() < deadline, "oidc-agent does not listen"
            time.sleep(0.02)

    def stop(self) -> None:
        """End the agent as by kill; its socket stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
        self._process = None

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.socket)) == 0

    def make(self, name: str, provider: AgentProvider) -> None:
        """Make an account from a refresh token of the provider; it is loaded then."""
        scope = "openid profile offline_access"
        self.refresh_token = provider.log_in(scope)
        self._call(
            "oidc-gen",
            f"--issuer={provider.issuer}",
            "--client-id=oscar-cli",
            # Without one the agent cannot be unlocked again.
            "--client-secret=of-the-client",
            f"--rt={self.refresh_token}",
            f"--scope={scope}",
            "--pw-env",
            "--no-url-call",
            "--confirm-yes",
            "--prompt=none",
            name,
        )

    def load(self, name: str, *options: str) -> None:
        """Load an account."""
        self._call("oidc-add", "--pw-env", *options, name)

    def unload(self, name: str) -> None:
        """Unload it."""
        self._call("oidc-add", "--remove", name)

    def lock(self) -> None:
        """Lock the agent with a password; the program takes it from a terminal alone."""
        self._type_password("--lock", "Enter lock password", "Confirm lock password")

    def unlock(self) -> None:
        """Unlock it."""
        self._type_password("--unlock", "Enter lock password")

    def _type_password(self, option: str, *prompts: str) -> None:
        master, slave = pty.openpty()
        process = subprocess.Popen(
            ["oidc-add", option], stdin=slave, stdout=slave, stderr=slave, env=self._own_environ
        )
        # Else the end of what is shown is not seen.
        os.close(slave)
        shown = b""
        for prompt in prompts:
            while prompt.encode() not in shown:
                shown += os.read(master, 1024)
            # It empties its input when it turns the echo off.
            while termios.tcgetattr(master)[3] & termios.ECHO:
                time.sleep(0.01)
            os.write(master, b"lock-password\n")
        with suppress(OSError):
            while piece := os.read(master, 1024):
                shown += piece
        os.close(master)
        assert process.wait(PATIENCE) == 0, shown.decode()

    def _call(self, *argv: str) -> None:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            env=self._own_environ,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
