"""Draws boxes and pairs of arrows as SVG: one self-contained file, for light and dark, without scripts.

A pair of arrows is a value (full line) and its gradient (dashed, in the opposite direction), side by side.
Positions are the centres of boxes, in pixels.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
APART, HEAD = 5.5, 9.0  # half the distance between the two arrows of a pair; length of an arrow head

Point = tuple[float, float]


class Box(NamedTuple):
    """A rectangle around a name and its equation number, or around several lines. 0: as large as the text."""

    x: float
    y: float
    lines: Sequence[str]
    number: str = ""
    kind: str = ""
    width: float = 0
    height: float = 0

    @property
    def half(self) -> Point:
        """Half the width and half the height."""
        beside = 0 if self.height or not self.number else 1 + 0.9 * len(self.number)
        width = 8.6 * (max(map(len, self.lines)) + beside) + 20
        return (self.width or width) / 2, (self.height or 17 * len(self.lines) + 13) / 2

    def draw(self) -> str:
        """The box as SVG: the number is beside the name, or below it in a box that is made higher."""
        w, h = self.half
        kind = f"box {self.kind}".strip()
        parts = [_tag("rect", kind, x=self.x - w, y=self.y - h, width=2 * w, height=2 * h, rx=6)]
        below = [self.number] if self.number and self.height else []
        lines = [*self.lines, *below]
        for k, line in enumerate(lines):
            y = self.y + 17 * (k - (len(lines) - 1) / 2)
            if line in below:
                parts.append(text(self.x, y, line, "number"))
            else:
                parts.append(text(self.x, y, line, number="" if below else self.number))
        return "".join(parts)


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "middle", number: str = "") -> str:
    """A line of text whose vertical centre is y, and an equation number after it."""
    name = f' class="{kind}"' if kind else ""
    after = f' <tspan class="number">{number}</tspan>' if number else ""
    return f'<text{name} x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="{anchor}">{escape(words)}{after}</text>'


def arrow(kind: str, start: Point, end: Point) -> str:
    """A straight arrow."""
    length = math.dist(start, end)
    (ux, uy), (x, y) = ((end[0] - start[0]) / length, (end[1] - start[1]) / length), end
    base = x - HEAD * ux, y - HEAD * uy
    wings = [(base[0] - s * HEAD * 0.42 * uy, base[1] + s * HEAD * 0.42 * ux) for s in (-1, 1)]
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in [(x, y), *wings])
    line = _tag("line", kind, x1=start[0], y1=start[1], x2=base[0], y2=base[1])
    return f'{line}<polygon class="{kind}-head" points="{points}"/>'


def pair(source: Box, target: Box, adjoint: Sequence[str], at: float = 0.5) -> tuple[str, str]:
    """Both arrows between two boxes, and the adjoint's name beside the dashed one, `at` of the way."""
    start, end = _ports(source, target)
    return _pair(start, end, source, target, adjoint, at)


def stub(box: Box, outside: Point, adjoint: str, inward: bool) -> tuple[str, str]:
    """The arrows between a box and what is outside of the diagram."""
    start, end = _ports(box, Box(*outside, [""], width=12, height=12))
    if inward:
        return _pair(end, start, None, box, [adjoint], 0.5)
    return _pair(start, end, box, None, [adjoint], 0.5)


def single(kind: str, source: Box, target: Box) -> str:
    """One arrow, where there is no gradient."""
    start, end = _ports(source, target)
    return arrow(kind, _leave(start, end, source, 0, 0), _leave(end, start, target, 0, 0))


def layered(drawn: Iterable[tuple[str, str]], boxes: Mapping[str, Box]) -> list[str]:
    """The drawn (arrows, label) pairs and the boxes, so ordered that no arrow covers a name."""
    arrows, labels = zip(*drawn, strict=True)
    return [*arrows, *(box.draw() for box in boxes.values()), *filter(None, labels)]


