"""What differs between the command lines of podman and of docker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """Where the two programs differ.

    Attributes:
        name: the engine's and the program's.
        run: options of `run` that only one has.
        gpus: options that hand out all GPUs.
        remove: arguments that remove a container at once.
        load: arguments that make an image of a file, `{file}` and `{kind}` filled in.
    """

    name: str
    run: tuple[str, ...]
    gpus: tuple[str, ...]
    remove: tuple[str, ...]
    load: tuple[str, ...]


PODMAN = Dialect(
    "podman",
    run=("--http-proxy=false", "--security-opt=label=disable"),
    gpus=("--device=nvidia.com/gpu=all",),
    remove=("rm", "--force", "--time=0", "--ignore"),
    load=("pull", "--quiet", "{kind}:{file}"),
)
DOCKER = Dialect(
    "docker",
    run=(),
    gpus=("--gpus=all",),
    remove=("rm", "--force"),
    load=("load", "--quiet", "--input={file}"),
)
