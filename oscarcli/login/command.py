"""A command that prints an access token."""

from __future__ import annotations

import os
import shlex
import shutil
import signal

from oscarcli.errors import AuthError
from oscarcli.http.redaction import quote_line
from oscarcli.login import jwt
from oscarcli.login.process import MAX_OUTPUT_BYTES, OutputTooLargeError, ProcessResult, run
from oscarcli.login.token_response import is_token
from oscarcli.login.tokens import AccessToken

SECONDS = 30.0
# Of the program's name in messages.
MAX_NAME_CHARACTERS = 80
ALONE_HINT = "it has to print the token alone, in one line; what else it says belongs on standard error"
STDIN = 0


class CommandSource:
    """The tokens that a command prints.

    Args:
        command: program and arguments, parted and quoted as for a shell; no shell runs it.
        seconds: how long it may take.
    """

    def __init__(self, command: str, *, seconds: float = SECONDS) -> None:
        self._command = command
        self._seconds = seconds

    def fetch(self) -> AccessToken:
        """Run the command and return the token it prints; a JSON Web Token tells its own end.

        Raises:
            AuthError: it cannot be run, takes too long, fails, or prints no token.
        """
        argv = self._words()
        # Arguments may be secrets: messages name the program alone.
        what = f'cannot get a token from the command "{quote_line(argv[0], longest=MAX_NAME_CHARACTERS)}"'
        ended = self._ended(argv, what)
        out = ended.out.decode("ascii", "replace").strip()
        if ended.code != 0:
            raise AuthError(f"{what}: {_failure(ended, out)}", hint="run the command by hand to see more")
        if not out:
            words = _last_words(ended, out)
            reason = f"it printed nothing, and said: {words}" if words else "it printed nothing"
            raise AuthError(f"{what}: {reason}", hint="run the command by hand: it has to print the token")
        if not is_token(out):
            lines = len(out.splitlines())
            reason = f"it printed {lines} lines" if lines > 1 else "it printed something else than a token"
            raise AuthError(f"{what}: {reason}", hint=ALONE_HINT)
        return AccessToken(out, jwt.expiry(out))

    def _words(self) -> list[str]:
        try:
            argv = shlex.split(self._command)
        except ValueError as error:
            reason = str(error).lower()
            raise AuthError(f"cannot run the token command: {reason}", hint=_hint_to_change()) from error
        if not argv or not argv[0]:
            raise AuthError("cannot run the token command: it names no program", hint=_hint_to_change())
        return argv

    def _ended(self, argv: list[str], what: str) -> ProcessResult:
        try:
            return run(argv, seconds=self._seconds, may_ask=os.isatty(STDIN))
        except TimeoutError as error:
            raise AuthError(
                f"{what}: it took longer than {self._seconds:g} s",
                hint="run the command by hand: it may wait for something",
            ) from error
        except OutputTooLargeError as error:
            raise AuthError(
                f"{what}: it printed more than {MAX_OUTPUT_BYTES >> 10} KiB", hint=ALONE_HINT
            ) from error
        except (OSError, ValueError) as error:
            raise _unstartable(error, argv[0], what) from error


def _unstartable(error: OSError | ValueError, program: str, what: str) -> AuthError:
    if isinstance(error, ValueError):
        return AuthError(f"{what}: it has a character that no command can have", hint=_hint_to_change())
    if not isinstance(error, FileNotFoundError):
        reason = "it is not executable" if isinstance(error, PermissionError) else f"{error.strerror}"
        return AuthError(f"{what}: {reason}", hint=f"'ls -l {shlex.quote(program)}' shows what it is")
    if shutil.which(program) is not None:
        return AuthError(
            f"{what}: the program that its first line names is not there", hint="mend its first line"
        )
    return AuthError(
        f"{what}: there is no such program",
        hint="install it, or name it by its whole path; what only a shell knows, like an alias or a pipe, "
        "needs one: sh -c '...'",
    )


def _failure(ended: ProcessResult, out: str) -> str:
    """Return how a program failed: its end, and the last line that it said."""
    end = f"it ended with exit code {ended.code}" if ended.code > 0 else f"it was ended by {_signal(ended)}"
    words = _last_words(ended, out)
    return f"{end}: {words}" if words else f"{end} and said nothing"


def _signal(ended: ProcessResult) -> str:
    try:
        return signal.Signals(-ended.code).name
    except ValueError:
        return f"signal {-ended.code}"


def _last_words(ended: ProcessResult, out: str) -> str:
    """Return the last line on standard error, cleaned and cut; nothing that it printed is in it."""
    lines = [line for line in ended.err.decode("utf-8", "replace").splitlines() if line.strip()]
    return quote_line(lines[-1], [out] if out else []) if lines else ""


def _hint_to_change() -> str:
    return "--token-command of 'oscar-cli cluster add' stores another one"
