"""Rules about a whole service: what the server would refuse or quietly take in another way.

Facts: `oscar-api` 5.1 (paths), 4.2 (expose), 4.5 (KServe), 4.7 (volume), 8.2 (names).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.fdl.findings import Findings, shortened
from oscarcli.fdl.folders import folders

MAX_NAME_CHARACTERS = 39
# Kubernetes: a DNS-1123 label.
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PROVIDERS = ("minio", "s3", "onedata", "webdav", "rucio")
MOUNT_PROVIDERS = ("minio", "s3", "webdav")
# Providers that start a job when a file arrives; older servers know others as well.
INPUT_PROVIDERS = ("minio", "webdav", "rucio")
BUCKET_PROVIDERS = ("minio", "s3")
RCLONE_OPTIONS = re.compile(r"[A-Za-z0-9\-_.:=,/ ]*")
RESERVED_MOUNTS = ("/oscar/config", "/oscar/bin")


@dataclass(frozen=True)
class Service:
    """A service that was read, with what it takes to say where something is wrong in it.

    Attributes:
        definition: its values.
        providers: the file's `storage_providers`.
        path: the key path of the service.
        lines: where each key path stands, the service's own among them.
    """

    definition: Mapping[str, Any]
    providers: Mapping[str, Mapping[str, Any]]
    path: str
    lines: Mapping[str, int]

    def place(self, key: str) -> tuple[int, str]:
        """Return line and key path of a key; the line is that of the next key outwards when it is absent."""
        path = nearest = f"{self.path}.{key}"
        while nearest not in self.lines:
            nearest = nearest.rpartition(".")[0]
        return self.lines[nearest], path

    def is_mistaken(self, key: str) -> bool:
        """Tell whether a key was given and its value could not be read."""
        section, _, name = key.rpartition(".")
        return f"{self.path}.{key}" in self.lines and name not in self.section(section)

    def section(self, key: str) -> Mapping[str, Any]:
        """Return a record of the service, empty when it has none."""
        found: Mapping[str, Any] = self.definition.get(key) or {}
        return found


@dataclass(frozen=True)
class Folder:
    """An input, output or mount: where it stands and what it names."""

    key: str
    provider: str
    identifier: str
    path: str

    @property
    def has_bucket(self) -> bool:
        """Whether the first part of the path is a bucket."""
        return self.provider in BUCKET_PROVIDERS

    @property
    def bucket(self) -> str:
        """The first part of the path."""
        return self.path.partition("/")[0]


def check_service(service: Service, findings: Findings) -> None:
    """Report everything about a service that concerns more than one value's form."""
    _check_name(service, findings)
    found = list(_folders(service))
    for folder in found:
        _check_folder(folder, service, findings)
    _check_loop(found, service, findings)
    _check_mount(service, findings)
    _check_expose(service, findings)
    _check_volume(service, findings)
    _check_kserve(service, findings)


def name_error(name: str) -> str | None:
    """Return what is wrong with a service's name, `None` when nothing is."""
    if len(name) > MAX_NAME_CHARACTERS:
        return f"{shortened(name)} has {len(name)} characters; a name has at most {MAX_NAME_CHARACTERS}"
    if not LABEL.fullmatch(name):
        return (
            f'{shortened(name)} cannot be a name: it has lower-case letters, digits and "-", and starts with '
            "a letter"
        )
    return None


def _check_name(service: Service, findings: Findings) -> None:
    name = service.definition.get("name")
    if name is None:
        return
    line, path = service.place("name")
    wrong = name_error(name)
    if wrong:
        findings.error(line, path, wrong)
    elif name[0].isdigit():
        findings.warn(line, path, "many clusters (those with Knative) refuse a name that starts with a digit")


def _folders(service: Service) -> Iterator[Folder]:
    for key, entry in folders(service.definition, "input", "output", "mount"):
        provider, _, identifier = str(entry.get("storage_provider", "")).partition(".")
        path = entry.get("path")
        if provider and path is not None:
            yield _folder(key, provider.lower(), identifier, path, service)


def _folder(key: str, provider: str, identifier: str, path: str, service: Service) -> Folder:
    trimmed = path.strip(" /")
    if key != "mount" and provider in BUCKET_PROVIDERS and trimmed and "/" not in trimmed:
        # The server takes it as a folder of a bucket that is called like the service.
        trimmed = f"{service.definition.get('name') or 'name'}/{trimmed}"
    return Folder(key, provider, identifier or "default", trimmed)


