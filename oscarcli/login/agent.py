"""Access tokens of oidc-agent: from its socket with PyNaCl, else from its program `oidc-token`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from typing import Any

from oscarcli.errors import AuthError
from oscarcli.login import agent_failures, jwt
from oscarcli.login.agent_failures import AgentError, AgentProtocolError, AgentTimeoutError
from oscarcli.login.token_response import is_token
from oscarcli.login.tokens import AccessToken

SECONDS = 10.0
# The reference client asks for tokens that are good for so many seconds more.
MIN_VALIDITY_SECONDS = 600
# What the agent shows to a person whom it asks for permission.
HINT = "oscar-cli"
PROGRAM = "oidc-token"
# The agent takes longer ones for paths that are too long.
MAX_NAME_CHARACTERS = 200
# They break the agent's own JSON, and `oidc-token` takes a percent sign for a format.
ODD_LETTERS = '"\\%'


class AgentSource:
    """The tokens of an account of oidc-agent.

    Args:
        account: its short name.
        environ: environment variables; `OIDC_SOCK` or `OIDC_REMOTE_SOCK` says where the agent is.
        seconds: how long the agent may take for an answer.
    """

    def __init__(self, account: str, environ: Mapping[str, str], *, seconds: float = SECONDS) -> None:
        self._account = account
        self._environ = environ
        self._seconds = seconds
        self._was_asked = False

    def fetch(self) -> AccessToken:
        """Return a token; from the second time on a new one, for then the first one was refused or is over.

        Raises:
            AuthError: the agent is not there, has no such account, or gives no token.
            UnreachableError: the agent cannot reach the account's provider.
        """
        self._check_name()
        where = agent_failures.place(self._account, self._environ)
        try:
            answer = self._answer(time.monotonic() + self._seconds)
            if answer.get("status") != "success":
                raise agent_failures.refusal(self._account, answer)
            token = _token(answer)
        except AgentTimeoutError as error:
            raise agent_failures.silence(self._account, where, self._seconds) from error
        except AgentError as error:
            raise agent_failures.no_agent(self._account, where, error) from error
        self._was_asked = True
        return token

    def _check_name(self) -> None:
        name = self._account
        is_odd = not name.isprintable() or any(letter in name for letter in ODD_LETTERS)
        if is_odd or name.startswith("-") or len(name) > MAX_NAME_CHARACTERS:
            raise AuthError(
                "cannot ask oidc-agent for a token: the account's name begins with a dash, is very long, or "
                "has characters that no name has",
                hint="'oidc-add --list' shows the accounts; 'oscar-cli cluster add' stores a name with "
                "--oidc-account-name",
            )

    def _answer(self, deadline: float) -> dict[str, Any]:
        """Return the agent's answer, or what its program prints in the same words."""
        if _has_nacl():
            from oscarcli.login.agent_socket import ask

            # Less than nothing asks for a new one; the agent's own program does it so.
            validity = -1 if self._was_asked else MIN_VALIDITY_SECONDS
            request = {
                "request": "access_token",
                "account": self._account,
                "min_valid_period": validity,
                "application_hint": HINT,
            }
            return ask(request, self._environ, deadline)
        program = shutil.which(PROGRAM, path=self._environ.get("PATH"))
        if program is None:
            what = agent_failures.what(self._account)
            raise AuthError(
                f"{what}: neither PyNaCl nor the program {PROGRAM} is installed",
                hint="'pip install pynacl' brings the one, the package oidc-agent-cli the other",
            )
        return self._printed(program, deadline)

    def _printed(self, program: str, deadline: float) -> dict[str, Any]:
        from oscarcli.login.process import OutputTooLargeError, run

        asked = "--force-new" if self._was_asked else f"--time={MIN_VALIDITY_SECONDS}"
        argv = [program, "--all", asked, f"--name={HINT}", "--", self._account]
        try:
            ended = run(argv, environ=self._environ, seconds=deadline - time.monotonic())
        except TimeoutError as error:
            raise AgentTimeoutError from error
        except OutputTooLargeError as error:
            raise AgentProtocolError(f"{PROGRAM} prints without end") from error
        except OSError as error:
            raise AgentProtocolError(f"{PROGRAM} cannot be run: {error.strerror}") from error
        lines = ended.out.decode("ascii", "replace").splitlines()
        if ended.code != 0:
            return {"status": "failure", "error": _error_text(ended.err)}
        # Token, issuer and expiry, one a line.
        expiry = int(lines[2]) if len(lines) > 2 and lines[2].isdecimal() else None
        return {"status": "success", "access_token": lines[0] if lines else "", "expires_at": expiry}


def _has_nacl() -> bool:
    try:
        import nacl.public  # noqa: F401 -- whether it can be used at all, its library of C included
    except ImportError:
        return False
    return True


def _error_text(err: bytes) -> str:
    """Return what `oidc-token` complains of: its first line says what, the others advise."""
    lines = [line for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[0].removeprefix("Error:").strip() if lines else f"{PROGRAM} failed and said nothing"


def _token(answer: Mapping[str, Any]) -> AccessToken:
    value, end = answer.get("access_token"), answer.get("expires_at")
    if not is_token(value):
        raise AgentProtocolError("its answer has no token that a request can carry")
    # The agent gives 0 when its provider does not tell.
    if not isinstance(end, int) or isinstance(end, bool) or not 0 < end < 1 << 53:
        return AccessToken(value, jwt.expiry(value))
    return AccessToken(value, float(end))
