"""What the value of a key can be, and what is known of a key: the words of `schema.py`'s table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Text:
    """A single value that the server wants as a string; whatever its look, the text stays as written.

    Attributes:
        choices: the values there are; case does not count when one is chosen, the listed spelling is sent.
        otherwise: what the server makes of any other value; when empty, another value is a mistake.
        quantity: the value is a Kubernetes quantity of this.
    """

    choices: tuple[str, ...] = ()
    otherwise: str = ""
    quantity: Literal["", "cpu", "memory", "storage"] = ""


@dataclass(frozen=True)
class Whole:
    """A whole number from zero on."""

    most: int = 2**31 - 1


@dataclass(frozen=True)
class Switch:
    """True or false."""


@dataclass(frozen=True)
class Texts:
    """A list of strings; one alone needs no list."""


@dataclass(frozen=True)
class PortNumbers:
    """Port numbers; one alone needs no list."""


@dataclass(frozen=True)
class TextMap:
    """Keys of the user's choice with strings; lists and mappings become their JSON."""


@dataclass(frozen=True)
class Record:
    """Known keys."""

    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Records:
    """A list of records."""

    record: Record


@dataclass(frozen=True)
class RecordMap:
    """Ids of the user's choice with records."""

    record: Record


@dataclass(frozen=True)
class ServiceLists:
    """A list whose items map ids of clusters to services; `services.py` reads it."""

    record: Record


ValueKind = (
    Text | Whole | Switch | Texts | PortNumbers | TextMap | Record | Records | RecordMap | ServiceLists
)


@dataclass(frozen=True)
class Field:
    """One key of a record.

    Attributes:
        kind: what its value is.
        required: whether it has to be there, and not empty.
        absent: what to say of a value that is absent or empty; where none is required, that is a warning.
        unsent: why the value is not sent, for keys that the server sets by itself.
        remark: what to warn of when it is there.
        default: what the server makes of an absent or empty value, where that is not empty, 0 or false.
    """

    kind: ValueKind
    required: bool = False
    absent: str = ""
    unsent: str = ""
    remark: str = ""
    default: str | int | bool | None = None
