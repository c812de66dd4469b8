"""What a check is, and what it comes to."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from oscarcli.cli.kit.session import Session
from oscarcli.config.environment import IDENTIFIER
from oscarcli.errors import ExitCode, OscarError

if TYPE_CHECKING:
    from oscarcli.api.system import HealthAnswer
    from oscarcli.config.model import Cluster
    from oscarcli.network.route import NetworkRoute

# How long a single step may take when --timeout says nothing.
SECONDS = 5.0


class CheckOutcome(str, Enum):
    """What a check came to."""

    OK = "ok"
    # Something to know; nothing is wrong.
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class StepResult:
    """What a check found where nothing failed; a warning has a cause and what to do next."""

    finding: str
    outcome: CheckOutcome = CheckOutcome.OK
    cause: str | None = None
    next: str | None = None


class CheckError(OscarError):
    """What a check found wrong.

    Args:
        finding: what was seen.
        cause: why that is, most likely.
        next: what to do, a command where there is one.
        code: the exit code it stands for.
    """

    def __init__(self, finding: str, *, cause: str, next: str, code: ExitCode) -> None:
        super().__init__(finding, hint=next)
        self.cause = cause
        self.exit_code = code


@dataclass(frozen=True)
class Check:
    """The outcome of one check, with the exit code of a failure."""

    name: str
    outcome: CheckOutcome
    finding: str
    cause: str | None = None
    next: str | None = None
    code: int = 0

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "finding": self.finding,
            "cause": self.cause,
            "next": self.next,
            "code": self.code,
        }


@dataclass
class Context:
    """What is looked at. Each check leaves here what later ones go on from."""

    session: Session
    health: HealthAnswer | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    service: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long a single step may take."""
        return self.session.timeout or SECONDS

    @cached_property
    def cluster(self) -> Cluster:
        """The chosen cluster. Raises ConfigError."""
        return self.session.cluster

    @cached_property
    def url(self) -> str:
        """The endpoint without login and final slash. Raises ConfigError when it is no URL."""
        from oscarcli.http.address import base_url

        return base_url(self.cluster.endpoint)

    @cached_property
    def route(self) -> NetworkRoute:
        """Where connections to the cluster go. Raises ConfigError for a proxy that cannot be used."""
        from oscarcli.network.route import route_to

        return route_to(self.url, self.cluster.tls)

    def store_again(self, endpoint: str, *words: str) -> str:
        """Return the command that stores the cluster anew."""
        chosen = self.cluster
        if chosen.identifier == IDENTIFIER:
            return f"set OSCAR_CLI_ENDPOINT to {endpoint}"
        return " ".join(
            ["oscar-cli cluster add", chosen.identifier, endpoint, *_login_words(chosen), *words, "--force"]
        )


def _login_words(cluster: Cluster) -> list[str]:
    """Return the words of 'cluster add' for the login that an entry has."""
    if cluster.login == "oidc-agent":
        return ["-o", shlex.quote(cluster.oidc_account_name)]
    if cluster.login == "token-command":
        return ["--token-command", shlex.quote(cluster.token_command)]
    if cluster.login == "refresh-token":
        return ["-t", "-"]
    return [cluster.auth_user] if cluster.auth_user else []


@dataclass(frozen=True)
class Step:
    """A check: its name, what has to be well before, and the function that looks."""

    name: str
    look: Callable[[Context], StepResult]
    needs: tuple[str, ...] = ()


def run_checks(context: Context, steps: Iterable[Step]) -> Iterator[Check]:
    """Yield the outcome of each step as it comes."""
    # Each check that was not passed, by the one whose failure it comes from.
    unwell: dict[str, str] = {}
    for step in steps:
        missing = [unwell[name] for name in step.needs if name in unwell]
        if missing:
            check = Check(step.name, CheckOutcome.SKIPPED, f"not tried after the failure of: {missing[0]}")
        else:
            check = _looked(context, step)
        if check.outcome in (CheckOutcome.FAILED, CheckOutcome.SKIPPED):
            unwell[step.name] = missing[0] if missing else step.name
        yield check


def _looked(context: Context, step: Step) -> Check:
    try:
        found = step.look(context)
    except OscarError as error:
        cause = getattr(error, "cause", None)
        following = error.hint or "oscar-cli doctor --debug"
        return Check(step.name, CheckOutcome.FAILED, error.message, cause, following, int(error.exit_code))
    return Check(step.name, found.outcome, found.finding, found.cause, found.next)
