"""Where the files of a job are: in the output folders of its service, by what its log says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oscarcli.jobs.finished import ResultFile
from oscarcli.jobs.supervisor_log import ParsedLog, WrittenObject
from oscarcli.storage.location import Location

# The supervisor says nothing of a file that it stores there.
UNNAMED = ("webdav", "rucio")


class OutputFolders:
    """The output folders of a service.

    Args:
        document: the service.

    Attributes:
        folders: provider and path of each.
        unnamed: those of them whose files no log names.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        from oscarcli.storage.provider import normalised

        entries = document.get("output")
        self.folders = [
            (normalised(str(entry.get("storage_provider", ""))), str(entry.get("path", "")).strip("/"))
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, Mapping) and entry.get("path")
        ]
        self.unnamed = [one for one in self.folders if one[0].partition(".")[0] in UNNAMED]

    def result_file(self, job: str, written: WrittenObject) -> ResultFile:
        """Return where a file is that a job wrote by its log."""
        location = Location(written.place.bucket, written.place.key)
        return ResultFile(job, written.name, None, self._provider_of(written), location)

    def _provider_of(self, written: WrittenObject) -> str:
        """Return the full name of the provider that a log calls by it, or by its type alone.

        The definition's spelling counts: old supervisors write the name in capitals.
        """
        from oscarcli.storage.provider import normalised

        said = normalised(written.provider or "minio")
        kind = "" if "." in written.provider else said.partition(".")[0]
        for provider, path in self.folders:
            is_meant = provider.partition(".")[0] == kind or provider.lower() == said.lower()
            if is_meant and path == written.path.strip("/"):
                return provider
        return said


def first_of_each_name(written: Sequence[WrittenObject]) -> dict[str, WrittenObject]:
    """Return what was written by name: what goes to several outputs is one and the same file."""
    by_name = {one.name: one for one in reversed(written)}
    return dict(reversed(by_name.items()))


def output_keys(document: Mapping[str, Any], account: ParsedLog) -> list[str] | None:
    """Return the objects that a job wrote, with their providers; `None` when its log does not tell."""
    folders = OutputFolders(document)
    if account.written is None or (folders.unnamed and not account.written):
        return None
    files = [folders.result_file("", one) for one in account.written]
    return [f"{file.provider}:{file.location}" for file in files]
