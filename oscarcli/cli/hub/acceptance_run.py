"""The steps of an acceptance test, carried out on a cluster."""

from __future__ import annotations

import base64
import posixpath
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from oscarcli.errors import OscarError
from oscarcli.http.fetch import READ_SECONDS
from oscarcli.hub.acceptance import AcceptanceStep, AcceptanceTest
from oscarcli.hub.criteria import unmet
from oscarcli.storage.provider import DEFAULT_PROVIDER

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.cli.hub.options import Package
    from oscarcli.config.model import Cluster
    from oscarcli.jobs.events import Event
    from oscarcli.jobs.finished import ResultFile
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.storage.location import Location

StepVerdict = Literal["pass", "fail", "skip"]
# How long a file's results are waited for when the metadata do not say.
WAIT_SECONDS = 60.0
MAX_INPUT_BYTES = 64 << 20
NO_CRITERION = "nothing was compared: the metadata do not say what has to come out"
AFTER_FAILURE = "an earlier step of the test failed"


@dataclass
class StepReport:
    """What became of a step.

    Attributes:
        step: which.
        verdict: whether it passed.
        details: something to know about it.
        error: why it did not pass.
        output: what came out, where something did.
    """

    step: AcceptanceStep
    verdict: StepVerdict
    details: str = ""
    error: str = ""
    output: bytes = b""


@dataclass
class _Upload:
    """An upload whose job is waited for, step after step."""

    target: Location
    events: Generator[Event, None, None]
    results: list[tuple[ResultFile, Path]] = field(default_factory=list)
    failure: OscarError | None = None
    is_done: bool = False


