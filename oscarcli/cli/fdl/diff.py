"""`diff` and `apply --dry-run`: what applying an FDL would do, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.fdl_changes import show_plan
from oscarcli.cli.kit.fdl_plan import (
    DefaultOption,
    EnvFileOption,
    FdlArgument,
    NameOption,
    planned,
)
from oscarcli.cli.kit.session import Session
from oscarcli.errors import ExitCode, OscarError

if TYPE_CHECKING:
    from oscarcli.fdl.actions import Action

app = noun("Compare an FDL file with what is on its clusters.")

DIFFERENT = 1


@app.command("diff", formats=TABLE_FORMATS)
def diff(
    ctx: typer.Context,
    fdl_file: FdlArgument,
    default: DefaultOption = False,
    name: NameOption = None,
    env_file: EnvFileOption = None,
) -> None:
    """Show what apply would change, field by field, and change nothing.

    The exit code is 0 when all services are as the file has them, 1 when there is a difference, and another
    one after a failure (7 for those that elsewhere have 1). Values of secrets are not compared, nor what
    only the server decides about.
    """
    session: Session = ctx.obj
    with _failures_other_than_one():
        found = planned(session, fdl_file, default=default, names=name, env_file=env_file)
        plan = replace(found, actions=[_without_secrets(action) for action in found.actions])
        show_plan(session, plan, "Comparing")
        session.out.flush()
    if any(action.kind != "none" for action in plan.actions):
        raise typer.Exit(DIFFERENT)


@contextmanager
def _failures_other_than_one() -> Iterator[None]:
    """Give failures that have the code of a difference another one."""
    try:
        yield
    except OscarError as error:
        if error.exit_code == DIFFERENT:
            error.exit_code = ExitCode.REFUSED
        raise
    except (BrokenPipeError, EOFError):
        raise
    except Exception as error:
        hint = "run the command again with --debug for the details"
        failure = OscarError(f"unexpected {type(error).__name__}: {error}", hint=hint)
        failure.exit_code = ExitCode.REFUSED
        raise failure from error


def _without_secrets(action: Action) -> Action:
    """Return a step that is none when nothing can be said to differ."""
    comparison = action.comparison
    return replace(action, kind="none") if comparison is not None and not comparison.changes else action
