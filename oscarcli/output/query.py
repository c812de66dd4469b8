"""Parts of a document, chosen by an expression in JMESPath, the language of `aws --query`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from oscarcli.errors import UsageError

LANGUAGE = "https://jmespath.org/tutorial.html"


class Query:
    """An expression that chooses from a document.

    Args:
        expression: in JMESPath.

    Raises:
        UsageError: it is not in that language, or calls a function that there is not.
    """

    def __init__(self, expression: str) -> None:
        import jmespath
        from jmespath.exceptions import JMESPathError

        self._text = expression
        try:
            self._compiled = jmespath.compile(expression)
        except JMESPathError as error:
            raise self._wrong(_reason(error), _position(error, expression)) from error
        for name, count in _calls(self._compiled.parsed):
            self._check_call(name, count)

    def of(self, document: Any) -> Any:
        """Return what the expression chooses from a document, `None` for nothing.

        Raises:
            UsageError: the expression does not fit the document, as the length of a number.
        """
        from jmespath.exceptions import JMESPathError

        try:
            return self._compiled.search(document)
        except JMESPathError as error:
            raise self._wrong(_reason(error)) from error

    def _check_call(self, name: str, count: int) -> None:
        """Find before anything is done what would be found only when the answer is there."""
        from jmespath.functions import Functions

        known: Mapping[str, Any] = Functions.FUNCTION_TABLE
        position = self._text.find(f"{name}(")
        if name not in known:
            raise self._wrong(f"there is no function {name}()", position)
        signature = known[name]["signature"]
        takes_more = bool(signature) and signature[-1].get("variadic", False)
        if count < len(signature) or (count > len(signature) and not takes_more):
            least = "at least " if takes_more else ""
            raise self._wrong(f"{name}() takes {least}{len(signature)}, not {count}", position)

    def _wrong(self, reason: str, position: int | None = None) -> UsageError:
        """Return the error, with the expression and a caret below the place where there is one."""
        where = "" if position is None else f" at character {position + 1}"
        details = [] if position is None else [f"  {self._text}", f"  {' ' * position}^"]
        message = f"--query: {reason}{where}" if details else f'--query "{self._text}": {reason}'
        return UsageError(message, details=details, hint=f"{LANGUAGE} explains these expressions")


def _calls(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the functions that an expression calls, each with the number of its arguments."""
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _calls(child)


def _reason(error: Exception) -> str:
    """Return what is wrong in a few words: the library's own repeat the expression, and draw a caret too."""
    from jmespath.exceptions import EmptyExpressionError, IncompleteExpressionError

    if isinstance(error, EmptyExpressionError):
        return "an expression is needed"
    if isinstance(error, IncompleteExpressionError) or "got: eof" in str(error):
        return "the expression ends too early"
    first = str(error).partition("\n")[0].partition(": Parse error")[0]
    first = first.removeprefix("Bad jmespath expression: ").rstrip(".:")
    return first[:1].lower() + first[1:]


def _position(error: Exception, expression: str) -> int:
    found = getattr(error, "lex_position", None)
    return len(expression) if found is None else min(int(found), len(expression))
