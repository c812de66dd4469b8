"""What a command says and asks: answers on stdout, everything else on stderr, questions, endings."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oscarcli.errors import ExitCode, OscarError, UsageError
from oscarcli.output.diagnostics import Diagnostics, ask_secret, confirm
from oscarcli.output.render import AS_USUAL, DOCUMENTS, Column, Format, Result, Table, render
from oscarcli.output.terminal import Terminal, clean

if TYPE_CHECKING:
    from oscarcli.output.query import Query

DEFAULT_INTERVAL_SECONDS = 2.0


class Console:
    """Both streams of one run of the program, and the options that say how to write to them.

    Args:
        environ: environment variables, for those of the streams.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.verbose = False
        self.debug = False
        self.output: str | None = None
        # What the options about tables ask for.
        self.layout = AS_USUAL
        # What is wanted of a document; all of it when `None`.
        self.query: Query | None = None
        # Whether to look again and again, and how many seconds lie between two looks.
        self.watches = False
        self.interval = DEFAULT_INTERVAL_SECONDS
        # What counts of the document shown last; `None` when the whole text does.
        self.news: dict[str, Any] | None = None
        self.out = Terminal(sys.stdout, environ)
        self.diagnostics = Diagnostics(Terminal(sys.stderr, environ))

    # -- answers, on stdout ----------------------------------------------------------------------

    @property
    def format(self) -> Format | None:
        """The chosen form of the answer; `None` when it is none of the common ones."""
        return Format(self.output) if self.output in [member.value for member in Format] else None

    @property
    def wants_table(self) -> bool:
        """Whether a person reads the answer rather than a program."""
        return self.output in (None, Format.TABLE.value)

    def show(self, result: Result) -> None:
        """Write a result in the form that was asked for."""
        output = self.format or Format.TABLE
        self.news = result.news
        if output in DOCUMENTS:
            result = replace(result, data=self.chosen(result.data))
        text = render(result, output, self.out, self.layout)
        if output is Format.TABLE and result.empty and not result.table_rows and not self.layout.names_only:
            self.note(result.empty)
        self.out.write(text)

    def chosen(self, document: Any) -> Any:
        """Return what `--query` chooses from a document, or all of it. Raises UsageError when it cannot."""
        return document if self.query is None else self.query.of(document)

    @property
    def wants_usual_table(self) -> bool:
        """Whether a person reads the answer and asks for nothing special about its table."""
        return self.wants_table and self.layout == AS_USUAL

    def table(
        self, columns: Sequence[Column], *, has_header: bool = True, name: Column | None = None
    ) -> Table:
        """Return a table to be written in pieces, as the options about tables want it.

        Args:
            columns: its columns.
            has_header: whether the table has a header where no columns are chosen.
            name: what is shown of a row when only names are; the first column when `None`.
        """
        wanted = replace(
            self.layout, has_header=self.layout.has_header and (has_header or bool(self.layout.columns))
        )
        return Table(columns, self.out, wanted, name)

    def line(self, text: str) -> None:
        """Write one line of the answer, with control characters made visible."""
        self.out.write(clean(text) + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        """Write lines of the answer at once, each as `line` does."""
        self.out.write("".join([f"{clean(text)}\n" for text in texts]))

    def answer(self, text: str) -> None:
        """Write text of the answer as it is."""
        self.out.write(text)

    def answer_bytes(self, data: bytes) -> None:
        """Write bytes of the answer as they are."""
        self.out.write_bytes(data)

    def done(self, text: str, document: Mapping[str, Any]) -> None:
        """Say what was done: a line for a person, a document for a program."""
        if self.wants_table:
            self.line(text)
        else:
            self.show(Result(document))

    def mark(self, text: str, *, done: bool) -> None:
        """Write the outcome of a step as one line with a mark, green or red where there is colour."""
        symbol = self.out.styled("✓", "32") if done else self.out.styled("✗", "31")
        self.out.write(f"{symbol} {clean(text)}\n")

    # -- everything else, on stderr --------------------------------------------------------------

    def note(self, text: str, *, style: str | None = None) -> None:
        """Say something in passing, in an ANSI style perhaps."""
        self.diagnostics.note(text, style=style)

    def warn(self, text: str) -> None:
        """Say that something is not as it should be."""
        self.diagnostics.warn(text)

    def verbose_note(self, text: str) -> None:
        """Say what is being done, for `--verbose` and `--debug`."""
        if self.verbose or self.debug:
            self.diagnostics.note(text)

    def trace(self, text: str) -> None:
        """Say what goes over the wire, for `--debug`; addresses and errors may hold what is secret."""
        from oscarcli.http.redaction import mask_shapes

        self.diagnostics.note(f"debug: {mask_shapes(text)}")

    def trace_error(self, error: BaseException) -> None:
        """Show where an error came from, for `--debug`; those of libraries may quote what they read."""
        from oscarcli.http.redaction import mask_shapes

        self.diagnostics.note(mask_shapes("".join(traceback.format_exception(error)).rstrip()))

    # -- questions -------------------------------------------------------------------------------

    @property
    def can_ask(self) -> bool:
        """Whether a person is there: standard input and standard error are both terminals."""
        stdin = sys.stdin
        return stdin is not None and stdin.isatty() and self.diagnostics.terminal.is_terminal

    def confirm(self, question: str) -> bool:
        """Ask a yes-or-no question; only when `can_ask`."""
        return confirm(self.diagnostics.terminal, question)

    def read_stdin(self) -> bytes:
        """Return all of standard input. Raises UsageError when there is none."""
        if sys.stdin is None:
            raise UsageError("standard input is closed")
        return sys.stdin.buffer.read()

    def ask_secret(self, question: str) -> str:
        """Ask for a secret without showing it; only when `can_ask`."""
        return ask_secret(question)

    # -- endings ---------------------------------------------------------------------------------

    def report(self, error: OscarError, as_json: bool) -> int:
        """Write an error and return its exit code."""
        if self.debug:
            self.trace_error(error)
        if as_json:
            self.diagnostics.error_document(error)
        else:
            self.diagnostics.error(error.message, error.hint, error.details)
        return error.exit_code

    def report_unexpected(self, error: Exception, as_json: bool) -> int:
        """Write an error nobody foresaw and return its exit code."""
        from oscarcli.http.redaction import mask_shapes

        text = mask_shapes(str(error)) or type(error).__name__
        hint = None if self.debug else "run the command again with --debug for the details"
        shown = OscarError(f"unexpected {type(error).__name__}: {text}", hint=hint)
        shown.__cause__ = error
        return self.report(shown, as_json)

    def interrupted(self) -> int:
        """Answer Ctrl-C."""
        self.diagnostics.note("interrupted")
        return ExitCode.INTERRUPTED
