"""Access rules: which requests of somebody's API a token is for, as methods and a pattern of paths.

    GET /orders              this path
    GET,POST /orders/*       one segment, whatever it is; `{id}` says the same, and what it is
    * /files/**              all below, and `/files` itself; once in a rule, at any place
    GET api.example.com/**   only of this host; without one a rule is for all

A rule for GET is one for HEAD.  Nothing else is implied: not another case, not a slash at the end.  What may be read in more
than one way (`..`, an encoded slash, a `#`) fits no rule: who serves the path may read it in another way than we do.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from tallystick.core.errors import Invalid

RULE_CHARS_MAX: Final = 512
URI_CHARS_MAX: Final = 8192
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_METHODS: Final = re.compile(r"\*|[A-Z]+(?:,[A-Z]+)*")
_NAMED: Final = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_ENCODED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ANY: Final = None  # stands for one segment
_Segments = tuple[str | None, ...]


class Rule(NamedTuple):
    """One rule, read.  `methods`, `host`: None = all.  `before`, `after`: the segments around `**`; without one `after` is None."""

    methods: frozenset[str] | None
    host: str | None
    before: _Segments
    after: _Segments | None

    def fits(self, method: str, host: str | None, path: Sequence[str]) -> bool:
        """Whether it is for this request.  Each segment is looked at once."""
        if self.host not in (None, host):
            return False
        if self.methods is not None and method not in self.methods:
            return False
        if self.after is None:
            return len(path) == len(self.before) and _alike(self.before, path)
        if len(path) < len(self.before) + len(self.after):
            return False
        return _alike(self.before, path) and _alike(self.after, path[len(path) - len(self.after) :])


def read_rule(text: str) -> Rule:
    """The rule that `text` is.  Raises `Invalid` for what is none, saying what would be."""
    methods, _, pattern = text.strip().partition(" ")
    host, slash, pattern = pattern.strip().partition("/")
    if len(text) > RULE_CHARS_MAX:
        raise _invalid(text, f"it has more than {RULE_CHARS_MAX} characters")
    if _METHODS.fullmatch(methods.upper()) is None or not slash:
        raise _invalid(text, "write methods, a space and a path, such as GET,POST /orders/*")
    if "?" in pattern or "#" in pattern:
        raise _invalid(text, "a rule is about paths: leave out what comes after ? or #")
    if host and _HOST.fullmatch(host.lower()) is None:
        raise _invalid(text, "what stands before the first / is a host, without a port")
    segments = [_segment(text, each) for each in pattern.split("/")]
    if segments.count("**") > 1:
        raise _invalid(text, "** can stand in a rule once")
    asked = None if methods == "*" else frozenset(methods.upper().split(","))
    if asked is not None and "GET" in asked:
        asked |= {"HEAD"}
    if "**" not in segments:
        return Rule(asked, host.lower() or None, tuple(map(_plain, segments)), None)
    at = segments.index("**")
    return Rule(asked, host.lower() or None, tuple(map(_plain, segments[:at])), tuple(map(_plain, segments[at + 1 :])))


def normal_rule(text: str) -> str:
    """A rule as it is kept and shown.  Raises as `read_rule` does."""
    read_rule(text)
    methods, _, pattern = text.strip().partition(" ")
    return f"{methods.upper()} {pattern.strip()}"


def host_of(text: str) -> str:
    """A host as rules have it: in lower case, without a port and the dot of a full name."""
    return text.strip().lower().partition(":")[0].removesuffix(".")


def segments_of(uri: str) -> tuple[str, ...] | None:
    """The decoded segments of a request's path; what comes after `?` is left out.

    None for what is no path, or may be read in more than one way.
    """
    path = uri.partition("?")[0]
    # A fragment is in no request, so some servers cut it off and others take it for a part of the path.
    if not path.startswith("/") or "#" in path or len(uri) > URI_CHARS_MAX or _ENCODED.search(path) is not None:
        return None
    try:
        segments = tuple(unquote_to_bytes(each).decode() for each in path[1:].split("/"))
    except UnicodeDecodeError:
        return None
    return None if any(map(_is_doubtful, segments)) else segments


def _is_doubtful(segment: str) -> bool:
    """Whether some server would take it for something else: a step up, two segments, or (`..;x`) one with parameters."""
    if segment.partition(";")[0] in (".", ".."):
        return True
    return any(char in "/\\" or char < " " or char == "\x7f" for char in segment)


def _segment(text: str, segment: str) -> str:
    if segment in ("*", "**") or _NAMED.fullmatch(segment):
        return segment
    if "*" in segment or "{" in segment or "}" in segment:
        raise _invalid(text, "* and {name} stand for a whole segment, and ** for any number of them")
    decoded = segments_of(f"/{segment}")
    if decoded is None:
        raise _invalid(text, f"{segment!r} can be no part of a path that is sure")
    return decoded[0]


def _plain(segment: str) -> str | None:
    return _ANY if segment == "*" or segment.startswith("{") else segment


def _alike(pattern: _Segments, path: Sequence[str]) -> bool:
    """Whether the first segments are these.  One that stands for any is not empty."""
    return all(found == want if want is not None else found != "" for want, found in zip(pattern, path, strict=False))


def _invalid(text: str, cure: str) -> Invalid:
    return Invalid(f"{text[:100]!r} is no access rule: {cure}", code="invalid_request")
