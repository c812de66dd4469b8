"""What can be typed: every command with its names, arguments and options, from a table beside this file.

To read it costs a fraction of what importing the commands costs, which is what makes Tab quick. The table is
written by `python -m oscarcli.cli.completion.collect`; a test holds it against the real commands.

A line that begins a command has its path (the names of each word, ` / ` between them) and its help; the
lines below it, indented by a tab, have its arguments (the name) and options (names, value, help, choices).
"""

from __future__ import annotations

from pathlib import Path

TABLE = Path(__file__).with_name("commands.txt")
STEP = " / "


class Option:
    """One option: its names, what stands for its value (nothing for a flag), help, and what it takes."""

    __slots__ = ("choices", "help", "names", "value")

    def __init__(self, names: str, value: str, text: str, choices: str = "") -> None:
        self.names = names.split(", ")
        self.value = value
        self.help = text
        self.choices = choices.split("|") if choices else []

    @property
    def is_value_optional(self) -> bool:
        """Whether the value may be left out, as that of `--download-latest-into[=PATH]`: it needs a `=`."""
        return self.value.startswith("[")


class CommandNode:
    """A noun or a verb, or the root: `children` by each of their names, `arguments` as in the usage line."""

    __slots__ = ("arguments", "children", "help", "names", "options", "path")

    def __init__(self, path: str = "", names: str = "", text: str = "") -> None:
        self.path = path
        self.names = names.split(", ")
        self.help = text
        self.children: dict[str, CommandNode] = {}
        self.arguments: list[str] = []
        self.options: list[Option] = []

    def option(self, name: str) -> Option | None:
        """Return the option with this name."""
        return next((option for option in self.options if name in option.names), None)


def read_tree(text: str | None = None) -> CommandNode:
    """Return the root. Options of the root are those of every command.

    Args:
        text: the table's; that of the file when `None`.
    """
    text = TABLE.read_text(encoding="utf-8") if text is None else text
    root = CommandNode()
    nodes = {"": root}
    node = root
    for line in text.splitlines():
        fields = line.split("\t")
        if line.startswith("#"):
            continue
        if fields[0]:
            node = _new_node(nodes, *fields)
        elif fields[1].startswith("-"):
            node.options.append(Option(*fields[1:]))
        else:
            node.arguments += fields[1].split(" ")
    return root


def _new_node(nodes: dict[str, CommandNode], place: str, text: str) -> CommandNode:
    above, _, names = place.rpartition(STEP)
    parent = nodes[above]
    node = CommandNode(f"{parent.path} {names.partition(', ')[0]}".strip(), names, text)
    nodes[place] = node
    for name in node.names:
        # `cluster d` is both `delete` and `default`: the first one has it, as for the command itself.
        parent.children.setdefault(name, node)
    return node