class AcceptanceRun:
    """Carries out the tests of one service.

    Args:
        client: the cluster.
        cluster: its entry, for calls that do not go to its API.
        files: the service and its storage.
        package: where inputs are read from.
        read_seconds: how long a service, or a server with an input, may be silent.
    """

    def __init__(
        self,
        client: Client,
        cluster: Cluster,
        files: ServiceStorage,
        package: Package,
        read_seconds: float | None = None,
    ) -> None:
        self._client = client
        self._cluster = cluster
        self._files = files
        self._package = package
        self._read_seconds = read_seconds or READ_SECONDS
        self._upload: _Upload | None = None

    def steps(self, test: AcceptanceTest) -> Iterator[StepReport]:
        """Yield what becomes of each step; those behind one that failed are not tried."""
        has_failed = False
        with TemporaryDirectory(prefix="oscar-cli-") as folder:
            try:
                for number, step in enumerate(test.steps):
                    if has_failed:
                        yield StepReport(step, "skip", AFTER_FAILURE)
                        continue
                    later = [later.seconds for later in test.steps[number:] if later.kind == "wait"]
                    report = self._tried(step, Path(folder) / str(number), sum(later) or WAIT_SECONDS)
                    has_failed = report.verdict == "fail"
                    yield report
            finally:
                self._finish_upload()

    def _tried(self, step: AcceptanceStep, folder: Path, limit: float) -> StepReport:
        folder.mkdir()
        try:
            return self._done(step, folder, limit)
        except OscarError as error:
            return StepReport(step, "fail", error=error.message)

    def _done(self, step: AcceptanceStep, folder: Path, limit: float) -> StepReport:
        if step.kind == "run":
            return self._compared(step, self._run(step))
        if step.kind == "http-request":
            return self._call(step)
        if step.kind == "put-file":
            self._put(step, folder, limit)
            return StepReport(step, "pass")
        if step.kind == "wait":
            return self._wait(step)
        if step.kind == "get-file":
            return self._get(step)
        return StepReport(step, "fail", error=step.problem or "the metadata do not say what to do")

    def _compared(self, step: AcceptanceStep, output: bytes, media_type: str = "") -> StepReport:
        reason = unmet(output, step.expected, media_type)
        if reason:
            return StepReport(step, "fail", error=reason, output=output)
        return StepReport(step, "pass", "" if step.expected else NO_CRITERION, output=output)

    # -- calls -----------------------------------------------------------------------------------------

    def _run(self, step: AcceptanceStep) -> bytes:
        from oscarcli.api.services import run_service, service_token
        from oscarcli.jobs.payload import Payload, decoded_answer, has_result_behind_log

        data = step.input_text.encode() if step.input_text is not None else self._input(step)[1]
        token = service_token(self._files.document)
        answer = run_service(self._client, self._files.service, Payload(data), token)
        # A service that logs puts its log before the result.
        return decoded_answer(answer, "last-line" if has_result_behind_log(answer) else "guess")

    def _call(self, step: AcceptanceStep) -> StepReport:
        from oscarcli.http.fetch import encode_form, fetch

        request = step.request
        headers = {"Accept": request.accept} if request.accept else {}
        headers |= self._service_login()
        content = None
        if step.inputs:
            name, data = self._input(step)
            headers["Content-Type"], content = encode_form({request.form_field: (name, data)})
        answer = fetch(
            f"{self._cluster.endpoint.rstrip('/')}/system/services/{self._files.service}/exposed{request.path}",
            what=f'call service "{self._files.service}"',
            headers=headers,
            max_bytes=MAX_INPUT_BYTES,
            tls=self._cluster.tls,
            method=request.method,
            content=content,
            read_seconds=self._read_seconds,
        )
        if answer.status != request.status:
            error = f"the answer's status is {answer.status}, not {request.status}"
            return StepReport(step, "fail", error=error, output=answer.body)
        report = self._compared(step, answer.body, answer.headers.get("content-type", ""))
        if report.details:
            report.details = f"only the status, {answer.status}, was compared"
        return report

    def _service_login(self) -> dict[str, str]:
        from oscarcli.api.services import service_token

        document = self._files.document
        if not (document.get("expose") or {}).get("set_auth"):
            return {}
        login = f"{self._files.service}:{service_token(document)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(login).decode()}"}

    def _input(self, step: AcceptanceStep) -> tuple[str, bytes]:
        """Return the name and the bytes of a step's first input."""
        if not step.inputs:
            raise OscarError("the metadata do not say which file is the input")
        place = step.inputs[0]
        name = posixpath.basename(place.partition("?")[0]) or "input"
        if place.startswith(("http://", "https://")):
            from oscarcli.http.fetch import fetch

            answer = fetch(
                place,
                what=f"fetch {place}",
                headers={},
                max_bytes=MAX_INPUT_BYTES,
                read_seconds=self._read_seconds,
            )
            if answer.status != 200:
                raise OscarError(f"cannot fetch {place}: {answer.status}")
            return name, answer.body
        from oscarcli.hub.files import joined

        return name, self._package.files.read(joined(self._package.folder, place))

    # -- files -----------------------------------------------------------------------------------------

    def _put(self, step: AcceptanceStep, folder: Path, limit: float) -> None:
        """Upload a step's input; the job that this starts is followed by the steps behind."""
        from oscarcli.jobs.events import Uploaded, UploadFailed
        from oscarcli.jobs.upload_and_wait import upload_and_wait

        self._finish_upload()
        name, data = self._input(step) if step.input_text is None else ("input", step.input_text.encode())
        source = folder / name
        source.write_bytes(data)
        upload = self._files.input(source)
        results = folder / "results"
        events = upload_and_wait(self._files, [upload], limit=limit, folder=results)
        self._upload = _Upload(upload.target, events)
        for event in events:
            if isinstance(event, UploadFailed):
                raise event.error
            if isinstance(event, Uploaded):
                return

    def _wait(self, step: AcceptanceStep) -> StepReport:
        if self._upload is None:
            time.sleep(step.seconds)
            return StepReport(step, "pass", f"waited {step.seconds:g} s")
        self._follow(self._upload)
        return StepReport(step, "pass", "waited for the job of the upload")

    def _get(self, step: AcceptanceStep) -> StepReport:
        if self._upload is None:
            raise OscarError("no file was uploaded whose result could be fetched")
        self._follow(self._upload)
        results = self._upload.results
        if not results:
            raise OscarError("the job of the upload wrote no file")
        reports = [self._compared(step, path.read_bytes()) for _, path in results]
        # A job may write several files: one of them has to be what was expected.
        best = next((report for report in reports if report.verdict == "pass"), reports[0])
        names = ", ".join(file.name for file, _ in results)
        best.details = f"{best.details}; {names}" if best.details else names
        return best

    def _follow(self, upload: _Upload) -> None:
        """Go on until the job has ended and its files are here. Raises why that did not happen, each time."""
        from oscarcli.api.jobs import raise_if_failed
        from oscarcli.jobs.events import ResultFailed, ResultSaved
        from oscarcli.jobs.finished import FinishedJob

        try:
            for event in upload.events if not upload.is_done else ():
                if isinstance(event, FinishedJob):
                    raise_if_failed(event.name, event.job)
                elif isinstance(event, ResultSaved):
                    upload.results.append((event.file, event.path))
                elif isinstance(event, ResultFailed):
                    raise event.error
        except OscarError as error:
            upload.failure = error
        upload.is_done = True
        if upload.failure is not None:
            raise upload.failure

    def _finish_upload(self) -> None:
        """Leave nothing behind of an upload: neither the wait for its job nor the files that it made."""
        upload, self._upload = self._upload, None
        if upload is None:
            return
        with closing(upload.events):
            pass
        places = [(file.provider, file.location) for file, _ in upload.results if file.location is not None]
        for provider, place in [(DEFAULT_PROVIDER, upload.target), *places]:
            with suppress(OscarError):
                self._files.storage(provider).remove(place)
