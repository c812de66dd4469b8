"""How the help of a command is written: its usage line, and its options in sections."""

from __future__ import annotations

from typing import cast

import typer
from typer.core import TyperOption

from oscarcli.cli.commands import COMMON_OPTIONS, PROGRAM, find
from oscarcli.cli.kit import click
from oscarcli.cli.kit.options import CommonOption, TableOption
from oscarcli.cli.kit.session import Session

# Where the list of what an option takes is longer, it stands in its text, which can be broken into lines.
MAX_OPTION_COLUMNS = 76
# What stands for an option's value in help, by the value's type, where the option does not say.
METAVARS = {
    "str": "TEXT",
    "int": "NUMBER",
    "int range": "NUMBER",
    "float": "NUMBER",
    "float range": "NUMBER",
    "path": "PATH",
}


def answer_with_help(option: TyperOption | None) -> TyperOption | None:
    """Let help be written as every other answer is, so that a failure to write it is told in the same way."""

    def show(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            cast("Session", ctx.obj).answer(ctx.get_help() + "\n")
            raise typer.Exit

    if option is not None:
        option.callback = show
    return option


def set_metavar(param: click.Parameter) -> None:
    """Choose what stands for a parameter's value in help, unless it says so itself."""
    if param.metavar is not None or getattr(param, "is_flag", False):
        return
    choices = [str(getattr(choice, "value", choice)) for choice in getattr(param.type, "choices", ())]
    if choices:
        param.metavar = f"[{'|'.join(choices)}]"
        return
    is_argument = param.param_type_name == "argument"
    param.metavar = str(param.name).upper() if is_argument else METAVARS.get(param.type.name, "VALUE")


def usage_piece(argument: click.Parameter) -> str:
    """Return an argument as the usage line has it."""
    name = str(argument.metavar)
    if name.startswith("["):
        return name
    # `NAME...` is the metavar of one or several, `[NAME]...` that of any number.
    return name if argument.required else f"[{name}]"


def write_examples(ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write a command's examples as they can be typed, however long they are."""
    from oscarcli.cli.kit.examples import examples_of

    examples = examples_of(path_of(ctx))
    if examples:
        formatter.write("\nExamples:\n")
        formatter.write("".join(f"  {PROGRAM} {example}\n" for example in examples))


def path_of(ctx: click.Context) -> str:
    """Return the main names of a command and of the nouns above it: `service logs list`."""
    names: list[str] = []
    place: click.Context | None = ctx
    while place is not None and place.parent is not None:
        typed = str(place.info_name)
        # A noun of the root has its names in the table; those below it have them in their own.
        entry = find(typed) if place.parent.parent is None else None
        names.insert(0, entry.name if entry else (place.command.name or typed).partition(", ")[0])
        place = place.parent
    return " ".join(names)


def option_sections(command: click.Command, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Return arguments and options with what is said of each, by the title that they stand under."""
    titles = ("Arguments", "Options", "Table options", "Common options")
    sections: dict[str, list[tuple[str, str]]] = {title: [] for title in titles}
    help_option = command.get_help_option(ctx)
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is None:
            continue
        if param.param_type_name == "argument":
            sections["Arguments"].append(record)
        elif param is help_option:
            sections["Common options"].append((record[0], COMMON_OPTIONS[-1][1]))
        else:
            sections[_section(param)].append(_within_line(*record))
    return {title: records for title, records in sections.items() if records}


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write arguments and options, each kind under its title."""
    for title, records in option_sections(command, ctx).items():
        with formatter.section(title):
            formatter.write_dl(records)


def _within_line(names: str, text: str) -> tuple[str, str]:
    """Return an option's names and what is said of it, with the former no longer than a line."""
    if len(names) <= MAX_OPTION_COLUMNS:
        return names, text
    flags, _, choices = names.partition("[")
    return f"{flags}VALUE", f"{text} One of {choices.rstrip(']').replace('|', ', ')}."


def _section(option: click.Parameter) -> str:
    if isinstance(option, TableOption):
        return "Table options"
    return "Common options" if isinstance(option, CommonOption) else "Options"
