"""Runs scripts by Apptainer or Singularity, which are what a login node of an HPC cluster has."""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from oscarcli.local.images.model import Image, ImageError, Progress
from oscarcli.local.images.reference import SINGULARITY, image_file
from oscarcli.local.images.registry_client import RegistryName, login_of
from oscarcli.local.images.trees import FOLDERS, ROOT, ImageTree, ImageTrees
from oscarcli.local.jobs.engine import probe_image
from oscarcli.local.jobs.engine.base import RunCancellation, ScriptCommand, StartMode
from oscarcli.local.jobs.engine.client import ClientError, EngineProgram
from oscarcli.local.jobs.engine.container import (
    SHELL,
    bind_words,
    container_of,
    has_gpu,
    image_command,
    program_environment,
    require_shell,
    run_client,
    shell_arguments,
)

APPTAINER = "apptainer"
SINGULARITY_PROGRAM = "singularity"
_BLOCK = 1 << 20
# As a container of Docker: nothing of this machine's files and variables, and a root that can be written to.
_EXEC = ("--quiet", "--nocolor", "exec", "--compat")
# The same with what a file's image runs by itself.
_RUN = ("--quiet", "--nocolor", "run", "--compat")
# What it sets in every container, and a real job has not; below either of the programs' names.
_ITS_VARIABLES = ("BIND", "COMMAND", "CONTAINER", "ENVIRONMENT", "NAME", "NO_EVAL")
_OTHER_VARIABLES = ("LANG", "LD_LIBRARY_PATH", "PROMPT_COMMAND", "PS1", "SHLVL", "TERM", "USER_PATH")
# It adds the folder of the driver of GPUs to the first, and does not take the second.
_ADDED_TO, _REFUSED = "LD_LIBRARY_PATH", "HOME"


