"""Writes every diagram beside this file."""

from pathlib import Path

from . import DIAGRAMS

for name, draw in DIAGRAMS.items():
    path = Path(__file__).with_name(f"{name}.svg")
    path.write_text(draw(), encoding="utf-8")
    print(path.name)
