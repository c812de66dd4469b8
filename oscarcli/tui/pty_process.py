"""A command on a terminal of its own that nobody sees: what it says and asks there comes here."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

# Opening the terminal by its name, at the head of a session, makes it the one that Ctrl-C comes from.
TAKE_TERMINAL = 'tty="$1"; shift; exec 3<>"$tty" 3>&-; exec "$@"'
# No line of it is moved or coloured, nothing waits for a key: what comes are words, line by line.
PLAIN = {"TERM": "dumb", "PAGER": "cat", "NO_COLOR": "1"}
INTERRUPT, END_OF_INPUT = b"\x03", b"\x04"
PIECE_BYTES = 1 << 16


class PtyProcess:
    """A running command.

    Args:
        words: what to run.
        environ: its environment variables.
        size: columns and lines of its terminal.
        told: given what it writes, in a thread of its own.
        ended: given its exit code, in the same thread.
    """

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        size: tuple[int, int],
        told: Callable[[bytes], None],
        ended: Callable[[int], None],
    ) -> None:
        self._told, self._ended = told, ended
        self._lock = threading.Lock()
        self._is_open = True
        self._master, slave = pty.openpty()
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", TAKE_TERMINAL, "sh", os.ttyname(slave), *words],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**environ, **PLAIN},
                start_new_session=True,
            )
        except OSError:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, PIECE_BYTES)
            except OSError:
                # Nobody has the other end any more.
                break
            if not data:
                break
            self._told(data)
        code = self._process.wait()
        with self._lock:
            self._is_open = False
            os.close(self._master)
        self._ended(code)

    @property
    def hides_input(self) -> bool:
        """Whether what is typed now is a secret: the terminal does not show it."""
        with self._lock, suppress(termios.error, OSError):
            if self._is_open:
                return not termios.tcgetattr(self._master)[3] & termios.ECHO
        return False

    def type(self, data: bytes) -> None:
        """Type something; nothing happens when it has ended."""
        with self._lock, suppress(OSError):
            if self._is_open:
                os.write(self._master, data)

    def hang_up(self) -> None:
        """Let it know that nobody looks any more; what it can finish it finishes."""
        with suppress(OSError):
            self._process.send_signal(1)
