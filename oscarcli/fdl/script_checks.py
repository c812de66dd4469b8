"""What a script's text tells before it runs: another language than that of `/bin/sh`, signs of an editor."""

from __future__ import annotations

from collections.abc import Iterator

from oscarcli.fdl.interpreter import BYTE_ORDER_MARK, interpreter_of


def script_warnings(text: str, name: str = "", *, is_executed: bool = False) -> Iterator[str]:
    """Yield what about a script will surprise its author.

    A job's script is always given to `/bin/sh`, whatever its first line says; the script of an exposed
    service is executed itself, so that there the first line counts (`job-runtime` 1).

    Args:
        text: the script.
        name: its file's name, nothing for a script that stands in the FDL.
        is_executed: whether the script is that of an exposed service.
    """
    if text.startswith(BYTE_ORDER_MARK):
        yield (
            "the script begins with a byte order mark, which /bin/sh takes for a part of the first command; "
            "save it as UTF-8 without one"
        )
    if "\r" in text:
        yield "the script has CRLF line ends; the cluster makes LF of them, other programs stumble over them"
    interpreter = interpreter_of(text, name)
    if interpreter and not interpreter.is_shell and not is_executed:
        yield _other_language(interpreter.program, text, name)


def _other_language(program: str, text: str, name: str) -> str:
    reason = (
        f"its first line names {program}, but a job's script is run by /bin/sh, which ignores that line"
        if text.removeprefix(BYTE_ORDER_MARK).startswith("#!")
        else f"it looks like one for {program}, but a job's script is run by /bin/sh"
    )
    advice = f"'oscar-cli init NAME --script {name}' writes one" if name else "it holds the other one's text"
    return f"{reason}; call {program} from a shell script ({advice})"
