"""What `bench/plot.py` draws: well-formed, all of it within the picture, and said in words, too."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import plot

_SVG = "{http://www.w3.org/2000/svg}"


def test_every_point_is_within_the_picture_and_in_the_words(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"

    plot.lines(
        path,
        "Hit & miss",
        "tokens",
        "ms",
        {"hit": [(10_000, 0.4), (1_000_000, 0.41)], "miss": [(10_000, 0.3), (10_000_000, 7)]},
        log_x=True,
    )

    drawn = ET.parse(path).getroot()
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    points = [
        tuple(map(float, pair.split(",")))
        for line in drawn.iter(f"{_SVG}polyline")
        for pair in line.attrib["points"].split()
    ]
    assert len(points) == 4
    assert all(0 < x < width and 0 < y < height for x, y in points)
    assert points[2][0] < points[1][0] < points[3][0]
    assert drawn.findtext(f"{_SVG}title") == "Hit & miss"
    assert drawn.findtext(f"{_SVG}desc") == (
        "ms against tokens. hit: 10,000 → 0.4, 1 M → 0.41; miss: 10,000 → 0.3, 10 M → 7"
    )


@pytest.mark.parametrize("values", [{"one": 3.0}, {"one": 0.0}, {"one": 12_000.0, "two": 1_234_567.0}])
def test_bars_stand_on_one_ground(tmp_path: Path, values: dict[str, float]) -> None:
    path = tmp_path / "a.svg"

    plot.bars(path, "Rates", "per second", values)

    rects = list(ET.parse(path).getroot().iter(f"{_SVG}rect"))
    assert len(rects) == len(values)
    assert len({round(float(each.attrib["y"]) + float(each.attrib["height"]), 1) for each in rects}) == 1


def test_one_point_is_enough_for_a_line(tmp_path: Path) -> None:
    plot.lines(tmp_path / "a.svg", "One", "x", "y", {"only": [(1, 1)]})
    plot.lines(tmp_path / "b.svg", "One", "x", "y", {"only": [(10, 1)]}, log_x=True)
