"""A plan carried out: the services of an FDL created and updated, each step told as it comes."""

from __future__ import annotations

from oscarcli.cli.kit.apply_report import ApplyReport
from oscarcli.cli.kit.fdl_plan import Planned
from oscarcli.cli.kit.session import Session

APPLIED = (("created", "create"), ("edited", "edit"), ("unchanged", "none"))
WAIT_SECONDS = 300.0


def apply_plan(session: Session, plan: Planned, *, wait: bool) -> None:
    """Carry out the steps of a plan and tell what becomes of each.

    Args:
        session: the run.
        plan: the steps.
        wait: wait until the services are ready.

    Raises:
        OscarError: some were not done, or not ready in time; each was told.
    """
    _tell_delegated_logins(session, plan)
    _carry_out(session, plan, wait=wait)


def _tell_delegated_logins(session: Session, plan: Planned) -> None:
    sent = {action.name for action in plan.actions if action.kind in ("create", "edit")}
    for service, clusters in plan.delegated_logins.items():
        if service in sent:
            session.note(
                f'service "{service}" is given the login of {", ".join(clusters)} to delegate jobs with; '
                "whoever may read the service can read it"
            )


def _carry_out(session: Session, plan: Planned, *, wait: bool) -> None:
    from oscarcli.cli.kit.fdl_changes import warn_of_ignored
    from oscarcli.fdl.apply import apply_actions
    from oscarcli.fdl.wait import Awaited, wait_until_ready

    report = ApplyReport(session, plan.fdl.label, len(plan.actions))
    report.title("Applying")
    done = report.follow(apply_actions(plan.actions, session.api_for))
    for action in done:
        if action.comparison is not None and action.comparison.has_secrets and not action.comparison.changes:
            because = "sent for its secrets alone, as no server shows whether they differ"
            session.note(f'service "{action.name}" in cluster "{action.cluster_id}": {because}')
    warn_of_ignored(session, done)
    if wait and done:
        awaited = [
            Awaited(action.cluster_id, action.name, action.definition or {}, action.kind == "edit")
            for action in done
        ]
        seconds = session.timeout or WAIT_SECONDS
        report.follow_states(wait_until_ready(awaited, session.api_for, seconds))
    report.close(APPLIED)
