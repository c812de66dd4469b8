"""A workflow as a tree for people, and as text that other programs draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from oscarcli.output.terminal import Terminal, clean

if TYPE_CHECKING:
    from oscarcli.fdl.graph import Edge, Workflow

# Stem, branch and last branch, and what stands below a last branch.
LINES = ("│   ", "├── ", "└── ", "    ")
ASCII_LINES = ("|   ", "|-- ", "`-- ", "    ")
BOLD, FAINT = "1", "2"


def labels(found: Workflow) -> list[str]:
    """Return a name for each service; with its cluster where the name alone would stand for two."""
    count = Counter(node.name for node in found.nodes)
    return [node.name if count[node.name] == 1 else f"{node.name}@{node.cluster}" for node in found.nodes]


def tree(found: Workflow, terminal: Terminal) -> str:
    """Return what follows what, line by line: a service is told once in full, and named where it recurs."""
    return "".join(f"{line}\n" for line in _Tree(found, terminal).lines())


class _Tree:
    """Writes a workflow as a tree."""

    def __init__(self, found: Workflow, terminal: Terminal) -> None:
        self._found = found
        self._terminal = terminal
        self._labels = labels(found)
        encoding = getattr(terminal.stream, "encoding", None) or "ascii"
        self._marks = LINES if encoding.lower().startswith("utf") else ASCII_LINES
        self._told: set[int] = set()

    def lines(self) -> Iterator[str]:
        """Yield the lines: what nothing feeds first, then circles, which have no beginning."""
        numbers = range(len(self._found.nodes))
        for number in [n for n in numbers if n not in self._found.fed] + list(numbers):
            if number not in self._told:
                yield self._line(number, [path for _, _, path in self._found.nodes[number].inputs])
                yield from self._below(number)

    def _below(self, top: int) -> Iterator[str]:
        """Yield the lines below a service; workflows may be longer than calls may be nested."""
        self._told.add(top)
        stack = [(iter(self._branches(top)), "")]
        while stack:
            branches, indent = stack[-1]
            branch = next(branches, None)
            if branch is None:
                stack.pop()
                continue
            edges, is_last = branch
            mark = self._marks[2 if is_last else 1]
            yield f"{indent}{mark}{self._line(edges[0].target, [edge.path for edge in edges])}"
            if edges[0].target not in self._told:
                self._told.add(edges[0].target)
                inner = indent + self._marks[3 if is_last else 0]
                stack.append((iter(self._branches(edges[0].target)), inner))

    def _branches(self, number: int) -> list[tuple[list[Edge], bool]]:
        """Return the edges that lead away from a service by their targets, and which is the last."""
        groups: dict[int, list[Edge]] = {}
        for edge in self._found.after[number]:
            groups.setdefault(edge.target, []).append(edge)
        found = list(groups.values())
        return [(edges, edges is found[-1]) for edges in found]

    def _line(self, number: int, sources: Sequence[str]) -> str:
        name = self._terminal.styled(clean(self._labels[number]), BOLD)
        has_more = bool(self._found.after[number])
        if number in self._told:
            return f"{name}{self._faint(' (see above)' if has_more else '')}"
        read = {path for edge in self._found.after[number] for path in [edge.path]}
        results = [path for _, _, path in self._found.nodes[number].outputs if path not in read]
        parts = [f"from {', '.join(sources)}"] if sources else []
        parts += [f"to {', '.join(results)}"] if results else []
        return name + self._faint(f" ({'; '.join(parts)})" if parts else "")

    def _faint(self, text: str) -> str:
        return self._terminal.styled(clean(text), FAINT) if text else ""


def mermaid(found: Workflow) -> str:
    """Return a flowchart in the language of Mermaid, which Markdown pages draw."""
    lines = ["flowchart LR"]
    lines += [f"    s{number}[{_mermaid_text(label)}]" for number, label in enumerate(labels(found))]
    for edge in found.edges:
        arrow = "-.->" if edge.partly else "-->"
        lines.append(f"    s{edge.source} {arrow}|{_mermaid_text(edge.path)}| s{edge.target}")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    # Characters with a meaning are written by their numbers.
    return '"' + "".join(c if c.isalnum() or c in " -_./@" else f"#{ord(c)};" for c in text) + '"'


def dot(found: Workflow) -> str:
    """Return a digraph in the language of Graphviz."""
    lines = ["digraph workflow {", "    rankdir=LR;", "    node [shape=box];"]
    lines += [f"    s{number} [label={_dot_text(label)}];" for number, label in enumerate(labels(found))]
    for edge in found.edges:
        style = ", style=dashed" if edge.partly else ""
        lines.append(f"    s{edge.source} -> s{edge.target} [label={_dot_text(edge.path)}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _dot_text(text: str) -> str:
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
