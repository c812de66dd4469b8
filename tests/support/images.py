"""Images made of busybox, and the settings under which real engines run them here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.docker_daemon import missing_docker

BUSYBOX = shutil.which("busybox")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
FOLDERS = ("bin", "dev", "etc", "home", "proc", "root", "srv", "sys", "tmp")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nworker:x:1234:1234:worker:/home:/bin/sh\n"
CONTAINERS_CONF = """[containers]
netns = "host"
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[engine]
runtime = "runc"
"""


def is_static(program: str) -> bool:
    """Tell whether a program needs no libraries: only so it runs in an image of its own."""
    found = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return "not a dynamic executable" in found.stdout + found.stderr


def missing_busybox() -> str | None:
    """Return why no image can be made here, `None` when one can."""
    if BUSYBOX is None or not is_static(BUSYBOX):
        return "there is no busybox without libraries; apt install busybox-static"
    return None


def layer(files: Mapping[str, bytes], *, shell: bool = True) -> bytes:
    """Return the files of an image, and more of them, as a tar archive, with or without `/bin/sh`."""
    assert BUSYBOX is not None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as target:
        for name in FOLDERS:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            target.addfile(folder)
        content = {
            "bin/busybox": Path(BUSYBOX).read_bytes(),
            "etc/passwd": PASSWD.encode(),
            "etc/group": b"root:x:0:\nworker:x:1234:\n",
            "srv/greeting": b"from the image\n",
            **files,
        }
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            target.addfile(entry, io.BytesIO(data))
        applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
        for name in applets.split():
            if name != "busybox" and (shell or name not in ("sh", "ash", "bash")):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                target.addfile(link)
    return buffer.getvalue()


def write_archive(
    path: Path, tag: str, *, shell: bool = True, files: Mapping[str, bytes] | None = None, **config: Any
) -> str:
    """Write an image as `docker save` does; return how a service names it.

    Args:
        path: the file.
        tag: the image's name.
        shell: whether it has `/bin/sh`.
        files: more files, by their paths.
        config: members of its configuration, such as `Env`, `User`, `WorkingDir`, `Entrypoint`.
    """
    content = layer(files or {}, shell=shell)
    document = {
        "created": "2026-01-01T00:00:00Z",
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin:/bin"], **config},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]},
        "history": [{"created": "2026-01-01T00:00:00Z"}],
    }
    name = hashlib.sha256(content).hexdigest()
    text = json.dumps(document).encode()
    config_name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [tag], "Layers": [f"{name}/layer.tar"]}]
    repository, _, version = tag.partition(":")
    # The older form of the file, which udocker wants; all others read it too.
    members = {
        config_name: text,
        f"{name}/VERSION": b"1.0",
        f"{name}/json": json.dumps({"id": name}).encode(),
        f"{name}/layer.tar": content,
        "manifest.json": json.dumps(manifest).encode(),
        "repositories": json.dumps({repository: {version: name}}).encode(),
    }
    with tarfile.open(path, "w") as target:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            target.addfile(entry, io.BytesIO(data))
    return f"docker-archive:{path}"


@contextmanager
def podman_variables() -> Iterator[Mapping[str, str]]:
    """Give the variables of settings under which podman works here, with images in a folder of its own.

    The folder is none of pytest's, which cannot remove what is mounted.
    """
    folder = Path(tempfile.mkdtemp(prefix="oscar-cli-podman-"))
    variables = _write_settings(folder)
    try:
        yield variables
    finally:
        words = ["podman", "rm", "--all", "--force", "--time=0"]
        subprocess.run(words, env={**os.environ, **variables}, capture_output=True, check=False)
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mounted in sorted((path for path in mounts if path.startswith(f"{folder}/")), reverse=True):
            subprocess.run(["umount", "--lazy", mounted], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _write_settings(folder: Path) -> dict[str, str]:
    storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/run"\n'
    (folder / "storage.conf").write_text(storage)
    (folder / "containers.conf").write_text(CONTAINERS_CONF)
    return {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }


def udocker_variables(folder: Path) -> Mapping[str, str]:
    """Return variables by which udocker keeps its files in a folder and uses this machine's proot.

    It would download tools of its own, unless a file says that they are there.
    """
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "VERSION").write_text("1.2.11\n")
    return {"UDOCKER_DIR": str(folder), "UDOCKER_USE_PROOT_EXECUTABLE": shutil.which("proot") or ""}


def missing_program(name: str) -> str | None:
    """Return which program of an engine is not here, as a sentence, `None` when all are."""
    program = {"charliecloud": "ch-run"}.get(name, name)
    if name != "host" and shutil.which(program) is None:
        return f"there is no {program} here"
    if name == "docker":
        return missing_docker()
    if name == "udocker" and shutil.which("proot") is None:
        return "there is no proot here"
    return None


def missing_engine(name: str) -> str | None:
    """Return why an engine's tests are left out, `None` when they can be run."""
    return missing_program(name) or missing_busybox()
