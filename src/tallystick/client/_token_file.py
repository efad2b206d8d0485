"""A file that holds a token and nothing else: how a secret is handed to a program without its environment or command line."""

from pathlib import Path

from tallystick.core.errors import Invalid
from tallystick.core.secret import Secret


def read_token(path: Path) -> Secret:
    """The token in it.  Raises `Invalid` when it cannot be read, or holds none."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        # Without a cause: it holds the whole text.
        text = ""
    if not text:
        raise Invalid(f"There is no token in {path}.")
    return Secret(text)