def _check_folder(folder: Folder, service: Service, findings: Findings) -> None:
    line, path = service.place(f"{folder.key}.path")
    if not folder.path:
        findings.error(line, path, "empty; it is a bucket and a folder in it")
    elif folder.has_bucket and not BUCKET.fullmatch(folder.bucket):
        findings.error(
            line,
            path,
            f"{shortened(folder.bucket)} cannot be a bucket: it has 3 to 63 lower-case letters, digits, "
            '"." and "-"',
        )
    _check_provider(folder, service, findings)


def _check_provider(folder: Folder, service: Service, findings: Findings) -> None:
    line, path = service.place(f"{folder.key}.storage_provider")
    if folder.provider not in PROVIDERS:
        known = ", ".join(PROVIDERS)
        findings.error(line, path, f"{shortened(folder.provider)} is no kind of storage; there are {known}")
        return
    if folder.key.startswith("input") and folder.provider not in INPUT_PROVIDERS:
        findings.warn(line, path, f"current servers take input from {', '.join(INPUT_PROVIDERS)} only")
    if folder.key == "mount" and folder.provider not in MOUNT_PROVIDERS:
        findings.warn(line, path, f"servers mount from {', '.join(MOUNT_PROVIDERS)} only")
    if (folder.provider, folder.identifier) == ("minio", "default"):
        return
    name = f"storage_providers.{folder.provider}.{folder.identifier}"
    settings = service.providers.get(folder.provider, {}).get(folder.identifier)
    if settings is None:
        findings.warn(line, path, f"the file does not define {name}")
    elif folder.key.startswith("input") and folder.provider == "minio":
        findings.warn(line, path, f"servers take input of their own MinIO alone, which {name} has to be")
    elif folder.key.startswith("output") and folder.has_bucket and not settings.get("region"):
        findings.warn(line, path, f"servers make the bucket with the region of {name}, and it has none")


def _check_loop(found: list[Folder], service: Service, findings: Findings) -> None:
    sources = [f for f in found if f.key.startswith("input") and f.provider == "minio"]
    for target in found:
        if not target.key.startswith("output") or target.provider != "minio":
            continue
        for source in sources:
            if source.identifier == target.identifier and f"{target.path}/".startswith(f"{source.path}/"):
                line, path = service.place(f"{target.key}.path")
                text = f"inside of {source.key}: every result starts another job, without end"
                findings.warn(line, path, text)


def _check_mount(service: Service, findings: Findings) -> None:
    if not RCLONE_OPTIONS.fullmatch(service.section("mount").get("options", "")):
        line, path = service.place("mount.options")
        findings.error(line, path, 'only letters, digits, blanks and "-_.:=,/" are allowed')


def _check_expose(service: Service, findings: Findings) -> None:
    expose = service.section("expose")
    ports, node_ports = expose.get("api_port") or [], expose.get("nodePort") or []
    if service.is_mistaken("expose.api_port"):
        return
    if not any(ports):
        if any(node_ports):
            line, path = service.place("expose.nodePort")
            findings.warn(line, path, "servers ignore it without api_port")
        return
    if node_ports and len(node_ports) != len(ports):
        line, path = service.place("expose.nodePort")
        text = f"has {len(node_ports)} where api_port has {len(ports)}; give one for each, 0 for any"
        findings.error(line, path, text)
    for key in ("min_scale", "max_scale"):
        if expose.get(key) == 0:
            line, path = service.place(f"expose.{key}")
            findings.warn(line, path, "an exposed service needs at least 1")


def _check_volume(service: Service, findings: Findings) -> None:
    volume = service.section("volume")
    if not volume:
        return
    mount_path, size, name = volume.get("mount_path", ""), volume.get("size"), volume.get("name")
    if mount_path and not mount_path.startswith("/"):
        findings.error(*service.place("volume.mount_path"), "expected an absolute path")
    if any(f"{mount_path}/".startswith(f"{reserved}/") for reserved in RESERVED_MOUNTS):
        findings.error(*service.place("volume.mount_path"), "OSCAR keeps its own files there")
    if not size and not name:
        findings.error(*service.place("volume"), "needs a size for a new volume, or the name of an old one")
    if name and not LABEL.fullmatch(name):
        findings.error(*service.place("volume.name"), 'expected lower-case letters, digits and "-"')
    if volume.get("lifecycle_policy") and not size:
        findings.error(*service.place("volume.lifecycle_policy"), "only a volume with a size has one")


def _check_kserve(service: Service, findings: Findings) -> None:
    kserve = service.section("kserve")
    kind = kserve.get("type")
    if kind == "inference" and "inference" not in kserve:
        findings.error(*service.place("kserve.inference"), "missing; type inference needs it")
    other = {"inference": "llm_inference", "llm_inference": "inference"}.get(str(kind))
    if other and other in kserve:
        findings.error(*service.place(f"kserve.{other}"), f"cannot stand beside type {kind}")
