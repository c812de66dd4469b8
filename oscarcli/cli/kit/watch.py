"""`--watch`: a command that only looks is run again and again, and what it answers is shown anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfer_report import terminated_by_exception
from oscarcli.output.live import LiveText
from oscarcli.output.render import Format
from oscarcli.output.watch import Display, Frame, Shown, Stream, full_screen
from oscarcli.polling import Poll

# A look that took long, because a server is slow, is followed by a pause so many times as long.
REST_FACTOR = 4.0
MAX_REST_SECONDS = 30.0
DOCUMENT_SEPARATORS = {"json": "", "yaml": "---\n"}


def watch(session: Session, title: str, look: Callable[[], Any]) -> NoReturn:
    """Run a command again and again until the program is interrupted.

    A server that goes away after the first look is borne as long as it takes; that is said once, and once
    more when it is back.

    Args:
        session: what the command writes to.
        title: the command, for the first line of a terminal.
        look: runs it once.

    Raises:
        KeyboardInterrupt: it was interrupted.
        OscarError: what the first look can raise; afterwards all of it but what may pass.
    """
    from oscarcli.jobs.outage import TRANSIENT

    poll = Poll(session.interval, rest=REST_FACTOR, longest_rest=MAX_REST_SECONDS)
    is_first, is_away = True, False
    with _display(session, title) as display:
        while True:
            poll.begin()
            try:
                shown = _look(session, look)
            except TRANSIENT as error:
                if is_first:
                    raise
                if not is_away:
                    display.say(f"{error.message}; looking again every {session.interval:g} s")
                is_away = True
            else:
                if is_away:
                    display.say("the server answers again")
                is_first = is_away = False
                display.show(shown)
            poll.wait()


@contextmanager
def _display(session: Session, title: str) -> Iterator[Display]:
    if LiveText.works(session.out, session.environ.get("TERM")):
        looks = f"Every {session.interval:g} s: {title}"
        with terminated_by_exception(), full_screen(session.out, looks) as screen:
            yield screen
        return
    separator = DOCUMENT_SEPARATORS.get(session.output or "", "\n")
    yield Stream(session.out, session.diagnostics.terminal, separator)


def _look(session: Session, look: Callable[[], Any]) -> Shown:
    """Return what a command answers, and what it says besides; its exit code tells no more than these."""
    answer, notes = Frame(session.out), Frame(session.diagnostics.terminal)
    out, session.out = session.out, answer
    session.forget_configuration()
    session.news = None
    try:
        with session.diagnostics.above(notes):
            look()
    except typer.Exit:
        pass
    finally:
        session.out = out
    is_json = session.format is Format.JSON and not out.is_terminal
    text = _one_line(answer.text) if is_json else answer.text
    return Shown(text, notes.text, session.news)


def _one_line(text: str) -> str:
    """Return a document on one line: so a reader of a pipe knows where each of them ends."""
    return json.dumps(json.loads(text)) + "\n" if text else text
