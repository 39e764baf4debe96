"""Who may come in from other machines: `segue keys`."""

from pathlib import Path
from typing import Annotated

import typer

from .common import app, console, print_table

keys_app = typer.Typer(
    help="Keys and tokens of clients on other machines; see docs/safety.md.", no_args_is_help=True
)
app.add_typer(keys_app, name="keys")

Name = Annotated[str, typer.Argument(help="What the client is called.")]
Rights = Annotated[str, typer.Option(help="play, steer or admin.")]
Folder = Annotated[Path, typer.Option(help="Folder of keys.", file_okay=False)]


@keys_app.command()
def new(name: Name, rights: Rights = "steer", folder: Folder = Path("keys")) -> None:
    """Make keys for a client: one file, to be moved to its machine."""
    from ..server.security.keys import KeyFolder

    path = KeyFolder(folder, make=True).new(name, rights)
    console.print(
        f"{path}: move it to the client's machine, by a way that nobody reads; the server needs "
        f'it no more. There: Client("tcp://HOST:5570", keys="{path.name}"). '
        f"Here: segue serve --host ADDRESS --keys {folder}",
        soft_wrap=True,
    )


@keys_app.command("list")
def list_keys(folder: Folder = Path("keys")) -> None:
    """Show who has keys."""
    from datetime import datetime

    from ..server.security.keys import KeyFolder

    rows = [
        {
            "name": name,
            "rights": known.rights,
            "made": datetime.fromtimestamp(known.made).strftime("%Y-%m-%d %H:%M"),
            "public_key": known.public_key,
        }
        for name, known in sorted(KeyFolder(folder).clients().clients.items())
    ]
    if rows:
        print_table(rows, f"clients of {folder}")
    else:
        console.print(f"nobody has keys in {folder}; segue keys new NAME makes some")


@keys_app.command()
def revoke(name: Name, folder: Folder = Path("keys")) -> None:
    """Let a client in no more, by its keys or by a token."""
    from ..server.security.keys import KeyFolder

    known = KeyFolder(folder).revoke(name)
    fact = f"the keys of {name!r} count no more" if known else f"there were no keys of {name!r}"
    console.print(f"{fact}; nor do tokens of that name that were made up to now")


@keys_app.command()
def token(
    name: Name,
    rights: Rights = "play",
    hours: Annotated[float, typer.Option(help="How long it counts.", min=0.01)] = 8.0,
    folder: Folder = Path("keys"),
) -> None:
    """Print a signed token for a browser or a WebSocket client."""
    from ..server.security.keys import KeyFolder
    from ..server.security.tokens import Tokens

    print(Tokens(KeyFolder(folder, make=True).token_path).make(name, rights, hours))
