"""The FDL of a curated service: which file it is, what its templates stand for, and its scripts."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from oscarcli.errors import ConfigError, NotFoundError, OscarError
from oscarcli.hub.crate import Crate
from oscarcli.hub.files import PackageFiles, joined

ENDINGS = (".yaml", ".yml")
# A directive has a line of its own; its indentation is given to each line that it stands for.
_DIRECTIVE = re.compile(r"^(?P<indent>[ \t]*)\{\{\s*(?P<word>\w+)(?:\s+\"(?P<path>[^\"]*)\")?\s*\}\}[ \t]*$")
_ANY_DIRECTIVE = re.compile(r"\{\{.*?\}\}")


@dataclass
class Definition:
    """An FDL as a repository has it, and everything that it is made of.

    Args:
        path: the FDL, from the repository's root.
        text: the FDL, its templates expanded.
        parts: each file that was read for it, by its path from the root.
    """

    path: str
    text: str
    parts: dict[str, bytes] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over the names and contents of all parts, in hex: two that are equal deploy the same."""
        whole = hashlib.sha256()
        for name in sorted(self.parts):
            content = hashlib.sha256(self.parts[name]).hexdigest()
            whole.update(f"{content}  {name}\n".encode())
        return f"sha256:{whole.hexdigest()}"


class DefinitionReader:
    """Reads a service's FDL and what it names.

    Args:
        files: the repository, or a folder.
        folder: the service's folder, from the root.
        slug: the service's name in the hub.
        crate: its metadata, for templates that need them; `None` when there are none.
    """

    def __init__(self, files: PackageFiles, folder: str, slug: str, crate: Crate | None = None) -> None:
        self._files = files
        self._folder = folder
        self._slug = slug
        self._crate = crate
        self._parts: dict[str, bytes] = {}

    def definition(self, named: str | None = None) -> Definition:
        """Return the FDL, expanded.

        Args:
            named: the FDL's name within the folder; found by the rules of `fdl_name` when omitted.

        Raises:
            NotFoundError: there is none.
            ConfigError: several may be meant, or a template is wrong.
        """
        name = named or fdl_name(self._files.files(self._folder), self._slug, self._folder)
        path = joined(self._folder, name)
        text = self._text(path)
        lines = [
            line for number, raw in enumerate(text.split("\n"), 1) for line in self._line(path, number, raw)
        ]
        return Definition(path, "\n".join(lines), self._parts)

    def script(self, named: str) -> bytes:
        """Return a script that the FDL names. Raises ValueError, which the FDL's reader expects."""
        try:
            return self._read(joined(self._folder, named))
        except OscarError as error:
            raise ValueError(error.message) from error

    def _read(self, path: str) -> bytes:
        if path not in self._parts:
            self._parts[path] = self._files.read(path)
        return self._parts[path]

    def _text(self, path: str) -> str:
        try:
            return self._read(path).decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: it is no UTF-8 text") from error

    def _line(self, path: str, number: int, line: str) -> Iterator[str]:
        found = _DIRECTIVE.match(line)
        if found is None:
            if _ANY_DIRECTIVE.search(line) and not line.lstrip().startswith("#"):
                raise ConfigError(f"{path}:{number}: a template has a line of its own: {line.strip()[:60]}")
            yield line
            return
        word, argument = found["word"], found["path"]
        if word == "file" and argument:
            text = self._text(joined(self._folder, argument))
        elif word == "agentSkills" and argument is None:
            text = self._skills(path)
        else:
            raise ConfigError(f"{path}:{number}: unknown template {line.strip()[:60]}")
        for inserted in text.rstrip("\n").split("\n"):
            yield f"{found['indent']}{inserted}" if inserted else ""

    def _skills(self, path: str) -> str:
        """Return the texts of the skills that the metadata list, one after the other."""
        if self._crate is None:
            raise ConfigError(f"{path}: agentSkills needs the crate's metadata, which are missing")
        listed = self._crate.dataset.get("agentSkills", [])
        blocks = [self._skill(item) for item in (listed if isinstance(listed, list) else [listed])]
        return "\n---\n".join(blocks)

    def _skill(self, item: object) -> str:
        assert self._crate is not None
        skill = self._crate.resolved(item)
        if skill is None:
            raise ConfigError(f"{self._crate.path}: agentSkills: {str(item)[:60]} is not in the graph")
        name = str(skill.get("name") or skill.get("@id"))
        source = str(skill.get("contentUrl") or skill.get("url") or "")
        if source.startswith(("http://", "https://")):
            # What another server holds is not fetched: it could change while this version stays.
            return f"# Skill: {name}\n\nSource: url\n\n{skill.get('description') or source}"
        if source:
            return f"# Skill: {name}\n\nSource: local\n\n{self._text(joined(self._folder, source)).strip()}"
        return f"# Skill: {name}\n\nSource: marketplace\n\n{skill.get('description') or name}"


def fdl_name(names: list[str], slug: str, folder: str) -> str:
    """Return which file of a folder is its FDL: SLUG.yaml, else fdl.yaml, else the only YAML file.

    Args:
        names: the files of the folder.
        slug: the service's name in the hub.
        folder: the folder, for messages.

    Raises:
        NotFoundError: there is no YAML file.
        ConfigError: there are several, and none has a usual name.
    """
    for stem in (slug, "fdl"):
        usual = [name for ending in ENDINGS if (name := f"{stem}{ending}") in names]
        if len(usual) > 1:
            raise ConfigError(f'"{folder or "."}" has both {" and ".join(usual)}: one has to go')
        if usual:
            return usual[0]
    others = sorted(name for name in names if posixpath.splitext(name)[1].lower() in ENDINGS)
    if not others:
        raise NotFoundError(f'there is no FDL in "{folder or "."}"')
    if len(others) > 1:
        raise ConfigError(
            f'"{folder or "."}" has several YAML files, and none is called {slug}.yaml or fdl.yaml: '
            f"{', '.join(others)}"
        )
    return others[0]
