"""A Docker daemon of the tests' own, beside whatever this machine runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("docker", "dockerd", "containerd", "ip")
START_SECONDS = 60.0


def missing_docker() -> str | None:
    """Return why no daemon can be started here, `None` when one can."""
    for name in PROGRAMS:
        if shutil.which(name) is None:
            return f"there is no {name} here"
    return "only root starts a Docker daemon" if os.geteuid() else None


class DaemonError(Exception):
    """The daemon does not start; the text is what it said last."""


@contextmanager
def docker_variables() -> Iterator[Mapping[str, str]]:
    """Start a daemon and give the variables by which `docker` finds it. Raises DaemonError.

    Its files are in a folder that is none of pytest's, which cannot remove what is mounted, and in no memory
    file system, over which nothing can be laid. It leaves this machine's packet filter alone.
    """
    folder = Path(tempfile.mkdtemp(prefix="oscar-cli-docker-", dir="/var/tmp"))
    bridge = f"oscar{uuid.uuid4().hex[:8]}"
    try:
        with _bridge(bridge), _daemon(folder, bridge) as address:
            yield {"DOCKER_HOST": address, "DOCKER_CONFIG": str(folder), "DOCKER_CONTEXT": "default"}
    finally:
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mounted in sorted((path for path in mounts if path.startswith(f"{folder}/")), reverse=True):
            subprocess.run(["umount", "--lazy", mounted], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _bridge(name: str) -> Iterator[None]:
    """Make a network device for the containers of one daemon: two daemons cannot share Docker's own."""
    network = int(name[-4:], 16)
    address = f"10.{200 + (network >> 8) % 50}.{network & 0xFF}.1/24"
    for words in (["link", "add", name, "type", "bridge"], ["addr", "add", address, "dev", name]):
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise DaemonError(f"there is no network device for it: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)


@contextmanager
def _daemon(folder: Path, bridge: str) -> Iterator[str]:
    address = f"unix://{folder}/docker.sock"
    # Podman reads the second, too, and stumbles over one that is not there.
    for name in ("daemon.json", "config.json"):
        (folder / name).write_text("{}")
    words = ["dockerd", f"--host={address}", f"--config-file={folder}/daemon.json", f"--bridge={bridge}"]
    words += [f"--{name}={folder}/{name}" for name in ("data-root", "exec-root", "pidfile")]
    words += [f"--{name}=false" for name in ("iptables", "ip6tables", "ip-forward", "ip-masq")]
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        _wait(process, address, log)
        yield address
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    words = ["docker", f"--host={address}", "version"]
    while subprocess.run(words, capture_output=True, check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip().splitlines()
            raise DaemonError(said[-1] if said else "the daemon says nothing")
        time.sleep(0.05)
