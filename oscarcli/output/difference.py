"""What differs between two texts, line by line, for people."""

from __future__ import annotations

from difflib import unified_diff

from oscarcli.output.terminal import Terminal, clean

# Added lines green, removed ones red, where there is colour.
STYLES = {"+": "32", "-": "31"}


def difference(
    before: str, after: str, terminal: Terminal, *, names: tuple[str, str] = ("as it is", "as it will be")
) -> str:
    """Return a unified diff, empty when the texts are the same.

    Args:
        before: the text as it is.
        after: the text as it is to be.
        terminal: where it is shown.
        names: what the two are called.
    """
    lines = unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    return "".join(_styled(clean(line, keep="\t"), terminal) + "\n" for line in lines)


def _styled(line: str, terminal: Terminal) -> str:
    style = STYLES.get(line[:1])
    return terminal.styled(line, style) if style else line
