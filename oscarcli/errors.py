"""Every way a command can fail, each with its exit code.

An error carries the sentence a person reads, a hint with the command to run next, and the exit code a
script acts on. Raising one has no side effect; `oscarcli.cli.app.main` is the one place that prints it.

All of them, with their exit codes, and where those that do not stand here do:

    OscarError                  1
    ├── UsageError              2
    ├── ConfigError             3
    │   ├── CrateError          3  hub.crate
    │   ├── FdlError            3  fdl.findings
    │   └── LayoutRefusedError  3  config.document
    ├── AuthError               4
    │   ├── ForbiddenError      4
    │   ├── NewLoginError       4  login.token_response
    │   └── ScopeError          4  login.token_response
    ├── NotFoundError           5
    ├── UnreachableError        6
    │   └── ProbeError          6  network.route
    ├── RefusedError            7
    │   ├── NoRouteError        7  api.responses
    │   └── StorageFullError    7
    ├── PartialError            8
    ├── JobFailedError          9
    ├── AmbiguousJobsError      1  jobs.uploaded
    ├── CheckError              1  cli.doctor.model, each with the code of what was checked
    ├── FolderTakenError        1  local.folder
    ├── OverwrittenError        1  jobs.batch.results
    └── ServerError             1  api.responses
        └── UnconfirmedError    1  api.responses

Exceptions that are no children of OscarError stay inside their package: whoever calls it never sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple


class ExitCode(IntEnum):
    """What the process answers to the shell. Documented in README.md; scripts rely on the numbers."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    AUTH = 4
    NOT_FOUND = 5
    UNREACHABLE = 6
    REFUSED = 7
    PARTIAL = 8
    JOB_FAILED = 9
    INTERRUPTED = 130


class OscarError(Exception):
    """Base of all errors that reach the user as one line instead of a traceback.

    Args:
        message: what was tried and what went wrong, one line, no trailing full stop, never a secret.
        hint: what to do next, ideally a command; `None` when nothing sensible can be said.
        details: what the message sums up, such as each mistake of a file; one line is shown for each.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)


class UsageError(OscarError):
    """Wrong words, options or values on the command line."""

    exit_code = ExitCode.USAGE


class ConfigError(OscarError):
    """The configuration file or an FDL cannot be read or is wrong, or no cluster is chosen."""

    exit_code = ExitCode.CONFIG


class AuthError(OscarError):
    """No credentials, or the server refused them (401, 403)."""

    exit_code = ExitCode.AUTH


class ForbiddenError(AuthError):
    """The login is accepted, but it may not do this (403); other requests of the same login may succeed."""


# No dataclass: every start imports this module, and `dataclasses` costs more than all the rest of it.
class MissingName(NamedTuple):
    """The name of something that a cluster does not have.

    Args:
        kind: service, job, bucket or volume.
        name: as it was asked for.
        service: whose job it would be.
        known: the names there are, where they were asked for already.
    """

    kind: str
    name: str
    service: str = ""
    known: tuple[str, ...] | None = None


class NotFoundError(OscarError):
    """A service, job, bucket, object or cluster that does not exist.

    Args:
        message: as for every error, and so are `hint` and `details`.
        missing: what the cluster could have under a similar name.
    """

    exit_code = ExitCode.NOT_FOUND

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: Sequence[str] = (),
        missing: MissingName | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.missing = missing


class UnreachableError(OscarError):
    """No usable answer: DNS, connection, TLS, timeout, or a gateway's 502 to 504."""

    exit_code = ExitCode.UNREACHABLE


class RefusedError(OscarError):
    """The server understood the request and said no (400, 409, 413, 422)."""

    exit_code = ExitCode.REFUSED


class StorageFullError(RefusedError):
    """A storage has no room left, or the quota there is used up (507)."""


class PartialError(OscarError):
    """Several things were asked for and some of them failed; each was named before."""

    exit_code = ExitCode.PARTIAL


class JobFailedError(OscarError):
    """A job that was waited for failed."""

    exit_code = ExitCode.JOB_FAILED


def is_general(error: OscarError | None) -> bool:
    """Tell whether every other request would fail like this one: nobody answers, or the login is refused."""
    return isinstance(error, (UnreachableError, AuthError)) and not isinstance(error, ForbiddenError)
