"""What applying an FDL would change, shown field by field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscarcli.cli.kit.apply_report import combined
from oscarcli.cli.kit.fdl_plan import Planned
from oscarcli.cli.kit.session import Session
from oscarcli.output.render import Result
from oscarcli.output.terminal import clean

if TYPE_CHECKING:
    from oscarcli.fdl.actions import Action
    from oscarcli.fdl.compare import Change

WOULD = {"create": "Would create", "edit": "Would edit", "none": "Unchanged", "check": "Checking"}
# Green, red and yellow, where there is colour.
STYLES = {"+": "32", "-": "31", "~": "33"}
SECRETS_NOTE = "secrets are not compared: no server shows them"


def show_plan(session: Session, plan: Planned, doing: str) -> None:
    """Show the steps of a plan; raise why some could not be planned.

    Args:
        session: the run.
        plan: the steps.
        doing: what is done with the file, in one word.
    """
    known = [action for action in plan.actions if action.error is None]
    failed = [action for action in plan.actions if action.error is not None]
    if session.wants_table:
        session.line(f'{doing} file "{Path(plan.fdl.label).name}"...')
        for action in known:
            session.line(f"{WOULD[action.kind]} {_place(action)}")
            for change in action.comparison.changes if action.comparison else ():
                _show_change(session, change)
    else:
        rows = [_row(action) for action in plan.actions]
        session.show(Result({"file": plan.fdl.label, "services": rows}))
    _tell_rest(session, known)
    for action in failed:
        _tell_failure(session, action, alone=len(plan.actions) == 1)
    if failed:
        raise combined([action.error for action in failed if action.error is not None], len(plan.actions))


def warn_of_ignored(session: Session, actions: Iterable[Action]) -> None:
    """Say which keys of a file a server neither shows nor reads."""
    for action in actions:
        if action.comparison is not None and action.comparison.ignored:
            keys = ", ".join(action.comparison.ignored)
            session.note(f"{_place(action)}: not compared, as the server does not show it: {keys}")


def _tell_rest(session: Session, actions: Sequence[Action]) -> None:
    from oscarcli.fdl.ordering import left_out

    warn_of_ignored(session, actions)
    if any(action.comparison is not None and action.comparison.has_secrets for action in actions):
        session.note(SECRETS_NOTE)
    for action in actions:
        paths = ", ".join(left_out(action))
        if paths:
            session.note(f"{_place(action)}: created without output to {paths} first, and then updated")


def _tell_failure(session: Session, action: Action, *, alone: bool) -> None:
    assert action.error is not None
    if session.wants_table and action.tried:
        session.mark(f"{WOULD[action.kind]} {_place(action)}", done=False)
    if not action.tried:
        session.note(f"{_place(action)}: not tried, the cluster failed before")
    elif not alone:
        hint = f"\nhint: {clean(action.error.hint)}" if action.error.hint else ""
        session.note(f"{_place(action)}: {clean(action.error.message)}{hint}")


def _place(action: Action) -> str:
    return f'service "{action.name}" in cluster "{action.cluster_id}"'


def _show_change(session: Session, change: Change) -> None:
    from oscarcli.fdl.compare import is_text_of_lines, unified

    field = change.field
    if is_text_of_lines(change):
        _show(session, "~", f"  ~ {field}:")
        for line in unified(change):
            _show(session, line[:1], f"    {line}")
        return
    old, new = (json.dumps(value, ensure_ascii=False) for value in (change.old, change.new))
    if change.old is None:
        _show(session, "+", f"  + {field}: {new}")
    elif change.new is None:
        _show(session, "-", f"  - {field}: {old}")
    else:
        _show(session, "~", f"  ~ {field}: {old} -> {new}")


def _show(session: Session, mark: str, text: str) -> None:
    shown = clean(text, keep="\t")
    session.answer((session.out.styled(shown, STYLES[mark]) if mark in STYLES else shown) + "\n")


def _row(action: Action) -> dict[str, Any]:
    outcome = {"none": "unchanged", "check": "failed" if action.tried else "not tried"}
    row: dict[str, Any] = {
        "service": action.name,
        "cluster": action.cluster_id,
        "action": action.kind,
        "outcome": outcome.get(action.kind, "planned"),
    }
    if action.comparison is not None:
        row["changes"] = [_document(change) for change in action.comparison.changes]
        row["not_compared"] = list(action.comparison.ignored)
        if action.comparison.has_secrets:
            row["not_compared"].append("environment.secrets")
    if action.error is not None:
        row |= {"error": action.error.message, "code": int(action.error.exit_code)}
    return row


def _document(change: Change) -> dict[str, Any]:
    from oscarcli.fdl.compare import is_text_of_lines, unified

    if is_text_of_lines(change):
        return {"field": change.field, "diff": "\n".join(unified(change))}
    return {"field": change.field, "from": change.old, "to": change.new}
