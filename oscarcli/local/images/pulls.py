"""Gets the images of services: in the background when a service comes, and again before a job without one."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oscarcli.local.images.authentication import PullSecrets
from oscarcli.local.images.model import Image, ImageError, ImageStore
from oscarcli.local.images.reference import image_file
from oscarcli.local.images.table import ImageRecord, ImageTable
from oscarcli.local.options import PULL_ALWAYS, PULL_MISSING, PULL_NEVER

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
STOPPED = "the server is about to stop"


@dataclass(frozen=True)
class ImageRequest:
    """An image that a service wants from an engine's store; `secrets` are names of logins."""

    engine: str
    store: ImageStore
    reference: str
    secrets: Sequence[str] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the image."""
        return (self.engine, self.reference)


@dataclass
class Pull:
    """One attempt to get an image: under way, then with the image or with what went wrong."""

    progress: str = ""
    image: Image | None = None
    error: str | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class Pulls:
    """The images of services, and those under way.

    Args:
        table: what is known of images.
        secrets: logins to registries.
        policy: whether an image that is here is pulled again (`always`), and whether one that is not is at
            all (`never`).
    """

    def __init__(self, table: ImageTable, secrets: PullSecrets, policy: str = PULL_MISSING) -> None:
        self._table = table
        self._secrets = secrets
        self._policy = policy
        self._lock = threading.Lock()
        self._pulls: dict[tuple[str, str], Pull] = {}
        self._stores: set[Any] = set()
        self._stopped = False

    def begin(self, request: ImageRequest, *, again: bool = False) -> Pull:
        """Return the attempt to get an image, begun in a thread of its own when there is none.

        Args:
            request: the image.
            again: begin anew when an attempt has ended.
        """
        with self._lock:
            self._stores.add(request.store)
            pull = self._pulls.get(request.key)
            if pull is not None and not (again and pull.ended.is_set()):
                return pull
            pull = self._pulls[request.key] = Pull(f"looking for the image {request.reference}")
            if self._stopped:
                pull.error = STOPPED
                pull.ended.set()
                return pull
        threading.Thread(target=self._carry_out, args=(request, pull), name="image", daemon=True).start()
        return pull

    def require(self, request: ImageRequest, check: Callable[[], None]) -> Image:
        """Return an image, once it is here.

        Args:
            request: the image.
            check: called time and again while it is on its way; an exception from it ends the waiting.

        Raises:
            ImageError: it cannot be had.
        """
        pull = self.begin(request)
        if self._must_begin_again(pull, request):
            pull = self.begin(request, again=True)
        while not pull.ended.wait(POLL_SECONDS):
            check()
        if pull.image is None:
            raise ImageError(pull.error or "")
        return pull.image

    def _must_begin_again(self, pull: Pull, request: ImageRequest) -> bool:
        """Tell whether a job looks for its image anew: after a failure, as a real cluster tries again."""
        if not pull.ended.is_set():
            return False
        if pull.image is None or self._policy == PULL_ALWAYS:
            return True
        record = self._table.get(*request.key)
        if record is None:
            # Somebody removed it with `local images prune`.
            return True
        file = image_file(request.reference)
        return file is not None and record.stamp != file.stamp()

    def _carry_out(self, request: ImageRequest, pull: Pull) -> None:
        try:
            pull.image = self._get(request, pull)
        except ImageError as error:
            pull.error = f'the image "{request.reference}" cannot be used: {error}'
            log.warning("%s", pull.error)
        except Exception as error:
            pull.error = f'the image "{request.reference}" cannot be had: {error}'
            if not self._stopped:
                log.exception("an image cannot be had")
        finally:
            pull.ended.set()

    def _get(self, request: ImageRequest, pull: Pull) -> Image:
        file = image_file(request.reference)
        stamp = file.stamp() if file is not None else ""
        known = self._table.get(*request.key)
        present = self._present(request, stamp, known)
        if present is not None and (self._policy != PULL_ALWAYS or file is not None):
            self._table.put(ImageRecord(request.engine, present, stamp, pulled=False))
            return present
        if self._policy == PULL_NEVER and file is None:
            raise ImageError("it is not on this machine, and the cluster was started with --pull never")
        image = self._pull(request, pull)
        self._table.put(ImageRecord(request.engine, image, stamp, pulled=True))
        log.info("the image %s is here, %s", request.reference, image.digest or image.identifier)
        return image

    def _present(self, request: ImageRequest, stamp: str, known: ImageRecord | None) -> Image | None:
        found = request.store.find(request.reference)
        if known is not None and known.stamp == stamp:
            if found is None:
                return known.image if request.store.find(known.image.identifier) is not None else None
            if found.identifier == known.image.identifier and not found.digest:
                return known.image
        if found is not None and stamp and not found.digest:
            # A file is looked at as a whole once, and again when it has changed.
            return None
        if found is not None and (known is None or known.image.identifier != found.identifier):
            request.store.check(found)
        return found

    def _pull(self, request: ImageRequest, pull: Pull) -> Image:
        def progress(text: str) -> None:
            pull.progress = f"pulling the image {request.reference}: {text}"

        progress("begun")
        with tempfile.TemporaryDirectory(prefix="oscar-cli-") as folder:
            authentication = self._secrets.write(request.secrets, Path(folder))
            return request.store.pull(request.reference, authentication, progress)

    def stop(self) -> None:
        """End all pulls, and begin no more; what else goes wrong is the doing of the server's end."""
        with self._lock:
            self._stopped = True
            stores = tuple(self._stores)
        for store in stores:
            store.stop()
