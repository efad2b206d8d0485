"""docs/console.md shows every page, and nothing that is not there."""

import re
from pathlib import Path

from tests.web.test_pages import LOOKS, SEEN

DOCS = Path(__file__).parents[2] / "docs"


def test_every_picture_is_there_and_shown() -> None:
    there = {path.name for path in (DOCS / "images").iterdir()}

    assert there == {f"{name}-{'-'.join(look)}.jpg" for name in SEEN for look in LOOKS}
    assert set(re.findall(r"images/([\w.-]+)", (DOCS / "console.md").read_text(encoding="utf-8"))) == there
