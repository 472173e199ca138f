"""Small valid files of every kind that is read, and mutations that make most of them invalid."""

import io
import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy import ndarray

Draw = random.Random

WORDS = ("the", "cat", "a", "b", "is", "red.", "우리", "é", "e\u0301", "😀", "<EOS>", "<UNK>", "x_y", "Ab")
NUMBERS = ("0", "1", "2.5", "-3", "1e3", "12", "7.25", "0.001")
STRANGE = (
    *("", " ", "nan", "inf", "-inf", "1e999", "-1e308", "1e308", "5e-324", "1_0", "0x1p3", "1,5", "1.234,5"),
    *("1,234", "NULL", "#", '"', '""', "'", "\t", ",", ";", "|", "\n", "\r", "\r\n", "\0", "\x1a", "\x85"),
    *("\ufeff", "\u2028", "\u200b", "\ud55c", "\U0010ffff", "٣", "½", "٣٫٥", "--", "=1+1", "a" * 5000),
    *(
        "9" * 400,
        "2024-02-30",
        "0000-00-00",
        "12/30/2023",
        "text",
        "label",
        "close",
        "source",
        "<SOS>",
        "$x^$",
    ),
)
"""Tokens that a reader may take for something else."""
RAW = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\0", b"\xef\xbb\xbf", b"\xe2\x82")
"""Bytes that are invalid or unusual UTF-8."""


def mutated(draw: Draw, data: bytes) -> bytes:
    """The data after some mutations; unchanged in one case of eight."""
    for _ in range(draw.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        data = draw.choice(MUTATIONS)(draw, data)
    return data


def _flip(draw: Draw, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 3)) if data else 0):
        changed[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(changed)


def _cut(draw: Draw, data: bytes) -> bytes:
    start, end = sorted(draw.randint(0, len(data)) for _ in range(2))
    return draw.choice((data[:start], data[start:], data[:start] + data[end:]))


def _insert(draw: Draw, data: bytes) -> bytes:
    place = draw.randint(0, len(data))
    token = draw.choice(RAW) if draw.random() < 0.2 else draw.choice(STRANGE).encode()
    times = draw.choice((1, 1, 1, 2, 300)) if len(token) < 10 else 1
    return data[:place] + token * times + data[place:]


def _lines(draw: Draw, data: bytes) -> bytes:
    lines = data.split(b"\n")
    n, m = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(5)
    if kind == 0:
        lines.insert(n, lines[m])
    elif kind == 1:
        del lines[n]
    elif kind == 2:
        lines[n], lines[m] = lines[m], lines[n]
    elif kind == 3:
        lines = [lines[n]] * draw.choice((1, 2, 40))
    else:
        lines.insert(n, draw.choice((b"", b"# a,b", b" ", b"\t")))
    return b"\n".join(lines)


def _cell(draw: Draw, data: bytes) -> bytes:
    """Another cell in the place of one."""
    separator = draw.choice((b",", b"\t", b" ", b";"))
    cells = data.split(separator)
    cells[draw.randrange(len(cells))] = draw.choice(STRANGE).encode()
    return separator.join(cells)


def _quote(draw: Draw, data: bytes) -> bytes:
    places = sorted(draw.randint(0, len(data)) for _ in range(draw.choice((1, 2, 2))))
    parts = [data[a:b] for a, b in pairwise([0, *places, len(data)])]
    return b'"'.join(parts)


def _separator(draw: Draw, data: bytes) -> bytes:
    old, new = (
        draw.choice((b",", b"\t", b"\n", b".", b" ")),
        draw.choice((b",", b"\t", b";", b"|", b" ", b"")),
    )
    return data.replace(old, new, draw.choice((-1, -1, 1)))


def _encode(draw: Draw, data: bytes) -> bytes:
    coding = draw.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp949", "utf-7"))
    return data.decode(errors="replace").encode(coding, errors="replace")


def _ends(draw: Draw, data: bytes) -> bytes:
    return data.replace(b"\n", draw.choice((b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\x0b")))


def _whole(draw: Draw, data: bytes) -> bytes:
    texts = (b"", b"\n", b" \n\t\n", b"\0" * 64, b"\xff" * 9, b"x" * 20_000, draw.randbytes(40), data * 3)
    return draw.choice(texts)


MUTATIONS: Sequence[Callable[[Draw, bytes], bytes]] = (
    *(
        _flip,
        _cut,
        _insert,
        _insert,
        _lines,
        _lines,
        _cell,
        _cell,
        _quote,
        _separator,
        _encode,
        _ends,
        _whole,
    ),
)


def text(draw: Draw) -> bytes:
    """Lines of words."""
    return "\n".join(_words(draw, 4) for _ in range(draw.randint(2, 9))).encode()


def pairs(draw: Draw) -> bytes:
    """Lines of source TAB target."""
    more = draw.choice(("", "", "\tCC-BY"))
    return _table(f"{_words(draw, 3)}\t{_words(draw, 3)}{more}" for _ in range(draw.randint(2, 14)))


def examples(draw: Draw) -> bytes:
    """Lines of text TAB label."""
    labels = draw.choice((("0", "1"), ("good", "bad", "우리")))
    return _table(f"{_words(draw, 3)}\t{labels[n % len(labels)]}" for n in range(draw.randint(10, 14)))


def digits(draw: Draw) -> bytes:
    """Lines of label TAB 64 pixels."""
    rows = (" ".join(str(draw.randint(0, 16)) for _ in range(64)) for _ in range(draw.randint(10, 12)))
    return _table(f"{n % 10}\t{row}" for n, row in enumerate(rows))


def csv(draw: Draw) -> bytes:
    """A table with the columns day, a and b, of one of the usual forms."""
    sign, comma = draw.choice(((",", False), (",", False), (";", True), ("\t", False), ("\t", True)))
    days = draw.choice(("2024-01-{:02}", "{:02}.01.2024", "01/{:02}/2024", "{}"))
    rows = []
    for n in range(draw.randint(9, 16)):
        cells = [f"{draw.uniform(-9, 9):.3f}" for _ in range(2)]
        rows.append([days.format(n + 1), *((c.replace(".", ",") for c in cells) if comma else cells)])
    header = draw.choice((["day", "a", "b"], ["day", "a", "b"], ["# day", "a", "b"]))
    return _table(sign.join(row) for row in [header, *rows])


def _words(draw: Draw, most: int) -> str:
    return " ".join(draw.choices(WORDS[:6] if draw.random() < 0.8 else WORDS, k=draw.randint(1, most)))


def _table(rows: Any) -> bytes:
    return ("\n".join(rows) + "\n").encode()


def png(draw: Draw) -> bytes:
    """A PNG image of any colour type, in half of the cases with a wrong structure and right checksums."""
    depth, colour = draw.choice(((8, 0), (8, 2), (8, 4), (8, 6), (1, 0), (16, 0), (16, 6), (8, 3)))
    width, height = draw.randint(1, 20), draw.randint(1, 20)
    per_row = (width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] + 7) // 8
    rows = b"".join(b"\0" + draw.randbytes(per_row) for _ in range(height))
    header = [width, height, depth, colour, 0, 0, draw.choice((0, 0, 0, 1))]
    if draw.random() < 0.3:
        header[draw.randrange(7)] = draw.choice((0, 1, 255)) if draw.random() < 0.5 else draw.randrange(2**8)
    if draw.random() < 0.1:
        header[draw.randrange(2)] = draw.choice((2**14, 2**20, 2**31 - 1, 2**32 - 1))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *header))]
    chunks += [(b"PLTE", draw.randbytes(768))] if colour == 3 else []
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    if draw.random() < 0.3:
        n = draw.randrange(len(chunks))
        extra = draw.choice(
            ((b"tRNS", b"\0" * 9), (b"tEXt", b"x" * 99), (b"iCCP", b"a\0\0zz"), (b"gAMA", b""))
        )
        chunks[n : n + 1] = draw.choice(([], [chunks[n]] * 2, [extra, chunks[n]], [(chunks[n][0], b"")]))
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def npz(draw: Draw, data: bytes) -> bytes:
    """An .npz file with some of its arrays changed."""
    with np.load(io.BytesIO(data)) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    for _ in range(draw.choice((0, 1, 1, 1, 2))):
        name = draw.choice(list(arrays))
        kind = draw.randrange(5)
        if kind == 0:
            del arrays[name]
        elif kind == 1:
            arrays[draw.choice(("more", "state/7", "weights/x", "a/../b", "", "about2", "0/9"))] = arrays[
                name
            ]
        elif name == "about":
            arrays[name] = np.array(json_changed(draw, str(arrays[name])))
        else:
            arrays[name] = array_changed(draw, arrays[name])
        if not arrays:
            break
    buffer = io.BytesIO()
    save = np.savez if draw.random() < 0.8 else np.savez_compressed
    save(buffer, **arrays)
    return buffer.getvalue()


