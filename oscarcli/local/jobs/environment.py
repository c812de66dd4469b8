"""The variables of a service's runs that depend neither on the run nor on its input (`job-runtime` 1.2)."""

from __future__ import annotations

import os
from pathlib import Path

from oscarcli.local.services.definition import Definition
from oscarcli.local.services.exposure import base_path, is_exposed

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the classic watchdog is configured with; scripts see it in every kind of run.
WATCHDOG = {
    "fprocess": "/oscar/bin/supervisor",
    "max_inflight": "1",
    "write_debug": "true",
    "exec_timeout": "0",
    "read_timeout": "300",
    "write_timeout": "300",
    "healthcheck_interval": "5",
}


def service_variables(definition: Definition) -> dict[str, str]:
    """Return the variables that a service's definition gives to its runs, weakest first."""
    own = definition["environment"]
    return {
        **own["secrets"],
        **own["variables"],
        "OSCAR_SERVICE_NAME": definition["name"],
        "OSCAR_SERVICE_TOKEN": definition["token"],
        "OSCAR_SERVICE_BASE_PATH": base_path(definition["name"]) if is_exposed(definition) else "",
        **WATCHDOG,
    }


def machine_variables(home: Path, temporary: Path) -> dict[str, str]:
    """Return what a script needs of this machine; an image has variables of its own.

    Args:
        home: the home folder where the server has none.
        temporary: a folder for temporary files.
    """
    return {
        "PATH": os.environ.get("PATH", DEFAULT_PATH),
        "HOME": os.environ.get("HOME", str(home)),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "TMPDIR": str(temporary),
    }
