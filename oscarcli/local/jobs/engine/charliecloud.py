"""Runs scripts by Charliecloud's `ch-run`, which needs nothing but user namespaces."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from oscarcli.local.images.model import Image, ImageError, Progress
from oscarcli.local.images.reference import image_file
from oscarcli.local.images.trees import FOLDERS, ROOT, ImageTree, ImageTrees
from oscarcli.local.jobs.engine import probe_image
from oscarcli.local.jobs.engine.base import RunCancellation, ScriptCommand, StartMode
from oscarcli.local.jobs.engine.client import EngineProgram
from oscarcli.local.jobs.engine.container import (
    SHELL,
    GpuSetup,
    bind_words,
    container_of,
    has_gpu,
    image_command,
    require_shell,
    run_client,
    shell_arguments,
)

NAME = "charliecloud"
_FROM_HOST = "ch-fromhost"
# ch-run refuses to start without; scripts of real jobs have none.
_USER = "USER"
# What the loader of ch-run itself would obey.
_OF_LOADER = "LD_"


class CharliecloudEngine:
    """Runs scripts by `ch-run`.

    Args:
        client: the program.
        folder: where images are.
        version: its version.
    """

    name = NAME
    has_own_network = False

    def __init__(self, client: EngineProgram, folder: Path, version: str = "") -> None:
        self.version = version
        self.images = CharliecloudImages(client, folder)
        self._client = client
        self._gpu_setup = GpuSetup(EngineProgram([_FROM_HOST]))

    @property
    def passes_gpus(self) -> bool:
        """Whether there are GPUs to hand out, and the program that puts their driver into images."""
        return has_gpu() and shutil.which(_FROM_HOST) is not None

    def run(
        self, command: ScriptCommand, output: Callable[[bytes], None], cancellation: RunCancellation
    ) -> int:
        """Run a script to its end; see `Engine.run`."""
        container = container_of(command)
        tree = self.images.tree(container.image)
        if container.gpu:
            self._gpu_setup.require(container.image, "--nvidia", str(tree.root))
        host_name = {"HOSTNAME": container.host_name.encode()}
        variables = {**tree.environment(), **host_name, **command.environment}
        options = _options(tree)
        for bind in container.binds:
            tree.make_mount_point(bind.target)
            options.append(f"--bind={bind_words(bind)}")
        environment = {}
        for name, value in variables.items():
            if name.startswith(_OF_LOADER):
                options.append(f"--set-env={name}={os.fsdecode(value)}")
            else:
                environment[name] = value
        if _USER not in environment:
            options.append(f"--unset-env={_USER}")
            environment[_USER] = b"oscar"
        words = [*self._client.words, *options, str(tree.root), "--"]
        if command.mode is StartMode.IMAGE:
            words += image_command(tree.config)
        else:
            words += [SHELL, *shell_arguments(command, limited=False)]
        return run_client(words, environment, command, output, cancellation)

    def differences(self, image: str) -> str:
        """Return one sentence: how a run differs from one on a real cluster."""
        return (
            f"{NAME} keeps no limits of memory and cpu, and a script cannot write to the files of its image "
            f"{image}, only below /tmp"
        )

    def remove(self, container: str) -> None:
        """Do nothing: a container is no more than its processes, which end with the server."""


def _options(tree: ImageTree) -> list[str]:
    user = tree.user()
    return [
        "--no-passwd",
        f"--uid={user.number}",
        f"--gid={user.group}",
        f"--cd={tree.working_folder}",
        # Its own variable; a script of a real job has none of that name.
        "--unset-env=CH_RUNNING",
    ]


class CharliecloudImages:
    """Images as trees, unpacked from files and from registries.

    Args:
        client: `ch-run`.
        folder: where they are.
    """

    def __init__(self, client: EngineProgram, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._trees = ImageTrees(folder)
        self._stopped = threading.Event()

    def tree(self, identifier: str) -> ImageTree:
        """Return the tree of an image. Raises ImageError."""
        found = self._trees.find(identifier)
        if found is None:
            raise ImageError(f"the image in {identifier} is gone")
        return found

    def find(self, reference: str) -> Image | None:
        """Return an image that is here by its folder; see `ImageStore.find`."""
        found = self._trees.find(reference)
        return None if found is None else found.image(reference)

    def pull(self, reference: str, authentication: Path | None, progress: Progress) -> Image:
        """Get an image from a registry or a file; see `ImageStore.pull`."""
        file = image_file(reference)
        self._folder.mkdir(parents=True, exist_ok=True)
        if file is None:
            # ch-image is often not there or lacks its libraries, and does not keep the image's user.
            image = self._trees.fetch(reference, authentication, progress, self._stopped)
        else:
            image = self._trees.unpack(file, progress).image(reference)
        self.check(image)
        return image

    def check(self, image: Image) -> None:
        """Run an image's shell once; see `ImageStore.check`."""
        tree = self.tree(image.identifier)
        require_shell(self._client, image, *_options(tree), str(tree.root), "--", SHELL)

    def remove(self, identifier: str) -> None:
        """Remove an image; see `ImageStore.remove`."""
        self._trees.remove(identifier)

    def stop(self) -> None:
        """End all pulls; unpacking ends with the process."""
        self._stopped.set()


def probe(client: EngineProgram, folder: Path, seconds: float) -> CharliecloudEngine:
    """Run a program once and return the engine that can. Raises ClientError, NotImplementedError, OSError."""
    version = client.ask("--version", timeout=seconds).strip()
    with tempfile.TemporaryDirectory(prefix="oscar-cli-") as name:
        root = Path(name) / ROOT
        probe_image.write_tree(root, FOLDERS)
        (root / "etc" / "passwd").write_text("root:x:0:0::/root:/true\n")
        (root / "etc" / "group").write_text("root:x:0:\n")
        client.ask("--no-passwd", str(root), "--", f"/{probe_image.PROGRAM}", timeout=seconds)
    return CharliecloudEngine(client, folder / NAME, version)
