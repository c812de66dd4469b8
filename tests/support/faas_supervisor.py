"""The real faas-supervisor, in an environment of its own: what a job's container runs around the script.

`python -m tests.support.faas_supervisor` installs it once, for all clones; tests use it where it is there.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.environments import ProgramEnvironment

VERSION = "1.5.8"
ENVIRONMENT = ProgramEnvironment(
    f"faas-supervisor-{VERSION}",
    "tests.support.faas_supervisor",
    # Its package asks for a version of webdavclient3 that is no version, which newer ones of pip refuse to
    # read.
    [
        ["pip==24.0", "setuptools", "wheel"],
        ["--no-deps", f"faas-supervisor=={VERSION}"],
        ["boto3", "pyyaml", "requests", "webdavclient3"],
    ],
)
MAX_SECONDS = 300.0

# Loads it and the description of S3 once, which takes a second, and forks for every run; in a container its
# two files lie below /oscar/config.
ENTRY = """
import boto3, gc, json, os, sys, tempfile
from faassupervisor.faas.binary.supervisor import BinarySupervisor
from faassupervisor.supervisor import main
from faassupervisor.utils import ConfigUtils, SysUtils

boto3.client("s3", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
gc.freeze()
requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
for line in requests:
    child = os.fork()
    if not child:
        break
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status, file=answers, flush=True)
else:
    sys.exit()

request = json.loads(line)
os.chdir(request["folder"])
os.environ.clear()
os.environb.update({name.encode(): value.encode("latin-1") for name, value in request["environment"].items()})
# What the environment says is looked up anew.
tempfile.tempdir = None
os.dup2(os.open("payload", os.O_RDONLY), 0)
log = os.open("log", os.O_WRONLY | os.O_CREAT)
os.dup2(log, 1)
os.dup2(log, 2)
ConfigUtils._BINARY_OSCAR_STORAGE_CONFIG_PATH = os.path.abspath("function_config.yaml")
BinarySupervisor._OSCAR_SCRIPT_PATH = os.path.abspath("script.sh")
returned = main(SysUtils.get_stdin())
if returned is not None:
    print(returned)
"""
# Of the tests' own doing: no look for the credentials of a machine at AWS.
EXTRA = {"AWS_EC2_METADATA_DISABLED": b"true"}


@dataclass(frozen=True)
class Supervised:
    """What a run of the supervisor left: its exit code, and both streams as a container's log has them."""

    code: int
    log: str


class Supervisor:
    """A process that runs the supervisor when it is asked to. Has to be closed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [ENVIRONMENT.python, "-c", ENTRY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ["HOME"],
                "LANG": "C.UTF-8",
                "PYTHONWARNINGS": "ignore",
            },
            text=True,
        )

    def supervise(
        self,
        folder: Path,
        definition: Mapping[str, Any],
        script: str,
        environment: Mapping[str, bytes],
        payload: bytes | None = None,
    ) -> Supervised:
        """Run the supervisor as a container does.

        Args:
            folder: an empty one, for its files.
            definition: what is in the container's function_config.yaml.
            script: the service's script.
            environment: all of the container's variables.
            payload: of a synchronous run; a job has it in its variable EVENT.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if payload is None:
            payload = _echoed(environment)
        (folder / "payload").write_bytes(payload)
        # JSON is YAML.
        (folder / "function_config.yaml").write_text(json.dumps(definition))
        (folder / "script.sh").write_text(script)
        variables = {name: value.decode("latin-1") for name, value in {**environment, **EXTRA}.items()}
        request = {"folder": str(folder), "environment": variables}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Supervised(code, (folder / "log").read_bytes().decode())

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=MAX_SECONDS)


def _echoed(environment: Mapping[str, bytes]) -> bytes:
    """Return what the supervisor reads in a job's container, whose command is `echo $EVENT | supervisor`."""
    variables = {name.encode(): value for name, value in environment.items()}
    return subprocess.run(
        ["/bin/sh", "-c", "echo $EVENT"], env=variables, capture_output=True, check=True
    ).stdout


if __name__ == "__main__":
    ENVIRONMENT.install()
