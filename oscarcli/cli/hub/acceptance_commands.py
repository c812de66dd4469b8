"""Acceptance tests as shell commands, for people who want to do them by hand."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from oscarcli.cli.hub.options import Package
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError

if TYPE_CHECKING:
    from oscarcli.hub.acceptance import AcceptanceStep, AcceptanceTest
    from oscarcli.hub.origin import HubOrigin


class AcceptanceCommands:
    """Writes the tests of a package as commands, those that bring their inputs here among them.

    Args:
        session: the run; a cluster that was chosen is in each command.
        package: whose tests they are.
        origin: where its files come from, unless it is a package of this machine.
        service: the deployed service.
    """

    def __init__(self, session: Session, package: Package, origin: HubOrigin, service: str) -> None:
        self._session = session
        self._package = package
        self._origin = origin
        self._service = shlex.quote(service)
        # What was brought here last under a name.
        self._fetched: dict[str, str] = {}

    def lines(self, tests: Sequence[AcceptanceTest]) -> Iterator[str]:
        """Yield the lines of a shell script; what the metadata have is quoted or a comment."""
        yield _comment(f"Acceptance commands for {self._package.slug}")
        if any(step.kind == "http-request" for test in tests for step in test.steps):
            cluster = self._session.cluster
            yield f"export OSCAR_ENDPOINT={shlex.quote(cluster.endpoint)}"
            shown = f"service get {self._service} -c {shlex.quote(cluster.identifier)} --show-secrets"
            yield f"export SERVICE_TOKEN=\"$(oscar-cli {shown} | awk '/^token:/{{print $2; exit}}')\""
        for test in tests:
            yield _comment(test.name)
            for step in test.steps:
                try:
                    yield from self._step(step)
                except OscarError as error:
                    yield _comment(error.message)

    def _step(self, step: AcceptanceStep) -> Iterator[str]:
        if step.kind == "unknown":
            yield _comment(step.problem)
            return
        if step.kind == "wait":
            yield f"sleep {step.seconds:g}"
            return
        if step.kind == "get-file":
            yield self._verb("get-file", "--download-latest-into=.")
            return
        file = ""
        if step.inputs:
            bring, file = self._input(step.inputs[0])
            if bring and self._fetched.get(file) != bring:
                self._fetched[file] = bring
                yield bring
        if step.kind == "http-request":
            yield self._curl(step, file)
        elif step.kind == "put-file":
            yield self._verb("put-file", shlex.quote(file) if file else "INPUT")
        elif step.input_text is not None:
            yield self._verb("run", f"-i {shlex.quote(step.input_text)}")
        else:
            yield self._verb("run", f"-f {shlex.quote(file) if file else 'INPUT'}")

    def _verb(self, verb: str, rest: str) -> str:
        chosen = self._session.cluster_option
        cluster = f" -c {shlex.quote(chosen)}" if chosen else ""
        return f"oscar-cli service {verb} {self._service}{cluster} {rest}"

    def _input(self, place: str) -> tuple[str, str]:
        """Return the command that brings an input here, if one has to, and the file that it is then."""
        from oscarcli.hub.files import FolderFiles, joined

        name = posixpath.basename(place.partition("?")[0]) or "input"
        if place.startswith(("http://", "https://")):
            return f"curl -fsSL -o {shlex.quote(name)} {shlex.quote(place)}", name
        path = joined(self._package.folder, place)
        if isinstance(self._package.files, FolderFiles):
            return "", str(self._package.files.path(path))
        url = self._origin.file_url(path, self._package.commit)
        login = (
            '-H "Authorization: Bearer $GITHUB_TOKEN" ' if self._session.environ.get("GITHUB_TOKEN") else ""
        )
        raw = f"{login}-H 'Accept: application/vnd.github.raw'"
        return f"curl -fsSL {raw} -o {shlex.quote(name)} {shlex.quote(url)}", name

    def _curl(self, step: AcceptanceStep, file: str) -> str:
        request = step.request
        words = ["curl --fail-with-body", f"-X {shlex.quote(request.method)}"]
        words += [f"-H {shlex.quote(f'Accept: {request.accept}')}"] if request.accept else []
        words.append(f'-u {self._service}:"$SERVICE_TOKEN"')
        if file:
            words.append(f"-F {shlex.quote(f'{request.form_field}=@{file}')}")
        url = f'"$OSCAR_ENDPOINT"/system/services/{self._service}/exposed'
        return " ".join([*words, f"{url}{shlex.quote(request.path)}"])


def _comment(text: str) -> str:
    return f"# {' '.join(text.split())}"
