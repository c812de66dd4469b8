"""`completion`: scripts that let a shell complete words of this program at Tab."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oscarcli.cli.completion import man
from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session

app = noun("Scripts that complete words at Tab, for four shells; and manual pages.")

NoDescriptionsOption = Annotated[
    bool, typer.Option("--no-descriptions", help="Complete words without a sentence about each.")
]


@app.command("bash")
def bash(ctx: typer.Context, no_descriptions: NoDescriptionsOption = False) -> None:
    """Print the script for Bash, which never shows descriptions.

    Put this into ~/.bashrc: source <(oscar-cli completion bash)
    """
    _write(ctx.obj, "bash.sh", described=False)


@app.command("zsh")
def zsh(ctx: typer.Context, no_descriptions: NoDescriptionsOption = False) -> None:
    """Print the script for Zsh.

    Put this into ~/.zshrc, behind compinit: source <(oscar-cli completion zsh). Or let it be the file
    _oscar-cli in a folder of $fpath.
    """
    _write(ctx.obj, "zsh.sh", described=not no_descriptions)


@app.command("fish")
def fish(ctx: typer.Context, no_descriptions: NoDescriptionsOption = False) -> None:
    """Print the script for Fish.

    To load it in every shell: oscar-cli completion fish > ~/.config/fish/completions/oscar-cli.fish
    """
    _write(ctx.obj, "fish.fish", described=not no_descriptions)


@app.command("powershell")
def powershell(ctx: typer.Context, no_descriptions: NoDescriptionsOption = False) -> None:
    """Print the script for PowerShell.

    Put this into the file that $PROFILE names: oscar-cli completion powershell | Out-String |
    Invoke-Expression
    """
    _write(ctx.obj, "powershell.ps1", described=not no_descriptions)


def _write(session: Session, name: str, *, described: bool) -> None:
    text = (Path(__file__).parent / "scripts" / name).read_text(encoding="utf-8")
    session.answer(text.replace("COMMAND", "__complete" if described else "__completeNoDesc"))


app.include(man.app)
