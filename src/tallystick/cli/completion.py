"""`tallystick completion`: what a shell needs to complete our commands and options."""

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash   echo 'eval "$(tallystick completion bash)"' >> ~/.bashrc
    zsh    echo 'eval "$(tallystick completion zsh)"' >> ~/.zshrc
    fish   tallystick completion fish > ~/.config/fish/completions/tallystick.fish
    """  # noqa: D301 - \b is click's sign for lines that are to be kept
    root = ctx.find_root()
    kind = get_completion_class(shell)
    assert kind is not None, "click knows all three"
    click.echo(kind(root.command, {}, "tallystick", "_TALLYSTICK_COMPLETE").source())
