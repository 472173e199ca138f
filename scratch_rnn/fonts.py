"""Fonts of pictures: a text that matplotlib's default font cannot draw, Korean for example, gets another one.

Where no installed font has a character, it is drawn as a box, and the caller gets a sentence to print.
"""

import re
from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font
from matplotlib.text import Text

BOX = "□"
WIDE = re.compile(
    r"CJK|Nanum|Malgun|AppleSDGothic|AppleGothic|UnDotum|Baekmuk|Unifont|DroidSansFallback", re.I
)
"""Names of files of fonts with many characters."""


def lacking(text: str) -> set[str]:
    """The characters that the default font does not have."""
    font = get_font(findfont(FontProperties()))
    return {each for each in text if each != "\n" and not font.get_char_index(ord(each))}


@cache
def fallback() -> tuple[str, frozenset[int]] | None:
    """The name of an installed font with Korean letters, and its characters; None if there is none."""
    paths = [path for path in findSystemFonts() if WIDE.search(path)]
    for path in sorted(paths, key=lambda path: ("Regular" not in path, "Sans" not in path, path)):
        font = get_font(path)
        if font.get_char_index(ord("한")):
            fontManager.addfont(path)
            return font.family_name, frozenset(font.get_charmap())
    return None


def without_font(text: str) -> set[str]:
    """The characters of a text that no installed font has."""
    needed = lacking(text)
    found = fallback() if needed else None
    return needed if found is None else {each for each in needed if ord(each) not in found[1]}


def set_fonts(figure: Figure) -> str | None:
    """Give the texts of a figure fonts with their characters; a sentence about those that no font has."""
    missing: set[str] = set()
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        needed = without_font(text.get_text())
        found = fallback() if lacking(text.get_text()) else None
        if found is not None:
            text.set_fontfamily([*text.get_fontfamily(), found[0]])
        text.set_text("".join(BOX if each in needed else each for each in text.get_text()))
        missing |= needed
    return sentence(missing)


def sentence(characters: set[str]) -> str | None:
    """What a command prints where no font has these characters."""
    if not characters:
        return None
    some = "".join(sorted(characters)[:20])
    return f"no installed font has {some}: drawn as {BOX}; for Korean install one, fonts-noto-cjk for example"
