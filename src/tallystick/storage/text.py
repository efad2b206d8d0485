"""Which text a database can hold: valid Unicode without U+0000.

PostgreSQL refuses U+0000, SQLite's JSON functions end a text there, and neither knows a lone half of a surrogate pair.
"""

from tallystick.core.errors import Invalid


def is_storable(text: str) -> bool:
    """Whether it can be kept, and found again, as it is.  Nothing is ever found under a text that cannot."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_storable(*texts: str) -> None:
    """Raise `Invalid` for a text that no database can hold."""
    if not is_storable("".join(texts)):
        raise Invalid("text must be valid Unicode and must not contain U+0000")


def readable(text: str | None) -> str | None:
    """What can be kept of a text that a stranger sent and that nobody can be asked to correct."""
    if text is None or is_storable(text):
        return text
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