class ApptainerEngine:
    """Runs scripts by Apptainer or Singularity.

    Args:
        name: `apptainer` or `singularity`.
        program: the program.
        folder: where images are.
        version: its version.
        limited: whether it keeps limits of memory and cpu.
    """

    has_own_network = False

    def __init__(
        self, name: str, program: EngineProgram, folder: Path, version: str = "", *, limited: bool = False
    ) -> None:
        self.name = name
        self.version = version
        self.images = ApptainerImages(name, program, folder)
        self._program = program
        self._limited = limited

    @property
    def passes_gpus(self) -> bool:
        """Whether there are GPUs to hand out."""
        return has_gpu()

    def run(
        self, command: ScriptCommand, output: Callable[[bytes], None], cancellation: RunCancellation
    ) -> int:
        """Run a script to its end; see `Engine.run`."""
        container = container_of(command)
        tree = self.images.tree(container.image)
        host_name = {"HOSTNAME": container.host_name.encode()}
        variables = {**(tree.environment() if tree else {}), **host_name, **command.environment}
        options = [f"--pwd={tree.working_folder if tree else '/'}"]
        options += [f"--bind={bind_words(bind, ':ro')}" for bind in container.binds]
        options += ["--nv"] if container.gpu else []
        if self._limited:
            options += [f"--memory={container.memory}", f"--cpus={container.cpu:g}"]
        target = str(tree.root) if tree else container.image
        option, text, script = shell_arguments(command, limited=self._limited)
        start = [SHELL, option, self._corrections(variables, gpu=container.gpu) + text, script]
        if command.mode is StartMode.IMAGE:
            start = image_command(tree.config) if tree else []
        words = [*self._program.words, *(_EXEC if start else _RUN), *options, target, *start]
        return run_client(words, self._environment(variables), command, output, cancellation)

    def _corrections(self, variables: Mapping[str, bytes], *, gpu: bool) -> str:
        """Return shell commands that give a script the variables of a real job, and no others."""
        names = {f"{self.name.upper()}_{name}" for name in _ITS_VARIABLES} | set(_OTHER_VARIABLES)
        exact = {_REFUSED} if gpu else {_ADDED_TO, _REFUSED}
        unwanted = names - set(variables) - ({_ADDED_TO} if gpu else set())
        commands = [f"unset {' '.join(sorted(unwanted))}"]
        for name in sorted(exact & set(variables)):
            commands.append(f"export {name}={shlex.quote(os.fsdecode(variables[name]))}")
        return "\n".join([*commands, ""])

    def _environment(self, variables: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the program's environment: it hands on what has its own prefix."""
        prefix = f"{self.name.upper()}ENV_"
        inside = {f"{prefix}{name}": value for name, value in variables.items() if name != _REFUSED}
        return {**program_environment(self._program), **inside}

    def differences(self, image: str) -> str:
        """Return one sentence: how a run differs from one on a real cluster."""
        limits = "" if self._limited else f"{self.name} keeps no limits of memory and cpu here, and "
        user = "the script runs as the user who started the local cluster"
        return f"{limits}{user}, whatever the image {image} says"

    def remove(self, container: str) -> None:
        """Do nothing: a container is no more than its processes, which end with the server."""


class ApptainerImages:
    """Images as `.sif` files, or as trees of those that come as archives.

    Args:
        name: `apptainer` or `singularity`.
        program: the program.
        folder: where they are.
    """

    def __init__(self, name: str, program: EngineProgram, folder: Path) -> None:
        self._name = name
        self._program = program
        self._folder = folder
        self._trees = ImageTrees(folder)

    def tree(self, identifier: str) -> ImageTree | None:
        """Return the tree of an image, `None` for one that is a file. Raises ImageError."""
        return None if identifier.endswith(f".{SINGULARITY}") else self._trees.find(identifier)

    def find(self, reference: str) -> Image | None:
        """Return an image that is here; see `ImageStore.find`."""
        path = Path(reference) if reference.endswith(f".{SINGULARITY}") else self._file(reference)
        if path.exists():
            return Image(reference, str(path), "", path.stat().st_size)
        found = self._trees.find(reference)
        return None if found is None else found.image(reference)

    def _file(self, reference: str) -> Path:
        name = hashlib.sha256(reference.encode()).hexdigest()[:32]
        return self._folder / f"{name}.{SINGULARITY}"

    def pull(self, reference: str, authentication: Path | None, progress: Progress) -> Image:
        """Get an image from a registry or a file; see `ImageStore.pull`."""
        file = image_file(reference)
        self._folder.mkdir(parents=True, exist_ok=True)
        if file is None:
            path = self._file(reference)
            words = ["pull", "--force", str(path), f"docker://{reference}"]
            self._program.pull(words, progress, self._login(reference, authentication))
            image = Image(reference, str(path), _digest(path), path.stat().st_size)
        elif file.kind == SINGULARITY:
            image = Image(reference, str(file.path), _digest(file.path), file.path.stat().st_size)
        else:
            image = self._trees.unpack(file, progress).image(reference)
        self.check(image)
        return image

    def _login(self, reference: str, authentication: Path | None) -> dict[str, str]:
        """Return the variables by which all its versions take a login; newer ones know files, too."""
        if authentication is None:
            return {}
        login = login_of(authentication, RegistryName.parse(reference).host)
        if login is None:
            return {}
        user, _, password = base64.b64decode(login).decode("utf-8", "surrogateescape").partition(":")
        prefix = f"{self._name.upper()}_DOCKER"
        return {f"{prefix}_USERNAME": user, f"{prefix}_PASSWORD": password}

    def check(self, image: Image) -> None:
        """Run an image's shell once; see `ImageStore.check`."""
        tree = self.tree(image.identifier)
        require_shell(self._program, image, *_EXEC, str(tree.root) if tree else image.identifier, SHELL)

    def remove(self, identifier: str) -> None:
        """Remove an image of ours; see `ImageStore.remove`."""
        path = Path(identifier)
        if not identifier.endswith(f".{SINGULARITY}"):
            self._trees.remove(identifier)
        elif path.parent == self._folder:
            try:
                os.unlink(path)  # noqa: PTH108
            except OSError as error:
                raise ImageError(f"{path} cannot be removed: {error}") from error

    def stop(self) -> None:
        """End all pulls."""
        self._program.stop()


def _digest(path: Path) -> str:
    """Return the digest of an image's file, by which its makers know it. Raises ImageError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise ImageError(f"the image file {path} cannot be read: {error.strerror}") from error
    return f"sha256:{digest.hexdigest()}"


def probe(name: str, program: EngineProgram, folder: Path, seconds: float) -> ApptainerEngine:
    """Run a program once and return the engine that can. Raises ClientError, NotImplementedError, OSError."""
    version = program.ask("--version", timeout=seconds).strip().rpartition("version ")[2]
    with tempfile.TemporaryDirectory(prefix="oscar-cli-") as place:
        root = Path(place) / ROOT
        probe_image.write_tree(root, FOLDERS)
        start = (str(root), f"/{probe_image.PROGRAM}")
        try:
            # Control groups of the second version, handed to this user by systemd; or a version without.
            program.ask(*_EXEC, "--memory=64M", "--cpus=1", *start, timeout=seconds)
            limited = True
        except ClientError:
            program.ask(*_EXEC, *start, timeout=seconds)
            limited = False
    return ApptainerEngine(name, program, folder / APPTAINER, version, limited=limited)
