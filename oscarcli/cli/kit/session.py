"""What a command is handed: lazy configuration and API client, and a voice on both streams.

Nothing is read from disk or the network before a command asks for it. What there is of the configuration,
each made of what stands above it:

  property       what it is                       reads from disk    read in
  config_path    where the file is                nothing            cluster doctor kit
  config_file    the file, to look anew and edit  file, each time    auth cluster kit local
  recorded       the clusters in the file         file, once         auth cluster
  config         those, and the environment's     as `recorded`      auth cluster doctor fdl kit local service
  cluster        the chosen one of them           as `recorded` (1)  auth bucket doctor hub service
  cluster_id     its id                           as `cluster`       auth cluster doctor health hub service
  known_cluster  the one with an id               as `cluster`       api_for
  logins         passwords and tokens             what is asked (2)  auth cluster doctor kit local
  with_secret    a cluster with its password      as `logins`        kit
  api, api_for   a client for a cluster           as `cluster` (3)  nearly all nouns

(1) Nothing where the environment gives an endpoint. (2) Keyring, file, or cache of tokens. (3) As `logins`
when a request needs one.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscarcli.errors import ExitCode, OscarError, UsageError
from oscarcli.output.diagnostics import Diagnostics, ask_secret, confirm
from oscarcli.output.render import AS_USUAL, Column, Format, Result, Table, render
from oscarcli.output.terminal import Terminal, clean

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.config.file import ConfigFile
    from oscarcli.config.model import Cluster, Configuration
    from oscarcli.login.logins import Logins


class Session:
    """State of one run of the program.

    Args:
        environ: environment variables: OSCAR_CLI_CONFIG, OSCAR_CLI_CLUSTER and those of the streams.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.config_option: str | None = None
        self.cluster_option: str | None = None
        self.timeout: float | None = None
        self.verbose = False
        self.debug = False
        self.output: str | None = None
        # What the command takes for `-o`; `None` until the command is known.
        self.formats: Sequence[str] | None = None
        # What the options about tables ask for.
        self.layout = AS_USUAL
        # Whether to read the configuration takes it away from other users' eyes.
        self.tightens_config = True
        self.out = Terminal(sys.stdout, environ)
        self.diagnostics = Diagnostics(Terminal(sys.stderr, environ))
        self._clients: dict[str, Client] = {}

    # -- configuration ---------------------------------------------------------------------------

    @property
    def config_path(self) -> Path:
        """The configuration file: option, then OSCAR_CLI_CONFIG, then the reference client's place."""
        from oscarcli.config.file import config_path

        return config_path(self.environ, self.config_option)

    @cached_property
    def config_file(self) -> ConfigFile:
        """The file itself, for edits."""
        from oscarcli.config.file import ConfigFile

        return ConfigFile(self.config_path, warn=self.warn)

    @cached_property
    def recorded(self) -> Configuration:
        """The clusters on record, as they were at first. Raises ConfigError when the file cannot be read."""
        configuration = self.config_file.read(tighten=self.tightens_config)
        for warning in configuration.warnings:
            self.warn(warning)
        return configuration

    @cached_property
    def config(self) -> Configuration:
        """The clusters on record and that of the environment. Raises ConfigError."""
        from oscarcli.config.environment import with_environment

        return with_environment(self.recorded, self.environ)

    @property
    def cluster_id(self) -> str:
        """The chosen cluster: option, then the environment, then the default. Raises ConfigError."""
        return self.cluster.identifier

    @property
    def cluster(self) -> Cluster:
        """The chosen cluster's entry. Raises ConfigError when none is chosen or it is not on record."""
        from oscarcli.config.environment import chosen_cluster

        return chosen_cluster(self.cluster_option, self.environ, lambda: self.config)

    def known_cluster(self, cluster_id: str) -> Cluster:
        """Return a cluster on record, or that of the environment. Raises ConfigError when it is neither."""
        from oscarcli.config.environment import IDENTIFIER, chosen_cluster

        named = None if cluster_id == IDENTIFIER else cluster_id
        return chosen_cluster(named, self.environ, lambda: self.config)

    def with_secret(self, cluster: Cluster) -> Cluster:
        """Return a cluster with its password. Raises AuthError when there is none."""
        from oscarcli.api.auth import password_of

        if cluster.login != "basic" or not cluster.auth_user:
            return cluster
        return replace(cluster, auth_password=password_of(cluster, self.logins)[1])

    @cached_property
    def logins(self) -> Logins:
        """What this machine keeps of logins."""
        from oscarcli.config.private import cache_folder
        from oscarcli.config.secrets import Vault
        from oscarcli.login.logins import Logins

        trace = self.trace if self.debug else lambda _text: None
        vault = Vault(self.config_file, folder=cache_folder(self.environ))
        return Logins(vault, self.environ, self.warn, self.diagnostics.hide, trace)

    # -- API -------------------------------------------------------------------------------------

    @property
    def api(self) -> Client:
        """A client of the chosen cluster."""
        return self.api_for(self.cluster_id)

    def api_for(self, cluster_id: str) -> Client:
        """Return the client of a cluster on record; one a cluster, so that its connections are reused."""
        if cluster_id not in self._clients:
            from oscarcli.api.connect import client_for

            cluster = self.known_cluster(cluster_id)
            self.warn_unverified(cluster)
            trace = self.trace if self.debug else None
            self._clients[cluster_id] = client_for(cluster, self.logins, timeout=self.timeout, trace=trace)
        return self._clients[cluster_id]

    def warn_unverified(self, cluster: Cluster) -> None:
        """Say that the certificates of a cluster are not verified, where that is so."""
        if not cluster.ssl_verify and cluster.endpoint.lower().startswith("https:"):
            self.warn(f'TLS certificates of cluster "{cluster.identifier}" are not verified')

    def keep(self, client: Client) -> Client:
        """Take over a client that a command made, to be closed with the others."""
        self._clients[f"({len(self._clients)})"] = client
        return client

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    # -- answers, on stdout ----------------------------------------------------------------------

    @property
    def format(self) -> Format | None:
        """The chosen form of the answer; `None` when it is none of the three common ones."""
        return Format(self.output) if self.output in [member.value for member in Format] else None

    @property
    def wants_table(self) -> bool:
        """Whether a person reads the answer rather than a program."""
        return self.output in (None, Format.TABLE.value)

    def show(self, result: Result) -> None:
        """Write a result in the form that was asked for."""
        output = self.format or Format.TABLE
        text = render(result, output, self.out, self.layout)
        if output is Format.TABLE and result.empty and not result.table_rows and not self.layout.names_only:
            self.note(result.empty)
        self.out.write(text)

    @property
    def wants_usual_table(self) -> bool:
        """Whether a person reads the answer and asks for nothing special about its table."""
        return self.wants_table and self.layout == AS_USUAL

    def table(self, columns: Sequence[Column], *, has_header: bool = True) -> Table:
        """Return a table to be written in pieces, as the options about tables want it.

        Args:
            columns: its columns.
            has_header: whether the table has a header where no columns are chosen.
        """
        wanted = replace(
            self.layout, has_header=self.layout.has_header and (has_header or bool(self.layout.columns))
        )
        return Table(columns, self.out, wanted)

    def line(self, text: str) -> None:
        """Write one line of the answer, with control characters made visible."""
        self.out.write(clean(text) + "\n")

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

    def note(self, text: str) -> None:
        """Say something in passing."""
        self.diagnostics.note(text)

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
