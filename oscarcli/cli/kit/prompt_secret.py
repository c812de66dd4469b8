"""Secrets from a person, from standard input, or from the command line, where they should not be."""

from __future__ import annotations

from typing import Annotated

import typer

from oscarcli.cli.kit.session import Session
from oscarcli.errors import UsageError

PasswordStdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def ask_password(session: Session, user: str, given: str | None, *, from_stdin: bool) -> str:
    """Return a password: as given, from standard input, or from a person.

    Raises:
        UsageError: there is none, or an empty one.
    """
    if given is not None:
        session.warn(
            "the password on the command line is in the shell's history, and others here can see it; "
            "leave it away to be asked, or pipe it in with --password-stdin"
        )
    elif from_stdin:
        given = _stdin_secret(session)
    elif session.can_ask:
        given = session.ask_secret(f"Password of {user}: ")
    else:
        raise UsageError(
            "you must provide the password",
            hint="pipe it in with --password-stdin, or run this on a terminal",
        )
    if not given:
        raise UsageError("the password is empty")
    return given


def ask_refresh_token(session: Session, given: str) -> str:
    """Return a refresh token: as given, or, for a dash, from a person or from standard input.

    Raises:
        UsageError: it is empty, or can be no token.
    """
    from oscarcli.login.token_response import is_token

    if given != "-":
        session.warn(
            "the refresh token on the command line is in the shell's history, and others here can see it; "
            "-t - asks for it, or reads it from standard input"
        )
    elif session.can_ask:
        given = session.ask_secret("Refresh token: ")
    else:
        given = _stdin_secret(session)
    given = given.strip()
    if not is_token(given):
        raise UsageError("the refresh token is none: it is empty, or has blanks or characters that none has")
    return given


def _stdin_secret(session: Session) -> str:
    """Return a secret that is piped in, without the end of its line. Raises UsageError."""
    try:
        return session.read_stdin().decode().strip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError("what came on standard input is not UTF-8 text") from error
