"""One service run twice, by the local cluster and by the real faas-supervisor, in comparable form."""

from __future__ import annotations

import base64
import binascii
import io
import os
import platform
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oscarcli.local.services.definition import outputs_of
from tests.local.harness import LocalCluster
from tests.support.faas_supervisor import EXTRA, Supervisor

# What a script of a job finds there, whatever the service.
WATCHDOG = {
    "fprocess": "/oscar/bin/supervisor",
    "max_inflight": "1",
    "write_debug": "true",
    "exec_timeout": "0",
    "read_timeout": "300",
    "write_timeout": "300",
    "healthcheck_interval": "5",
}
# Set by the shell that runs the script; of the shell's start, not of the supervisor's doing.
SHELLS_OWN = {"PWD", "OLDPWD", "SHLVL", "_"}
# Every script begins with it: what it was given goes where the test looks.
LOOK = """
env -0 > "$SEEN.env"
(cd "$TMP_INPUT_DIR" && find . | sort) > "$SEEN.tree"
[ ! -f "$INPUT_FILE_PATH" ] || cp "$INPUT_FILE_PATH" "$SEEN.input"
"""
LINE_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - ", re.M)
OWN_LINE = re.compile(r"^.{23} - local cluster - .*\n", re.M)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UPLOADS = re.compile(r"(?:^supervisor - INFO - Uploading file .*\n)+", re.M)
# ImageMagick writes into a PNG when its source was changed; behind each time is a checksum.
PNG_TIME = re.compile(rb"(?:tEXtdate:\w+\0.{25}|tIME.{7}).{4}", re.DOTALL)
TRACEBACK = "Traceback (most recent call last):\n"


@dataclass(frozen=True)
class Case:
    """A service, and what it is run with.

    Args:
        name: the service's name.
        script: what it does after the look.
        payload: the body of POST /job; without one, the event of `key`.
        key: an object of the service's bucket.
        content: what is in it; `None` when there is no such object.
        secrets, variables: the environment of its definition.
        members: other members of its definition.
        bucket: the bucket of its object, when that is not NAME-bucket.
    """

    name: str
    script: str = ""
    payload: bytes | None = None
    key: str = "given/a b.txt"
    content: bytes | None = b"one\ntwo\n"
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)
    bucket: str = ""

    @property
    def home(self) -> str:
        """The bucket that its object is in."""
        return self.bucket or f"{self.name}-bucket"


@dataclass
class Run:
    """What a run left: what its script was given, what it stored, and what the container said."""

    code: int
    log: list[str]
    environment: dict[str, str]
    tree: list[str]
    input: bytes | None
    objects: dict[str, tuple[bytes, str]]


