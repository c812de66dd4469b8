"""The list in the middle of everything, and what can be done about its rows."""

from __future__ import annotations

import shlex
import subprocess
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from oscarcli.tui.archive import ArchiveWriter
from oscarcli.tui.command_line import FULL_SCREEN, CommandLine, row_command_line
from oscarcli.tui.list_screen import ListScreen
from oscarcli.tui.screens.archive import ArchiveScreen
from oscarcli.tui.screens.cluster_documents import cluster_document
from oscarcli.tui.screens.command import CommandScreen
from oscarcli.tui.screens.help import HelpScreen
from oscarcli.tui.screens.palette import PaletteScreen
from oscarcli.tui.views.base import ResourceView
from oscarcli.tui.views.buckets import BucketsView
from oscarcli.tui.views.jobs import JobsView
from oscarcli.tui.views.metrics import MetricsView
from oscarcli.tui.views.nodes import NodesView
from oscarcli.tui.views.services import ServicesView
from oscarcli.tui.views.volumes import VolumesView

# Lists of a cluster, each by the key that shows it.
CLUSTER_VIEWS: dict[str, type[ResourceView]] = {
    "services": ServicesView,
    "buckets": BucketsView,
    "volumes": VolumesView,
    "nodes": NodesView,
    "metrics": MetricsView,
}
# Keys that lists may have commands for.
ROW_COMMAND_KEYS = "cdEghtux"
# What a command says at its end is read before the screen comes back.
ON_WHOLE_TERMINAL = r"""
printf '$ %s\n' "$0"
"$@"
printf '\nexit code %s; Enter leads back ' "$?"
read -r _
"""
# The log of each is read for what it wrote.
MAX_RESULT_JOBS = 100


class BrowserScreen(ListScreen):
    """Shows lists, and runs commands about what is in them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("colon", "palette", "Commands"),
        Binding("question_mark", "help", "Help"),
        Binding("s", "show('services')", "Services"),
        Binding("b", "show('buckets')", "Buckets"),
        Binding("v", "show('volumes')", "Volumes", show=False),
        Binding("n", "show('nodes')", "Nodes"),
        Binding("m", "show('metrics')", "Metrics"),
        Binding("y", "describe", "Details"),
        Binding("o", "results", "Results"),
        Binding("z", "zip", "Zip"),
        *(Binding(key, f"row_command('{key}')", key, show=False) for key in ROW_COMMAND_KEYS),
        Binding("i", "document('info')", "Cluster info", show=False),
        Binding("e", "document('status')", "Cluster status", show=False),
        Binding("k", "document('quota')", "Quota", show=False),
    ]

    def action_show(self, name: str) -> None:
        """Show another list of the same cluster."""
        cluster = self._cluster()
        if cluster is None:
            self.say("choose a cluster first", is_error=True)
            return
        kind = CLUSTER_VIEWS[name]
        if type(self.view) is not kind:
            self._views = [self._views[0], kind(self.access, cluster)]
            self._show_view()

    def _cluster(self) -> str | None:
        """Return the cluster that is looked at, or the one under the cursor."""
        if self.view.cluster:
            return self.view.cluster
        row = self.table.current
        return None if row is None else row.key

    def action_describe(self) -> None:
        """Show all that is known of the row under the cursor."""
        row = self.table.current
        if row is not None:
            self.go(self.view.describe(row.item))

    def action_document(self, name: str) -> None:
        """Show a document about the cluster."""
        cluster = self._cluster()
        if cluster is not None:
            self.go(cluster_document(self.access, cluster, name))

    # -- commands ------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell whether a key means something in this list; others are not in the line of keys."""
        if action == "results":
            return isinstance(self.view, JobsView)
        if action == "zip":
            return bool(self.view.archive_name)
        if action == "row_command":
            return parameters[0] in self.view.commands
        return True

    def action_palette(self) -> None:
        """Offer all commands."""
        self._ask_for_command(None)

    def _ask_for_command(self, line: CommandLine | None) -> None:
        row = self.table.current
        known = self.view.words(None if row is None else row.item)
        cluster = self._cluster() or ""
        self.app.push_screen(PaletteScreen(self.access, cluster, known, line), self.run_command)

    def run_command(self, words: list[str] | None) -> None:
        """Run a command, and look anew when it has ended."""
        if not words:
            return
        if " ".join(words[:2]) in FULL_SCREEN:
            self._run_on_whole_terminal(words)
        else:
            self.app.push_screen(CommandScreen(self.access, words), lambda _code: self.reload())

    def _run_on_whole_terminal(self, words: list[str]) -> None:
        if self.access.is_web:
            self.say(f"{' '.join(words[:2])} needs a terminal of its own, not a browser", is_error=True)
            return
        with self.app.suspend():
            line = f"oscar-cli {shlex.join(words)}"
            command = ["/bin/sh", "-c", ON_WHOLE_TERMINAL, line, *self.access.program, *words]
            subprocess.run(command, env=self.access.environ, check=False)
        self.app.refresh()
        self.reload()

    def action_row_command(self, key: str) -> None:
        """Run a command about the row under the cursor, or the marked ones, or show it to be completed."""
        command = self.view.commands.get(key)
        rows = self.table.chosen_rows
        if command is None or ("{" in command.words and not rows):
            return
        line = row_command_line(command, [self.view.words(row.item) for row in rows], self._cluster() or "")
        if command.is_ready:
            self.run_command(shlex.split(line.text))
        else:
            self._ask_for_command(line)

    def action_results(self) -> None:
        """Show the files that the marked jobs wrote, or the one under the cursor."""
        rows = self.table.chosen_rows
        if isinstance(self.view, JobsView) and rows:
            items = [row.item for row in rows[:MAX_RESULT_JOBS]]
            self.go(self.view.results(items, left_out=len(rows) - len(items)))

    def action_zip(self) -> None:
        """Bring the marked files here as one zip; without marks all that are shown."""
        rows = self.table.chosen_rows if self.table.marked else self.table.shown
        if not rows or not self.view.archive_name:
            return
        items = [row.item for row in rows]
        writer = ArchiveWriter(self.access.folder, self.view.archive_name, partial(self.view.members, items))
        heading, command = f"{self.view.archive_name}.zip", self.view.archive_command(items)
        self.app.push_screen(ArchiveScreen(self.access, heading, command, writer))

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen(self.access, self.view))
