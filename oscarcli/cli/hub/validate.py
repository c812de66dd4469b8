"""`hub validate`: a package's acceptance tests, carried out on a cluster where its service is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.hub.definition import fdl_of
from oscarcli.cli.hub.options import (
    OWNER,
    PATH,
    REF,
    REPO,
    ApiBaseOption,
    LocalPathOption,
    OwnerOption,
    Package,
    PathOption,
    RefOption,
    RepoOption,
    SlugArgument,
    as_pinned,
    opened_package,
)
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import JobFailedError, NotFoundError
from oscarcli.output.render import Result
from oscarcli.output.terminal import clean

if TYPE_CHECKING:
    from oscarcli.cli.hub.acceptance_run import AcceptanceRun, StepReport
    from oscarcli.hub.acceptance import AcceptanceTest

app = noun("Test a service of the hub.")

MAX_PREVIEW_BYTES = 512
VERDICTS = {"pass": "PASS", "fail": "FAIL", "skip": "SKIP"}


@app.command("validate, test, check", formats=TABLE_FORMATS, waits=True)
def validate(
    ctx: typer.Context,
    slug: SlugArgument,
    owner: OwnerOption = OWNER,
    repo: RepoOption = REPO,
    path: PathOption = PATH,
    ref: RefOption = None,
    api_base: ApiBaseOption = "",
    local_path: LocalPathOption = None,
    name: Annotated[
        str | None,
        typer.Option("--name", "-n", metavar="NAME", help="The deployed service.  [default: the FDL's]"),
    ] = None,
    print_commands: Annotated[
        bool,
        typer.Option(
            "--print-acceptance-commands", help="Print the tests as shell commands, and run nothing."
        ),
    ] = False,
) -> None:
    """Run the acceptance tests of a package on the chosen cluster, where its service is deployed.

    A step behind one that failed is not tried. Only files that the test's own job wrote are looked at, and
    what a test uploaded is removed again. The exit code is 9 when a test fails.
    """
    from oscarcli.cli.hub.acceptance_commands import AcceptanceCommands
    from oscarcli.cli.hub.acceptance_run import AcceptanceRun
    from oscarcli.hub.acceptance import AcceptanceReader
    from oscarcli.hub.lock import LOCK_NAME, Lock
    from oscarcli.hub.origin import HubOrigin
    from oscarcli.jobs.service_storage import ServiceStorage

    session: Session = ctx.obj
    origin = HubOrigin.checked(owner, repo, path, ref or REF, api_base)
    if local_path is None and ref is None:
        origin = as_pinned(session, Lock(Path(LOCK_NAME)), slug, origin)
    with opened_package(session, origin, slug, local_path) as package:
        reader = AcceptanceReader(package.crate)
        tests = reader.tests()
        for warning in reader.warnings:
            session.warn(warning)
        service = name or _deployed_name(session, package)
        if print_commands:
            lines = AcceptanceCommands(session, package, origin, service).lines(tests)
            session.answer("".join(f"{line}\n" for line in lines))
            return
        files = ServiceStorage(
            session.api, service, tls=session.cluster.tls, timeout=session.timeout, tell=session.note
        )
        # One that is not there is told once, not by each step.
        _ = files.document
        run = AcceptanceRun(session.api, session.cluster, files, package, session.timeout)
        results = _run_all(session, slug, run, tests)
    if not session.wants_table:
        rows = [_test_document(test, reports) for test, reports in results]
        document = {"slug": slug, "service": service, "cluster": session.cluster_id, "tests": rows}
        session.show(Result(document))
    failed = sum(not _has_passed(reports) for _, reports in results)
    if failed:
        raise JobFailedError(f"{failed} of {len(tests)} acceptance tests failed")


def _deployed_name(session: Session, package: Package) -> str:
    """Return the name that the FDL gives its service; the package's own where it has no FDL."""
    try:
        return fdl_of(session, package)[1].services[0].name
    except NotFoundError:
        return package.slug


def _run_all(
    session: Session, slug: str, run: AcceptanceRun, tests: Sequence[AcceptanceTest]
) -> list[tuple[AcceptanceTest, list[StepReport]]]:
    results = []
    if session.wants_table:
        session.line(f"Acceptance tests for {slug}")
    for test in tests:
        session.note(f"Running acceptance test: {test.name}")
        reports = list(run.steps(test))
        results.append((test, reports))
        if session.wants_table:
            session.line(f"- [{'PASS' if _has_passed(reports) else 'FAIL'}] {test.name}")
            for report in reports:
                for line in _lines(report):
                    session.line(line)
    return results


def _has_passed(reports: Sequence[StepReport]) -> bool:
    return all(report.verdict == "pass" for report in reports)


def _lines(report: StepReport) -> Iterator[str]:
    yield f"  - [{VERDICTS[report.verdict]}] {report.step.name}"
    if report.error:
        yield f"    Error: {report.error}"
    if report.details:
        yield f"    Details: {report.details}"
    if report.step.expected.text:
        yield f'    Expect: "{report.step.expected.text}"'
    if report.step.expected.media_types:
        yield f"    Expect: {' or '.join(report.step.expected.media_types)}"
    if preview := _preview(report.output):
        yield f"    Output preview: {preview}"


def _preview(output: bytes) -> str:
    from oscarcli.hub.criteria import sniffed

    if not output:
        return ""
    if not sniffed(output).startswith("text/"):
        return f"({len(output)} bytes of {sniffed(output)})"
    text = output[:MAX_PREVIEW_BYTES].decode("utf-8", errors="replace")
    return clean(" ".join(text.split())) + ("..." if len(output) > MAX_PREVIEW_BYTES else "")


def _test_document(test: AcceptanceTest, reports: Sequence[StepReport]) -> dict[str, Any]:
    steps = [
        {
            "name": report.step.name,
            "kind": report.step.kind,
            "outcome": report.verdict,
            "details": report.details,
            "error": report.error,
            "expected": report.step.expected.text,
            "expected_media_types": list(report.step.expected.media_types),
            "output_preview": _preview(report.output),
        }
        for report in reports
    ]
    return {"name": test.name, "outcome": "pass" if _has_passed(reports) else "fail", "steps": steps}
