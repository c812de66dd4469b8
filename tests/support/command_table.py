"""The table of commands in the page `commands`: `python -m tests.support.command_table` writes it anew."""

from __future__ import annotations

from pathlib import Path

from oscarcli.cli.completion.verbs import verbs

PAGE = Path(__file__).parents[2] / "oscarcli" / "docs" / "commands.md"
BEGIN = "<!-- written by python -m tests.support.command_table -->\n"
END = "<!-- end of what is written -->\n"


def table() -> str:
    """Return the table in Markdown: names, arguments and the first sentence of the help."""
    lines = ["| command | what it does |", "|---|---|"]
    for verb in verbs():
        usage = verb.usage.replace("|", "\\|")
        sentence = verb.command.get_short_help_str(200).replace("|", "\\|")
        lines.append(f"| `{usage}` | {sentence} |")
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """Return the page with the table as it has to be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