def picture(
    title: str, size: Point, parts: Sequence[str], columns: Sequence[Sequence[tuple[str, str]]]
) -> str:
    """The whole file: a card, the parts, and below them the numbered equations in columns, and the key."""
    width, top = size
    below = []
    for c, column in enumerate(columns):
        for k, (number, equation) in enumerate(column):
            x, y, kind = 28 + 370 * c, top + 20 * k, "" if number else "remark"
            below.append(text(x, y, number, "number", "start"))
            below.append(text(x + 38 if number else x, y, equation, kind, "start"))
    left, right = width - 270, width - 226
    keys = [("forward", "value, forward pass"), ("backward", "gradient, backward pass")]
    if any('class="constant"' in part for part in parts):
        keys.append(("constant", "value without a gradient"))
    for k, (kind, meaning) in enumerate(keys):
        y = top + 22 * k
        ends = ((right, y), (left, y)) if kind == "backward" else ((left, y), (right, y))
        below += [arrow(kind, *ends), text(right + 12, y, meaning, "remark", "start")]
    height = top + max(20 * max(map(len, columns)), 22 * len(keys)) + 12
    card = _tag("rect", "card", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=10)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" role="img" width="{width:g}" '
        f'height="{height:g}" viewBox="0 0 {width:g} {height:g}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>"
    )
    return "\n".join([head, card, text(28, 30, title, "title", "start"), *parts, *below, "</svg>\n"])


def frame(x: float, y: float, width: float, height: float, name: str) -> str:
    """A dotted frame around several boxes, its name at the top."""
    rect = _tag("rect", "frame", x=x, y=y, width=width, height=height, rx=10)
    return rect + text(x + 12, y + 16, name, "remark", "start")


def _ports(a: Box, b: Box) -> tuple[Point, Point]:
    """Two points inside of the boxes: the line between them is vertical or horizontal where possible."""
    x, y = _common(a.x, a.half[0], b.x, b.half[0]), _common(a.y, a.half[1], b.y, b.half[1])
    return (a.x if x is None else x, a.y if y is None else y), (
        b.x if x is None else x,
        b.y if y is None else y,
    )


def _common(a: float, half_a: float, b: float, half_b: float) -> float | None:
    """The centre of the smaller of two intervals, if the other has it; else the middle of both's overlap."""
    low, high = max(a - half_a, b - half_b), min(a + half_a, b + half_b)
    centre = a if half_a < half_b else b
    if low + 2 * APART > high:
        return None
    return centre if low <= centre <= high else (low + high) / 2


def _pair(
    start: Point, end: Point, source: Box | None, target: Box | None, adjoint: Sequence[str], at: float
) -> tuple[str, str]:
    length = math.dist(start, end)
    nx, ny = -(end[1] - start[1]) / length, (end[0] - start[0]) / length  # the side of the dashed arrow
    forward, backward = (
        [_leave(start, end, source, s * nx, s * ny), _leave(end, start, target, s * nx, s * ny)]
        for s in (-APART, APART)
    )
    arrows = arrow("forward", *forward) + arrow("backward", backward[1], backward[0])
    (x0, y0), (x1, y1) = backward
    half_width, half_height = 3.7 * max(map(len, adjoint), default=0), 7.5 * len(adjoint)
    away = abs(nx) * half_width + abs(ny) * half_height + 4
    x, y = x0 + at * (x1 - x0) + away * nx, y0 + at * (y1 - y0) + away * ny
    labels = [
        text(x, y + 15 * (k - (len(adjoint) - 1) / 2), line, "adjoint") for k, line in enumerate(adjoint)
    ]
    return arrows, "".join(labels)


def _leave(here: Point, there: Point, box: Box | None, dx: float, dy: float) -> Point:
    """Where a line from `here` to `there`, moved by (dx, dy), leaves the box around `here`."""
    x, y = here[0] + dx, here[1] + dy
    if box is None:
        return x, y
    length = math.dist(here, there)
    ux, uy = (there[0] - here[0]) / length, (there[1] - here[1]) / length
    (w, h) = box.half
    distances = [
        ((math.copysign(half, u) + middle - p) / u)
        for u, half, middle, p in ((ux, w, box.x, x), (uy, h, box.y, y))
        if abs(u) > 1e-9
    ]
    way = min(distances) + 1.5
    return x + way * ux, y + way * uy


def _tag(name: str, kind: str, **attributes: float) -> str:
    values = "".join(f' {key}="{value:.1f}"' for key, value in attributes.items())
    return f'<{name} class="{kind}"{values}/>'
