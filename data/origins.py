"""The origin of each data file: one function per family, and the rule of every split.

Is: functions from a file of a pinned package to the text of a data file.
Is not: the command (that is rebuild.py), nor anything that a lab needs: labs read the files.

No random numbers anywhere: a split is a rule on a sorted or given order, given in its function.
"""

import codecs
import contextlib
import csv
import io
import json
import platform
import re
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from xml.etree import ElementTree

from pinned import NotPinnedError, lines, source

PYTHON = "3.11.7"  # pydoc_data.topics differs between Python versions


def goog() -> str:
    """Google's daily prices, unadjusted, oldest first, the package's digits unchanged."""
    table = csv.DictReader(io.StringIO(source("bokeh_sampledata", "bokeh_sampledata/_data/stocks.csv.gz")))
    names = ("Date", "Open", "High", "Low", "Close", "Volume")
    rows = sorted([row[name] for name in names] for row in table if row["Ticker"] == "GOOG")
    note = "# GOOG, daily, dollars, unadjusted. Quandl WIKI Prices, public domain. See README.md"
    return lines([note, ",".join(names).lower(), *map(",".join, rows)])


def sunspots() -> str:
    """Yearly sunspot numbers, 1700 to 2008."""
    table = csv.reader(io.StringIO(source("statsmodels", "statsmodels/datasets/sunspots/sunspots.csv")))
    note = "# Yearly sunspot numbers. National Geophysical Data Center, public domain. See README.md"
    return lines([note, "year,sunspots", *map(",".join, list(table)[1:])])


def emoji_names() -> list[tuple[str, str, str]]:
    """(emoji, English name, Korean name) in the package's order, lower-cased, words by spaces.

    Kept are statuses 1 and 2 (components and fully qualified emoji: no spelling variants).
    """
    english = json.loads(source("emoji", "emoji/unicode_codes/emoji.json"))
    korean = json.loads(source("emoji", "emoji/unicode_codes/emoji_ko.json"))

    def plain(name: str) -> str:
        return " ".join(name.strip(":").replace("_", " ").lower().split())

    kept = [sign for sign in korean if english[sign]["status"] in (1, 2)]
    return [(sign, plain(english[sign]["en"]), plain(korean[sign])) for sign in kept]


def emoji_en_ko(test: bool) -> str:
    """English TAB Korean, fewer than 10 and 12 words, with Hangul on the Korean side.

    Held out: of each phrase that each of the five skin tones may follow, one tone. The phrases,
    sorted, take the sorted tones in turn: phrase k gives up tone k mod 5. Names of two tones, or
    with words after the tone, stay in training.
    """
    short = [p for p in emoji_names() if len(p[1].split()) < 10 and len(p[2].split()) < 12]
    pairs = {en: ko for _, en, ko in short if re.search("[가-힣]", ko)}
    toned: dict[str, list[str]] = defaultdict(list)
    for en in sorted(pairs):
        match = re.fullmatch(r"(.+) (light|medium-light|medium|medium-dark|dark) skin tone", en)
        if match and "skin tone" not in match[1]:
            toned[match[1]].append(en)
    full = [toned[phrase] for phrase in sorted(toned) if len(toned[phrase]) == 5]
    held_out = {names[k % 5] for k, names in enumerate(full)}
    return lines(f"{en}\t{ko}" for en, ko in pairs.items() if (en in held_out) == test)


def digits(test: bool) -> str:
    """Label TAB 64 pixels (0 to 16, row by row), in load_digits order; held out: the last 450."""
    table = source("scikit-learn", "sklearn/datasets/data/digits.csv.gz").splitlines()
    rows = [[str(int(cell)) for cell in row.split(",")] for row in table]
    part = rows[-450:] if test else rows[:-450]
    return lines(f"{row[-1]}\t{' '.join(row[:-1])}" for row in part)


def sentiment(test: bool) -> str:
    """Word TAB 1 or 0: the sign of the mean polarity over the word's senses; zero is left out.

    The words are sorted; every tenth one (the 10th, 20th, ...) is held out.
    """
    polarity: dict[str, Decimal] = defaultdict(Decimal)
    for sense in ElementTree.fromstring(source("textblob", "textblob/en/en-sentiment.xml").encode()):
        polarity[sense.attrib["form"]] += Decimal(sense.attrib["polarity"])
    rows = [f"{word}\t{int(polarity[word] > 0)}" for word in sorted(polarity) if polarity[word]]
    return lines(row for k, row in enumerate(rows, 1) if (k % 10 == 0) == test)


def topics() -> str:
    """The first 200,000 characters of pydoc's help texts, joined in the order of their keys."""
    if platform.python_version() != PYTHON:
        raise NotPinnedError(f"expected Python {PYTHON}; got {platform.python_version()}")
    from pydoc_data import topics as module

    return "".join(module.topics[key] for key in sorted(module.topics))[:200_000]


def this() -> str:
    """The Zen of Python, 856 characters, without a last newline."""
    with contextlib.redirect_stdout(io.StringIO()):  # importing it prints it
        import this as module
    return codecs.decode(module.s, "rot13")


def words() -> str:
    """Flags named by one word of a to z: of each length below, the next in the alphabet."""
    lengths = (13, 11, 11, 8, 4, 7, 5, 10, 6, 9, 12, 4, 8, 6, 7, 5, 10, 9, 11, 4)
    flags = (en for sign, en, _ in emoji_names() if re.fullmatch("[\U0001f1e6-\U0001f1ff]{2}", sign))
    names = sorted(name for name in flags if re.fullmatch("[a-z]+", name))
    by_length = {size: iter([n for n in names if len(n) == size]) for size in set(lengths)}
    return lines(next(by_length[size]) for size in lengths)


BUILDERS: dict[str, Callable[[], str]] = {
    "digits.tsv": lambda: digits(test=False),
    "digits_test.tsv": lambda: digits(test=True),
    "emoji_en_ko.tsv": lambda: emoji_en_ko(test=False),
    "emoji_en_ko_test.tsv": lambda: emoji_en_ko(test=True),
    "goog.csv": goog,
    "sentiment.tsv": lambda: sentiment(test=False),
    "sentiment_test.tsv": lambda: sentiment(test=True),
    "sunspots.csv": sunspots,
    "this.txt": this,
    "topics.txt": topics,
    "words.txt": words,
}
