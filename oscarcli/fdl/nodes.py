"""A YAML document as a tree that remembers the text as written and the line of everything."""

from __future__ import annotations

from dataclasses import dataclass, field

NULL_WORDS = ("", "~", "null", "Null", "NULL")


@dataclass(eq=False)
class Scalar:
    """A single value. `plain` tells that it stood without quotation marks and without a tag."""

    text: str
    line: int
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether it stands for nothing, as in `input:` with nothing behind it."""
        return self.plain and self.text in NULL_WORDS


@dataclass(eq=False)
class Sequence:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(eq=False)
class Mapping:
    """Keys and values in file order.

    `merged` has what merge keys (`<<`) brought, `repeated` the keys that were given again, each with its
    first occurrence.
    """

    line: int
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)
    keys: dict[str, Scalar] = field(default_factory=dict)
    merged: list[tuple[Scalar, Node]] = field(default_factory=list)
    repeated: list[tuple[Scalar, Scalar]] = field(default_factory=list)

    def all_entries(self) -> list[tuple[Scalar, Node]]:
        """Return the entries, own ones first, then merged ones that they do not override."""
        found = {key.text: (key, value) for key, value in [*self.entries, *self.merged][::-1]}
        order = dict.fromkeys(key.text for key, _ in [*self.entries, *self.merged])
        return [found[text] for text in order]


Node = Scalar | Sequence | Mapping


def described(node: Node) -> str:
    """Return what a node is, in words for a sentence; its content is left out, it may be a secret."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "keys and values"
    return "nothing" if node.is_null else "a single value"
