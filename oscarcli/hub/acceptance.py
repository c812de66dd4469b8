"""The acceptance tests that a service's metadata describe: what to do, in order, and what must come out.

The metadata are those of the published crates (`cli-surface` 8.5): tests are the entities in the dataset's
`subjectOf`, their steps have actions with a template of a command, or are commands or waits themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from oscarcli.errors import UsageError
from oscarcli.hub.crate import Crate, CrateError, Entity
from oscarcli.hub.legacy_command import parse_command

StepKind = Literal["run", "put-file", "get-file", "wait", "http-request", "unknown"]
_DURATION = re.compile(r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?")
KINDS: dict[str, StepKind] = {
    "run": "run",
    "put-file": "put-file",
    "get-file": "get-file",
    "http-request": "http-request",
}
TEMPLATES: dict[str, StepKind] = {"service run": "run", "put-file": "put-file", "get-file": "get-file"}


@dataclass(frozen=True)
class Expectation:
    """What an answer or a file has to be.

    Args:
        text: what must occur in it; nothing is asked when it is empty.
        media_types: of which it must have one; nothing is asked when there are none.
    """

    text: str = ""
    media_types: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text or self.media_types)


@dataclass(frozen=True)
class HttpRequest:
    """A call of an exposed service."""

    method: str = "POST"
    path: str = "/"
    accept: str = ""
    form_field: str = "file"
    status: int = 200


@dataclass(frozen=True)
class AcceptanceStep:
    """One thing to do.

    Args:
        name: for people.
        kind: what it is; `unknown` when the metadata do not say.
        inputs: URLs, or paths from the crate's folder.
        input_text: an input that stands in the metadata themselves.
        expected: what must come out.
        seconds: how long a wait may take.
        request: what an `http-request` sends.
        problem: why the step cannot be done.
    """

    name: str
    kind: StepKind
    inputs: tuple[str, ...] = ()
    input_text: str | None = None
    expected: Expectation = Expectation()
    seconds: float = 0.0
    request: HttpRequest = HttpRequest()
    problem: str = ""


@dataclass(frozen=True)
class AcceptanceTest:
    """Steps that belong together; each needs those before it."""

    name: str
    steps: tuple[AcceptanceStep, ...]


@dataclass
class AcceptanceReader:
    """Reads the tests of a crate.

    Attributes:
        warnings: what is odd about them, such as ids that no entity has.
    """

    crate: Crate
    warnings: list[str] = field(default_factory=list)

    def tests(self) -> list[AcceptanceTest]:
        """Return the tests in the order of the metadata. Raises CrateError when there are none."""
        found = [self._test(entity) for entity in self._entities(self.crate.dataset, "subjectOf")]
        found = [test for test in found if test.steps]
        if not found:
            raise CrateError(f'{self.crate.path}: subjectOf: "{self.crate.slug}" has no acceptance tests')
        return found

    def _test(self, entity: Entity) -> AcceptanceTest:
        parts = [part for part in self._entities(entity, "hasPart") if isinstance(part.get("command"), str)]
        steps = sorted(self._entities(entity, "step"), key=_position)
        own = [entity] if isinstance(entity.get("command"), str) else []
        supplies = tuple(self._supplies(entity))
        return AcceptanceTest(
            _name(entity), tuple(self._step(part, supplies) for part in (*own, *parts, *steps))
        )

    def _step(self, entity: Entity, supplies: Sequence[str]) -> AcceptanceStep:
        action = self.crate.resolved(entity.get("potentialAction"))
        if action is not None:
            return self._action(entity, action, supplies)
        if entity.get("timeRequired"):
            return self._wait(entity, str(entity["timeRequired"]))
        if isinstance(entity.get("command"), str):
            return self._command(entity, "command", entity["command"], supplies)
        return self._wrong(entity, "command", "it has none, and no potentialAction")

    def _wrong(self, entity: Entity, key: str, problem: str) -> AcceptanceStep:
        """Return a step that cannot be done, with the place in the metadata where that is written."""
        place = f"{self.crate.path}: {entity.get('@id')}: {key}"
        return AcceptanceStep(_name(entity), "unknown", problem=f"{place}: {' '.join(problem.split())}")

    def _action(self, entity: Entity, action: Entity, supplies: Sequence[str]) -> AcceptanceStep:
        properties = self._properties(action)
        template = str(properties.get("commandTemplate", ""))
        kind = KINDS.get(str(action.get("name", "")).strip().lower())
        kind = kind or next((kind for words, kind in TEMPLATES.items() if words in template), None)
        if kind is None:
            return self._command(entity, "commandTemplate", template, supplies)
        inputs = tuple(self._inputs(action, "object")) or tuple(supplies)
        request = _request(properties) if kind == "http-request" else HttpRequest()
        return AcceptanceStep(
            _name(entity), kind, inputs, expected=self._expectation(action), request=request
        )

    def _command(self, entity: Entity, key: str, command: str, supplies: Sequence[str]) -> AcceptanceStep:
        try:
            parsed = parse_command(command)
        except UsageError as error:
            return self._wrong(entity, key, error.message)
        named = parsed.input_text
        # `-i` names an input of the test, or is the input.
        if named is not None and (named in supplies or self.crate.resolved(named) is not None):
            parsed = replace(parsed, input_text=None, inputs=(self._place(named),))
        inputs = tuple(map(self._place, parsed.inputs))
        if not inputs and parsed.input_text is None and parsed.kind in ("run", "put-file"):
            inputs = tuple(supplies)
        request = _request(parsed.properties) if parsed.kind == "http-request" else HttpRequest()
        return AcceptanceStep(_name(entity), parsed.kind, inputs, parsed.input_text, request=request)

    def _wait(self, entity: Entity, duration: str) -> AcceptanceStep:
        found = _DURATION.fullmatch(duration.strip())
        if found is None:
            return self._wrong(entity, "timeRequired", f'"{duration[:40]}" is no duration such as PT30S')
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return AcceptanceStep(
            _name(entity), "wait", seconds=float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
        )

    # -- what entities refer to ------------------------------------------------------------------------

    def _entities(self, entity: Entity, key: str) -> Iterator[Entity]:
        for value in _listed(entity.get(key)):
            found = self.crate.resolved(value)
            if found is None:
                self._warn_of_dangling(key, value)
            else:
                yield found

    def _inputs(self, entity: Entity, key: str) -> Iterator[str]:
        for value in _listed(entity.get(key)):
            found = self.crate.resolved(value)
            if found is None:
                self._warn_of_dangling(key, value)
                yield _id(value)
            else:
                yield self._place(str(found.get("@id", "")))

    def _supplies(self, test: Entity) -> Iterator[str]:
        for value in _listed(test.get("supply")):
            found = self.crate.resolved(value)
            item = self.crate.resolved(found.get("item")) if found and found.get("item") else found
            if item is None:
                self._warn_of_dangling("supply", value)
            else:
                yield self._place(str(item.get("@id", "")))

    def _place(self, identifier: str) -> str:
        """Return where an input is to be had: a URL, or a path from the crate's folder."""
        entity = self.crate.entities.get(identifier, {})
        return str(entity.get("contentUrl") or entity.get("url") or identifier)

    def _expectation(self, action: Entity) -> Expectation:
        text = ""
        media_types: list[str] = []
        for result in self._entities(action, "result"):
            value = result.get("value")
            if isinstance(value, (list, Mapping)):
                self._warn(f"{result.get('@id')}: value: expected a text")
            else:
                text = text or str(value or "").strip()
            # A reference is to a register of formats; what kinds of files they are stands elsewhere.
            media_types += [
                media for media in _listed(result.get("encodingFormat")) if isinstance(media, str)
            ]
        plain = (media.partition(";")[0].strip().lower() for media in media_types)
        return Expectation(text, tuple(media for media in plain if media))

    def _properties(self, action: Entity) -> Mapping[str, Any]:
        found = self._entities(action, "additionalProperty")
        return {str(entity.get("propertyID", "")): entity.get("value", "") for entity in found}

    def _warn_of_dangling(self, key: str, value: object) -> None:
        self._warn(f'{key}: "{_id(value)}" is not in the graph')

    def _warn(self, text: str) -> None:
        warning = f"{self.crate.path}: {text}"
        if warning not in self.warnings:
            self.warnings.append(warning)


def _listed(value: object) -> Sequence[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _id(value: object) -> str:
    return str(value.get("@id", "")) if isinstance(value, Mapping) else str(value)


def _name(entity: Entity) -> str:
    return " ".join(str(entity.get("name") or entity.get("text") or entity.get("@id") or "step").split())


def _position(entity: Entity) -> float:
    """Return where a step stands; those without a position come last, as the metadata have them."""
    try:
        position = float(entity.get("position") or 0)
    except (TypeError, ValueError, OverflowError):
        position = 0.0
    return position if position > 0 else float("inf")


def _request(properties: Mapping[str, Any]) -> HttpRequest:
    status = str(properties.get("status") or "")
    return HttpRequest(
        str(properties.get("method") or "POST").upper(),
        "/" + str(properties.get("path") or "/").lstrip("/"),
        str(properties.get("accept") or ""),
        str(properties.get("formField") or "file"),
        int(status) if status.isdigit() else 200,
    )
