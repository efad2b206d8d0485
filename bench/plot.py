"""Measurements as small SVG files: nothing to install, light and dark as the page around them is, and readable without colour.

    lines(path, "Revocations", "workers", "per second", {"SQLite": [(1, 900), (2, 1200)]})
    bars(path, "Revocations", "per second", {"SQLite": 1200, "PostgreSQL": 2100})

What is drawn is also said: `title` and `desc` hold all of it, for whoever listens to the page.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

Points = Sequence[tuple[float, float]]


def lines(
    path: Path, title: str, x_label: str, y_label: str, series: Mapping[str, Points], *, log_x: bool = False
) -> None:
    """A line for each series, by its name.  y begins at 0; `log_x`: each decade of x as wide as the next."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    across = _Axis(_decades(xs) if log_x else _steps(min(xs), max(xs)), _LEFT, _WIDTH - _RIGHT, log=log_x)
    up = _Axis(_steps(0, max(ys)), _HEIGHT - _BOTTOM, _TOP)
    parts = [*_frame(title, y_label, up), _text(_MIDDLE, _HEIGHT - 8, x_label, "middle")]
    parts += [_text(across.at(tick), _HEIGHT - _BOTTOM + 18, _number(tick), "middle") for tick in across.ticks]
    for which, points in enumerate(series.values()):
        places = [(across.at(x), up.at(y)) for x, y in points]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="line s{which % _KINDS}" points="{drawn}"/>')
        parts += [_mark(which, x, y) for x, y in places]
    parts += _legend(y_label, list(series))
    said = (f"{name}: " + ", ".join(f"{_number(x)} → {_number(y)}" for x, y in series[name]) for name in series)
    _write(path, title, f"{y_label} against {x_label}. {'; '.join(said)}", parts)


def bars(path: Path, title: str, y_label: str, values: Mapping[str, float]) -> None:
    """A bar for each value, by its name, with its number above."""
    up = _Axis(_steps(0, max(values.values())), _HEIGHT - _BOTTOM, _TOP)
    parts, room = [*_frame(title, y_label, up)], (_WIDTH - _LEFT - _RIGHT) / len(values)
    for which, (name, value) in enumerate(values.items()):
        left, top = _LEFT + room * (which + 0.15), up.at(value)
        parts.append(
            f'<rect class="bar s0" x="{left:.1f}" y="{top:.1f}" width="{room * 0.7:.1f}"'
            f' height="{_HEIGHT - _BOTTOM - top:.1f}"/>'
        )
        parts.append(_text(left + room * 0.35, top - 5, _number(value), "middle"))
        parts.append(_text(left + room * 0.35, _HEIGHT - _BOTTOM + 18, name, "middle"))
    said = ", ".join(f"{name} {_number(value)}" for name, value in values.items())
    _write(path, title, f"{y_label}: {said}", parts)


_WIDTH: Final = 720
_HEIGHT: Final = 400
_LEFT: Final = 76
_RIGHT: Final = 24
_TOP: Final = 64
_BOTTOM: Final = 52
_MIDDLE: Final = (_LEFT + _WIDTH - _RIGHT) / 2
_CHARACTER: Final = 7.2  # how wide one is, about
_KINDS: Final = 4

# Okabe and Ito's colours, lighter on dark; each line has dashes and marks of its own, too.
_STYLE: Final = """
svg { color-scheme: light dark; background: var(--paper); font: 13px system-ui, sans-serif; fill: var(--ink);
  --paper: #fff; --ink: #1f2328; --rule: #d0d7de; --c0: #0072b2; --c1: #b34700; --c2: #00785a; --c3: #a0437c }
@media (prefers-color-scheme: dark) { svg {
  --paper: #0d1117; --ink: #e6edf3; --rule: #30363d; --c0: #56b4e9; --c1: #f0a04b; --c2: #3ddca5; --c3: #e39bc6 } }
.rule { stroke: var(--rule) }
.line { fill: none; stroke-width: 2 }
.s0 { stroke: var(--c0); --mine: var(--c0) } .s1 { stroke: var(--c1); --mine: var(--c1); stroke-dasharray: 7 3 }
.s2 { stroke: var(--c2); --mine: var(--c2); stroke-dasharray: 2 3 }
.s3 { stroke: var(--c3); --mine: var(--c3); stroke-dasharray: 9 3 2 3 }
.mark, .bar { fill: var(--mine); stroke: none }
.title { font-size: 16px; font-weight: 600 }
"""

_MARKS: Final = ("M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0", "M-4,-4h8v8h-8z", "M0,-5l5,9h-10z", "M0,-5l5,5l-5,5l-5,-5z")


class _Axis(NamedTuple):
    """From values to places between `begin` and `end`, which are those of the first and the last tick."""

    ticks: Sequence[float]
    begin: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, here = (math.log10(each) if self.log else each for each in (self.ticks[0], self.ticks[-1], value))
        return self.begin + (self.end - self.begin) * (here - low) / (high - low)


def _steps(low: float, high: float) -> list[float]:
    """Round values, about five, from below the lowest to above the highest."""
    width = (high - low) or high or 1
    unit = 10.0 ** math.floor(math.log10(width / 5))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= width / 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


def _decades(values: Sequence[float]) -> list[float]:
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def _frame(title: str, y_label: str, up: _Axis) -> Iterator[str]:
    yield _text(_LEFT, 24, title, "start", "title")
    yield _text(_LEFT, 46, y_label, "start")
    for tick in up.ticks:
        y = up.at(tick)
        yield f'<path class="rule" d="M{_LEFT},{y:.1f}H{_WIDTH - _RIGHT}"/>'
        yield _text(_LEFT - 8, y + 4, _number(tick), "end")


def _legend(y_label: str, names: Sequence[str]) -> Iterator[str]:
    """Right of what the y axis is, one after the other."""
    x = _LEFT + 24 + _CHARACTER * len(y_label)
    for which, name in enumerate(names):
        yield f'<path class="line s{which % _KINDS}" d="M{x:.1f},42h26"/>'
        yield _mark(which, x + 13, 42)
        yield _text(x + 32, 46, name, "start")
        x += 32 + 16 + _CHARACTER * len(name)


def _mark(which: int, x: float, y: float) -> str:
    kind = which % _KINDS
    return f'<path class="s{kind} mark" transform="translate({x:.1f},{y:.1f})" d="{_MARKS[kind]}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    chosen = f' class="{kind}"' if kind else ""
    return f'<text{chosen} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _number(value: float) -> str:
    """As people write it: 12,000; 10 M; 0.35."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} M"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _write(path: Path, title: str, said: str, parts: Sequence[str]) -> None:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="t d">'
    told = f'<title id="t">{escape(title)}</title>\n<desc id="d">{escape(said)}</desc>'
    path.write_text("\n".join([head, told, f"<style>{_STYLE}</style>", *parts, "</svg>"]) + "\n", encoding="utf-8")
