"""What a job's container finds in its files, as on a real cluster, and how it is set up."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from pathlib import Path

from oscarcli.local.images.model import Image
from oscarcli.local.jobs.engine.base import Bind, Container
from oscarcli.local.jobs.staging import Workspace
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.quantity import parse_quantity

# Where the supervisor's temporary folders are, unless a variable TMPDIR says otherwise.
TEMPORARY = "/tmp"  # noqa: S108 -- inside a container
CONFIG = "/oscar/config"
SCRIPT_FILE = "script.sh"
SCRIPT = f"{CONFIG}/{SCRIPT_FILE}"
MAX_HOST_NAME = 63


def write_config(definition: Definition, folder: Path) -> None:
    """Write script and definition into a folder, which is made, for everybody to read."""
    folder.mkdir(mode=0o755)
    # JSON is YAML; the real file has no script in it either.
    shown = json.dumps({**definition, "script": ""}, indent=1)
    for name, text in ((SCRIPT_FILE, definition["script"]), ("function_config.yaml", shown)):
        path = folder / name
        path.write_text(text, encoding="utf-8", newline="")
        path.chmod(0o644)
    folder.chmod(0o755)


def container_for(
    job: str, definition: Definition, image: Image, binds: Sequence[Bind], workspace: Workspace
) -> Container:
    """Return the container that a script runs in.

    Args:
        job: the job's name.
        definition: the service.
        image: the service's image.
        binds: what the script sees of this machine besides its own folders.
        workspace: the run's folders; the configuration is in `config` below their root.
    """
    safe = re.sub(r"[^a-z0-9-]", "-", job.lower()).strip("-")
    return Container(
        image=image.identifier,
        name=f"oscar-cli-{safe}-{uuid.uuid4().hex[:8]}",
        host_name=safe[:MAX_HOST_NAME].strip("-") or "job",
        binds=(
            Bind(workspace.temporary, TEMPORARY),
            Bind(workspace.config, CONFIG, read_only=True),
            *binds,
        ),
        memory=int(parse_quantity(definition["memory"])),
        cpu=float(parse_quantity(definition["cpu"])),
        gpu=bool(definition["enable_gpu"]),
        folder=workspace.root,
    )
