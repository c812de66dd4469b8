"""Where a service's scripts run: the engine, and the image when the engine uses one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oscarcli.local.images.model import Image, ImageError
from oscarcli.local.jobs.engine.base import Bind, Engine
from oscarcli.local.jobs.engine.selection import EngineError, Engines
from oscarcli.local.services.definition import Definition

if TYPE_CHECKING:
    from oscarcli.local.images.pulls import ImageRequest, Pull, Pulls


class PlacementError(Exception):
    """A service's scripts can run nowhere; the text says why."""


@dataclass(frozen=True)
class Placement:
    """An engine, the image that it runs a script in, if it uses any, and what is bound into it."""

    engine: Engine
    image: Image | None = None
    binds: tuple[Bind, ...] = ()


class Placements:
    """Finds where services run.

    Args:
        engines: the cluster's.
        pulls: gives what gets images, which scripts on this machine itself do without.
    """

    def __init__(self, engines: Engines, pulls: Callable[[], Pulls]) -> None:
        self._engines = engines
        self._pulls = pulls

    def of(self, definition: Definition, check: Callable[[], None]) -> Placement:
        """Return where a service's script is to run now, once its image is here.

        Args:
            definition: the service.
            check: called while an image is on its way; an exception from it ends the waiting.

        Raises:
            PlacementError: the engine or the image cannot be had.
        """
        try:
            engine = self._engines.of(definition)
            if definition["enable_gpu"] and not engine.passes_gpus:
                raise PlacementError(f"enable_gpu: the engine {engine.name} has no GPUs to hand out here")
            request = _request(engine, definition)
            return Placement(engine, None if request is None else self._pulls().require(request, check))
        except (EngineError, ImageError) as error:
            raise PlacementError(str(error)) from error

    def is_at_once(self, definition: Definition) -> bool:
        """Tell whether `of` waits for nothing: no image to get, and no engine to try."""
        return self._engines.is_default_for(definition) and self._engines.default.images is None

    def prepare(self, definition: Definition, *, again: bool = False) -> Pull | None:
        """Begin to get a service's image and return how far that is; `None` when it needs none.

        Args:
            definition: the service.
            again: look for it once more when an attempt has ended.

        Raises:
            PlacementError: its engine cannot be used.
        """
        try:
            request = _request(self._engines.of(definition), definition)
        except EngineError as error:
            raise PlacementError(str(error)) from error
        return None if request is None else self._pulls().begin(request, again=again)


def _request(engine: Engine, definition: Definition) -> ImageRequest | None:
    if engine.images is None:
        return None
    from oscarcli.local.images.pulls import ImageRequest

    secrets = definition.get("image_pull_secrets") or ()
    return ImageRequest(engine.name, engine.images, definition["image"], tuple(secrets))
