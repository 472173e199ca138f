"""Which font draws characters that the default font lacks."""

from types import SimpleNamespace

import pytest
from matplotlib import font_manager

from scratch_rnn import fonts

FILES = ["/fonts/Latin.ttf", "/fonts/NotoSansCJK-Bold.ttc", "/fonts/NotoSansCJK-Regular.ttc"]


@pytest.mark.parametrize(
    ("files", "characters", "expected"),
    [
        (FILES, {"/fonts/NotoSansCJK-Regular.ttc": "한글", "/fonts/NotoSansCJK-Bold.ttc": "한"}, "한글"),
        (FILES, {"/fonts/NotoSansCJK-Bold.ttc": "한"}, "한"),
        (FILES, {"/fonts/Latin.ttf": "한"}, None),
        (FILES, {}, None),
        ([], {}, None),
    ],
    ids=["the regular one first", "the next one has it", "not by its name", "none has it", "no fonts"],
)
def test_the_first_font_with_korean_letters(
    monkeypatch: pytest.MonkeyPatch, files: list[str], characters: dict[str, str], expected: str | None
) -> None:
    added: list[str] = []

    def opened(path: str) -> SimpleNamespace:
        own = characters.get(path, "A")
        return SimpleNamespace(
            family_name="family",
            get_char_index=lambda code: chr(code) in own,
            get_charmap=lambda: {ord(each): 1 for each in own},
        )

    monkeypatch.setattr(fonts, "findSystemFonts", lambda: files)
    monkeypatch.setattr(fonts, "get_font", opened)
    monkeypatch.setattr(font_manager.fontManager, "addfont", added.append)
    found = fonts.fallback.__wrapped__()
    if expected is None:
        assert found is None
        assert added == []
    else:
        assert found == ("family", frozenset(map(ord, expected)))
        assert [characters[path] for path in added] == [expected]