class Comparison:
    """Runs cases both ways.

    Args:
        cluster: runs them its way, and stores the objects of both.
        supervisor: runs them the real way.
        folder: an empty one for the files of both.
    """

    def __init__(self, cluster: LocalCluster, supervisor: Supervisor, folder: Path) -> None:
        self._cluster, self._supervisor, self._folder = cluster, supervisor, folder
        self._seen = folder / "seen"

    def create(self, case: Case) -> None:
        """Create the service of a case, and its object."""
        environment = {"secrets": case.secrets, "variables": {"SEEN": str(self._seen), **case.variables}}
        self._cluster.create(case.name, LOOK + case.script, environment=environment, **case.members)
        if case.content is not None:
            self._cluster.s3.put_object(Bucket=case.home, Key=case.key, Body=case.content)

    def change_providers(self, case: Case, providers: Mapping[str, Any]) -> None:
        """Change the providers of a service: what cannot be reached then is no failure."""
        definition = self._cluster.api.get(f"/system/services/{case.name}").json()
        answer = self._cluster.api.put(
            "/system/services", json={**definition, "storage_providers": providers}
        )
        assert (answer.status_code, answer.text) == (204, "")

    def remove(self, case: Case) -> None:
        """Delete the service of a case, with its buckets."""
        assert self._cluster.api.delete(f"/system/services/{case.name}").status_code == 204

    def local(self, case: Case, payload: bytes | None) -> tuple[Run, str]:
        """Run a case on the local cluster; return also the name of its job.

        Without a payload, the upload has started the job.
        """
        if payload is not None:
            self._cluster.submit(case.name, payload)
        ((job, state),) = self._cluster.ended(case.name).items()
        log = OWN_LINE.sub("", self._cluster.log(case.name, job))
        run = self._run(case, log, re.escape(f"{self._cluster.folder.jobs}/.workspaces/") + r"\w{32}")
        run.code = 0 if state["status"] == "Succeeded" else 1
        return run, job

    def real(self, case: Case, payload: bytes, job: str) -> Run:
        """Run a case with the real supervisor."""
        home = self._folder / "real"
        (home / "tmp").mkdir(parents=True)
        definition = self._cluster.api.get(f"/system/services/{case.name}").json()
        default = self._cluster.api.get("/system/config").json()["minio_provider"]
        providers = definition.get("storage_providers") or {}
        minio = {**(providers.get("minio") or {}), "default": default}
        done = self._supervisor.supervise(
            home,
            {**definition, "storage_providers": {**providers, "minio": minio}},
            LOOK + case.script,
            {**self._environment(case, definition, home / "tmp"), "EVENT": payload, "JOB_UUID": job.encode()},
        )
        run = self._run(case, done.log, re.escape(str(home)))
        run.code = done.code
        for name in EXTRA:
            run.environment.pop(name, None)
        return run

    def _environment(self, case: Case, definition: Mapping[str, Any], folder: Path) -> dict[str, bytes]:
        """Return what the manager and the image give a job's container."""
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "TMPDIR": str(folder),
            **case.secrets,
            "SEEN": str(self._seen),
            **case.variables,
            "OSCAR_SERVICE_NAME": case.name,
            "OSCAR_SERVICE_TOKEN": definition["token"],
            "OSCAR_SERVICE_BASE_PATH": "",
            **WATCHDOG,
            "RESOURCE_ID": platform.node(),
        }
        return {name: os.fsencode(value) for name, value in variables.items()}

    def _run(self, case: Case, log: str, home: str) -> Run:
        """Return a run, `home` being a pattern for the folder of its script and its TMPDIR."""
        folders: dict[str, str] = {}

        def named(text: str) -> str:
            text = re.sub(rf"{home}/script\.sh", "<script>", text)
            text = re.sub(
                rf"{home}/tmp/tmp\w{{8}}",
                lambda found: folders.setdefault(found[0], f"<folder {len(folders) + 1}>"),
                text,
            )
            return UUID.sub("<uuid>", re.sub(f"{home}/tmp", "<tmp>", text))

        lines = comparable_log(named(log))
        environment = dict(
            variable.split("=", 1) for variable in _taken(self._seen, ".env").decode().split("\0") if variable
        )
        environment = {name: named(value) for name, value in environment.items() if name not in SHELLS_OWN}
        tree = named(_taken(self._seen, ".tree").decode()).splitlines()
        content = _taken(self._seen, ".input") if Path(f"{self._seen}.input").exists() else None
        return Run(0, lines, environment, tree, content, self._objects(case))

    def _objects(self, case: Case) -> dict[str, tuple[bytes, str]]:
        """Return what was stored, and remove it."""
        client, definition = self._cluster.s3, self._cluster.api.get(f"/system/services/{case.name}").json()
        stored: dict[str, tuple[bytes, str]] = {}
        outputs = [place.bucket for place in outputs_of(definition)]
        for bucket in sorted(set(outputs)):
            for key in self._cluster.keys(bucket):
                if key.endswith("/") or (bucket, key) == (case.home, case.key):
                    continue
                kind = client.head_object(Bucket=bucket, Key=key)["ContentType"]
                stored[f"{bucket}/{key}"] = (PNG_TIME.sub(b"", self._cluster.content(bucket, key)), kind)
                client.delete_object(Bucket=bucket, Key=key)
        return stored


def _taken(seen: Path, suffix: str) -> bytes:
    """Return what a script wrote down, and remove it; a script that never ran wrote nothing."""
    path = Path(f"{seen}{suffix}")
    if not path.exists():
        return b""
    content = path.read_bytes()
    path.unlink()
    return content


def comparable_log(log: str) -> list[str]:
    """Return a log's lines without what differs between two runs: times, frames, the order of a folder."""
    text = LINE_TIME.sub("", log)
    if TRACEBACK in text:
        before, last = text.partition(TRACEBACK)[0], text.rpartition(TRACEBACK)[2]
        text = before + TRACEBACK + re.sub(r"^ .*\n", "", last, flags=re.M)
    text = UPLOADS.sub(lambda found: "".join(sorted(found[0].splitlines(keepends=True))), text)
    return [_unpacked(line) for line in text.split("\n")]


def _unpacked(line: str) -> str:
    """Return what is in a zip that is returned as base64: the time at which it was packed does not count."""
    try:
        content = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return line
    if not content.startswith(b"PK\x03\x04"):
        return line
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return repr(
            sorted((item.filename, item.compress_type, archive.read(item)) for item in archive.infolist())
        )
