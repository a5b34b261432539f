"""crontopus completion: what teaches a shell to complete our commands, options and names."""

import click
from click.shell_completion import get_completion_class

from cli.groups import Command

VARIABLE = "_CRONTOPUS_COMPLETE"
_WHERE = {
    "bash": "~/.local/share/bash-completion/completions/crontopus",
    "zsh": "a file _crontopus in a folder of $fpath",
    "fish": "~/.config/fish/completions/crontopus.fish",
}


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(sorted(_WHERE)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what teaches your shell our commands and names.

    \b
    Examples:
      source <(crontopus completion bash)
      crontopus completion zsh > ~/.zfunc/_crontopus
      crontopus completion fish > ~/.config/fish/completions/crontopus.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"this version of click does not know {shell}")
    click.echo(found(ctx.find_root().command, {}, "crontopus", VARIABLE).source())
    click.echo(f"Put it into {_WHERE[shell]} and start a new shell.", err=True)
