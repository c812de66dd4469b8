"""How the container of an exposed service is set up; on the host, its process."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from oscarcli.local.folder import remove_tree
from oscarcli.local.jobs.container_files import CONFIG, SCRIPT, SCRIPT_FILE, TEMPORARY, write_config
from oscarcli.local.jobs.engine.base import Bind, Container, ScriptCommand, StartMode
from oscarcli.local.jobs.environment import machine_variables, service_variables
from oscarcli.local.jobs.input import environment_bytes
from oscarcli.local.jobs.placement import Placement
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.quantity import parse_quantity

# Every pod has its name in it, and no other process has the same.
MARKER = "HOSTNAME"
_CONTAINER = "oscar-cli-"


def new_name(service: str) -> str:
    """Return a name for a pod, as those of a real deployment look."""
    return f"{service}-dlp-{secrets.token_hex(5)}-{secrets.token_hex(3)[:5]}"


def container_name(command: ScriptCommand) -> str:
    """Return the name of a pod's container, by which it is found again."""
    return _CONTAINER + command.marker[1].decode()


def pod_name(container: str) -> bytes:
    """Return the name of a container's pod, the value of `MARKER`."""
    return container.removeprefix(_CONTAINER).encode()


def pod(definition: Definition, placement: Placement, name: str, port: int, folder: Path) -> ScriptCommand:
    """Return what starts an exposed service.

    Args:
        definition: the service.
        placement: what runs it, and in which image.
        name: the pod's.
        port: of this machine, where it is to be reached.
        folder: for its files; made anew.

    Raises:
        OSError: the files cannot be written.
        ValueError: the image's command is wanted, and there is no image.
    """
    if definition["expose"]["default_command"] and placement.image is None:
        engine = placement.engine.name
        raise ValueError(f"expose.default_command: the engine {engine} has no image, whose command it is")
    remove_tree(folder)
    folder.mkdir(mode=0o700, parents=True)
    temporary, scratch, config = folder / "tmp", folder / "scratch", folder / "config"
    for made in (temporary, scratch):
        made.mkdir(mode=0o700)
    write_config(definition, config)
    (config / SCRIPT_FILE).chmod(0o755)
    container = None
    variables = service_variables(definition)
    if placement.image is None:
        variables = {**machine_variables(scratch, temporary), **variables}
    else:
        # The user of an image is one of its own.
        temporary.chmod(0o1777)
        container = _container(definition, placement.image.identifier, name, placement.binds, folder)
        if placement.engine.has_own_network:
            container = replace(container, published=(port, definition["expose"]["api_port"][0]))
    environment = {key: environment_bytes(value) for key, value in variables.items()}
    environment[MARKER] = name.encode()
    return ScriptCommand(
        script=str(config / SCRIPT_FILE) if container is None else SCRIPT,
        folder=scratch,
        environment=environment,
        marker=(MARKER, environment[MARKER]),
        container=container,
        mode=StartMode.IMAGE if definition["expose"]["default_command"] else StartMode.EXECUTED,
    )


def _container(
    definition: Definition, image: str, name: str, binds: Sequence[Bind], folder: Path
) -> Container:
    return Container(
        image=image,
        name=_CONTAINER + name,
        host_name=name,
        binds=(Bind(folder / "tmp", TEMPORARY), Bind(folder / "config", CONFIG), *binds),
        memory=int(parse_quantity(definition["memory"])),
        cpu=float(parse_quantity(definition["cpu"])),
        gpu=bool(definition["enable_gpu"]),
        folder=folder,
    )