def array_changed(draw: Draw, array: ndarray) -> ndarray:
    """Another shape, dtype or number."""
    kind = draw.randrange(6)
    if kind == 0:
        return array.astype(draw.choice(("f4", "f2", "i8", "c16", "U5", "O", ">f8", "?", "M8[s]")))
    if kind == 1:
        return draw.choice((array[None], array.reshape(-1), array.T, array[..., None]))
    if kind == 2 and array.ndim:
        return draw.choice((array[:0], array[:-1], np.concatenate([array, array]), np.asfortranarray(array)))
    if kind == 3:
        return np.array(draw.choice((0.0, -1, 2**62, "x", None, np.nan)))
    if array.dtype.kind not in "fiu":
        return array
    changed = array.astype(np.float64) if array.dtype.kind != "f" else array.copy()
    if changed.size:
        numbers = (np.nan, np.inf, -1.0, 1e308, 1e30, -0.0, 5e-324)
        with np.errstate(over="ignore"):
            changed.flat[draw.randrange(changed.size)] = draw.choice(numbers)
    return changed


def json_changed(draw: Draw, data: str) -> str:
    """A JSON text in which one value, at any depth, is another."""
    values: Sequence[Any] = (
        None,
        True,
        -1,
        0,
        2**63,
        2**70,
        0.5,
        1e308,
        "",
        "x",
        "lstm",
        "\ud800",
        [],
        ["a"],
        {},
        {"x": 1},
    )
    try:
        found = json.loads(data)
    except ValueError:  # an earlier mutation
        found = None
    if not isinstance(found, dict):
        return data
    where, depth = found, draw.choice((1, 2, 2))
    for _ in range(depth - 1):
        inner = [each for each in where.values() if isinstance(each, dict) and each]
        where = draw.choice(inner) if inner else where
    key = draw.choice([*where, "more"])
    where[key] = draw.choice(values)
    if draw.random() < 0.2:
        del where[key]
    whole = json.dumps(found)
    return draw.choice((whole, whole, whole, whole, whole[:-1], "[" * 5000, whole + "x", "null"))
