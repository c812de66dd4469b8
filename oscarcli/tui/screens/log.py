"""A job's log, line by line as it comes."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Log

from oscarcli.api.jobs import state_text
from oscarcli.jobs.follow import LogFollower
from oscarcli.jobs.log_lines import LineSelection
from oscarcli.jobs.log_speakers import LogReader
from oscarcli.output.terminal import clean_log
from oscarcli.tui.access import Access
from oscarcli.tui.log_style import LogHighlighter, shortened
from oscarcli.tui.screens.base import DetailScreen

# Lines that are kept; of a longer log the last ones are shown.
MAX_LINES = 20_000


class LogScreen(DetailScreen):
    """Follows one job until it ends, or until somebody leaves.

    Args:
        access: the way to clusters.
        cluster: the cluster's id.
        service: the job's service.
        job: the job's name.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Stay at the end"),
        Binding("home", "end(0)", "Top", show=False),
        Binding("end", "end(1)", "End", show=False),
    ]

    def __init__(self, access: Access, cluster: str, service: str, job: str) -> None:
        command = f"oscar-cli service logs get {service} {job} --follow -c {cluster}"
        super().__init__(access, f"{service} · {job}", command)
        self._cluster, self._service, self._job = cluster, service, job
        self._stopped = threading.Event()
        self._reader = LogReader()

    def make_body(self) -> Widget:
        """Return the place of the lines."""
        log = Log(max_lines=MAX_LINES, id="body", highlight=True)
        log.highlighter = LogHighlighter()
        return log

    def on_mount(self) -> None:
        """Begin to follow."""
        self.query_one(Log).focus()
        self.reload()

    def on_unmount(self) -> None:
        """Follow no more."""
        self._stopped.set()

    def reload(self) -> None:
        """Follow from the beginning."""
        self._stopped.set()
        self._stopped = threading.Event()
        self.query_one(Log).clear()
        self._reader = LogReader()
        self.say("waiting for the log …")
        loop, stopped = asyncio.get_running_loop(), self._stopped
        thread = threading.Thread(target=self._follow, args=(loop, stopped), daemon=True)
        thread.start()

    def _follow(self, loop: asyncio.AbstractEventLoop, stopped: threading.Event) -> None:
        """Tell the screen what happens; in a thread of its own."""

        def tell(text: str = "", status: str = "", error: BaseException | None = None) -> None:
            # The loop is closed when the program ends meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._take, stopped, text, status, error)

        try:
            client = self.access.connect(self._cluster)
            selection = LineSelection(tail=MAX_LINES)
            follower = LogFollower(client, self._service, self._job, selection=selection)
            for event in follower.events():
                if stopped.is_set():
                    return
                state = state_text(follower.job) if follower.job else ""
                tell(self.access.mask(event.text), event.note or state)
            tell(status=state_text(follower.job) if follower.log else "the log is empty, or gone")
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is said, and the screen stays
            tell(error=error)

    def _take(self, stopped: threading.Event, text: str, status: str, error: BaseException | None) -> None:
        if stopped.is_set():
            return
        if text:
            lines = shortened(self._reader, clean_log(text))
            self.query_one(Log).write("".join(lines).expandtabs())
        if error is not None:
            self.fail(error)
        elif status:
            self.say(status, is_error=status.startswith("Failed"))

    def action_follow(self) -> None:
        """Stay at the end of the log, or where it is."""
        log = self.query_one(Log)
        log.auto_scroll = not log.auto_scroll
        if log.auto_scroll:
            log.scroll_end(animate=False)

    def action_end(self, last: int) -> None:
        """Go to the first or the last line."""
        log = self.query_one(Log)
        log.auto_scroll = bool(last)
        if last:
            log.scroll_end(animate=False)
        else:
            log.scroll_home(animate=False)
