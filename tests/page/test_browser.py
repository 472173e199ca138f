"""The page in Chromium: what it shows, that it asks for nothing, its keys, its width, its accessibility."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scratch_rnn
from scratch_rnn.page import data
from scratch_rnn.page.build import LANGUAGES

Runs = dict[str, data.Run]
DEFAULT = {"cell": "lstm", "lab": "hihello", "updates": "15", "pass": "forward", "t": 3, "unit": 0, "eq": 3}


@contextmanager
def opened(browser: Any, address: str) -> Iterator[tuple[Any, list[str]]]:
    """A new page, and what it writes on the console or requests."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: messages.append(request.url.partition("#")[0]))
    page.goto(address)
    yield page, messages
    assert messages == [address.partition("#")[0]], "a message, or a request for more than the file"
    context.close()


@pytest.fixture(scope="module")
def loaded(browser: Any, address: str) -> Iterator[tuple[Any, list[str]]]:
    """The page that all tests of this file share: opening it takes longer than most of them."""
    with opened(browser, address) as both:
        yield both


RESET = """() => {
  document.activeElement.blur();
  for (const each of document.querySelectorAll("details")) each.open = false;
  choose({ ...defaults });
}"""
OPEN = "() => { for (const each of document.querySelectorAll('details')) each.open = true; }"


@pytest.fixture
def page(loaded: tuple[Any, list[str]], address: str) -> Iterator[Any]:
    """The shared page in its first state, wide and light. The test must cause no message and no request."""
    page, messages = loaded
    page.set_viewport_size({"width": 1366, "height": 900})
    page.emulate_media(color_scheme="light")
    page.evaluate(RESET)
    yield page
    assert messages == [address]


def state(page: Any) -> dict[str, Any]:
    return {key: page.evaluate(f"state[{key!r}]") for key in DEFAULT}


def choose(page: Any, **changes: Any) -> None:
    page.evaluate("(changes) => choose(changes)", {k.rstrip("_"): v for k, v in changes.items()})


def wait_until(page: Any, expression: str) -> None:
    """The page's policy forbids eval, which playwright's own waiting uses."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never true: {expression}")


NUMBERS = """() => [...document.querySelectorAll("#step [data-ref], #derivations [data-ref]")]
  .filter((each) => !each.closest("[hidden]"))
  .map((each) => [each.dataset.of, each.dataset.ref, each.textContent])"""
CELLS = """() => [...document.querySelectorAll("#heat tbody:not(:nth-of-type(1))")].map((group) =>
  [...group.rows].map((row) => [...row.querySelectorAll("td .sr")].map((cell) => cell.textContent)))"""


def printed(value: float) -> str:
    """As test_build.py compares it with the trace; a minus sign for a hyphen."""
    return re.sub("^-", "−", f"{value + 0.0:#.3g}".rstrip("."))


@pytest.mark.parametrize("cell", data.CELLS)
def test_numbers_under_the_code_are_the_traces(page: Any, runs: Runs, cell: str) -> None:
    """At two steps and units of every run, and all derivations."""
    compared = 0
    for lab in data.OPTIONS:
        for updates in data.UPDATES:
            own = {name: runs[f"{name}/{lab}/{updates}"] for name in data.CELLS}
            last = (len(own[cell].text) - 1, own[cell].hidden - 1)
            for which, (t, unit) in (("forward", last), ("backward", (1, 1)), ("backward", last)):
                choose(page, cell=cell, lab=lab, updates=str(updates), pass_=which, t=t, unit=unit)
                for of, ref, text in page.evaluate(NUMBERS):
                    run, name = own[of], re.split("[:=]", ref)[-1]
                    if ref.startswith("="):
                        array = run.trace[name]
                    else:
                        pass_, line, _ = ref.split(":")
                        array = run.trace.lines(pass_)[int(line)].values[name]
                    expected = run.printed(name, array)
                    if run.has_units(name, array):
                        expected = printed(array[t, 0, unit])
                    assert text == expected, (of, ref)
                    compared += 1
    assert compared > 1000


@pytest.mark.parametrize("cell", data.CELLS)
def test_heat_maps_show_every_value(page: Any, runs: Runs, cell: str) -> None:
    for name, run in runs.items():
        if run.cell != cell:
            continue
        for which, panels in data.panels(run).items():
            choose(page, cell=cell, lab=run.lab, updates=str(run.updates), pass_=which)
            shown = page.evaluate(CELLS)
            assert len(shown) == len(panels)
            for group, (panel, _) in zip(shown, panels, strict=True):
                assert group == [list(map(printed, row)) for row in run.trace[panel][:, 0].T], (
                    name,
                    panel,
                )
        rows = page.evaluate(
            "() => [...document.querySelectorAll('#reach-table tbody tr')].map((row) => "
            "[...row.querySelectorAll('.sr')].map((cell) => cell.textContent))"
        )
        assert rows == [list(map(printed, row[: t + 1])) for t, row in enumerate(run.reach)]


def expected_lines(cell: str, tree: str) -> dict[int, set[int]]:
    """By equation, read from the text: up to a trailing `# (k)`, and from a comment `# (k)` to the next."""
    path = Path(scratch_rnn.__file__).parent / tree / f"{cell}.py"
    found: dict[int, set[int]] = {}
    pending: set[int] = set()
    block: set[int] | None = None
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("def "):
            inside, block, pending = True, None, set()
        if not inside or line.strip().startswith("return"):
            inside = False
            continue
        opens, ends = re.match(r"\s+# \((\d)\)", line), re.search(r"\S.*# \((\d)\)$", line)
        if opens:
            block = found.setdefault(int(opens[1]), set())
        if block is not None:
            block.add(number)
        elif " = " in line and '"""' not in line and not line.startswith(("def ", "    x:")):
            pending.add(number)
            if ends:
                found.setdefault(int(ends[1]), set()).update(pending)
                pending = set()
    return found


@pytest.mark.parametrize("cell", data.CELLS)
def test_an_equation_marks_exactly_its_lines_in_both_trees(page: Any, cell: str) -> None:
    marked = (
        "(prefix) => [...document.querySelectorAll('.line.on')].map((each) => each.id)"
        ".filter((id) => id.startsWith(prefix))"
    )
    numpy, torch = expected_lines(cell, "numpy_bptt"), expected_lines(cell, "torch_autograd")
    assert numpy.keys() == torch.keys()
    for equation in numpy:
        choose(page, cell=cell, eq=equation)
        for prefix, lines in ((f"{cell}-", numpy), (f"torch-{cell}-", torch)):
            found = {int(each.removeprefix(prefix)) for each in page.evaluate(marked, prefix)}
            assert found == lines[equation], (prefix, equation)
        cards = page.locator(".card.on:visible")
        assert cards.count() == 1
        assert cards.inner_text().startswith(f"({equation})")
        assert page.locator(f"#torch-{cell}-{max(torch[equation])}").is_visible()


def test_keys(page: Any) -> None:
    assert state(page) == DEFAULT
    for key, changed in (
        ("ArrowRight", {"t": 4}), ("ArrowLeft", {"t": 3}), ("ArrowDown", {"unit": 1}),
        ("ArrowUp", {"unit": 0}), ("ArrowUp", {"unit": 3}), ("b", {"pass": "backward"}), ("5", {"eq": 5}),
        ("9", {}), ("B", {"pass": "forward"}),
    ):  # fmt: skip
        before = state(page)
        page.keyboard.press(key)
        assert state(page) == before | changed, key
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-pressed") == "true"
    wait_until(page, "state.t === 4")
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-pressed") == "false"
    page.locator("#cell").focus()
    page.keyboard.press("ArrowDown")
    assert (state(page)["cell"], state(page)["unit"]) == ("gru", 3)


def test_the_address_has_the_state(page: Any, browser: Any, address: str) -> None:
    chosen = {
        "cell": "gru",
        "lab": "charseq",
        "updates": "100",
        "pass": "backward",
        "t": 9,
        "unit": 5,
        "eq": 4,
    }
    choose(page, **{("pass_" if key == "pass" else key): value for key, value in chosen.items()})
    copied = page.evaluate("location.hash")
    with opened(browser, address + copied) as (other, _):
        assert state(other) == chosen
        other.evaluate("location.hash = 't=-1&unit=x&cell=cnn&lab=&eq=0&updates=7&pass=up&lang=xx&step=99'")
        wait_until(other, "state.cell === 'lstm'")
        assert state(other) == DEFAULT
        other.evaluate("location.hash = 'cell=rnn&eq=5&t=5'")
        wait_until(other, "state.cell === 'rnn'")
        assert state(other) == DEFAULT | {"cell": "rnn", "eq": 2, "t": 5}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_opens_the_folded_derivation(page: Any, language: str) -> None:
    choose(page, lang=language)
    title = page.locator(f"#derivation-lstm-{language} + h4")
    assert not title.is_visible()
    page.locator("#step a:visible", has_text="4.2").click()
    title.wait_for(state="visible")
    assert state(page) == DEFAULT
    (other,) = set(LANGUAGES) - {language}
    wait_until(page, "document.querySelectorAll('details[open]').length === 2")
    choose(page, lang=other)
    assert page.locator(f"#derivation-lstm-{other} + h4").is_visible()
    assert not title.is_visible()


def test_padding_shows_one_step(page: Any) -> None:
    for step, words in ((1, 0), (2, 1), (4, 2)):
        choose(page, step=step)
        assert page.locator(".states:visible").count() == 1
        assert page.locator(".states:visible tr.wrong").count() == words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [390, 1366])
def test_nothing_is_wider_than_the_window(page: Any, width: int, language: str) -> None:
    wide = """() => [document.documentElement.scrollWidth, ...[...document.querySelectorAll("body *")]
      .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .file, .sr"))
      .map((e) => e.outerHTML.slice(0, 200))]"""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(OPEN)
    for cell in data.CELLS:
        for which in ("forward", "backward"):
            choose(page, cell=cell, lab="charseq", pass_=which, step=4, lang=language)
            assert page.evaluate(wide) == [width]


PRUNE = """() => {
  document.getElementById("derivation-lstm-" + state.lang).closest("details").open = true;
  const other = `body [lang]:not([lang=${state.lang}]), [data-cell]:not([data-cell=lstm])`;
  for (const each of document.querySelectorAll(`${other}, details:not([open]) > div`)) each.remove();
}"""
"""Open the derivations of the cells, and remove what is hidden: most of axe's time goes there."""
ALIKE = [[".line:nth-child(n + 40)"], ["pre.python ~ pre.python"]]
"""More lines of code and more blocks of the same kind."""


@pytest.mark.parametrize(
    ("language", "states"),
    [
        ("en", [("light", "forward"), ("dark", "backward")]),
        ("ko", [("light", "backward"), ("dark", "forward")]),
    ],
)
def test_axe_finds_nothing(browser: Any, address: str, language: str, states: list[tuple[str, str]]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(browser, f"{address}#lang={language}&step=3") as (page, _):
        page.evaluate(PRUNE)
        assert page.locator(f"#derivation-lstm-{language} + h4").is_visible()
        for scheme, which in states:
            page.emulate_media(color_scheme=scheme)
            choose(page, pass_=which)
            run = axe.run(page, {"exclude": ALIKE}, {"resultTypes": ["violations"]}).response
            assert len(run["passes"]) > 40
            assert [(each["id"], each["nodes"][0]["html"]) for each in run["violations"]] == []


def test_the_page_is_dark_where_the_system_is(page: Any) -> None:
    colour = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    for scheme, bright in (("light", True), ("dark", False)):
        page.emulate_media(color_scheme=scheme)
        assert (np.mean(page.evaluate(colour)) > 128) == bright


TEXTS = """() => {
  const code = "script, code, pre, .file, figcaption, .equation, dt, option";
  const shown = [...document.querySelectorAll("body *")]
    .filter((each) => !each.closest(code) && each.checkVisibility());
  return [document.title, ...shown.flatMap((e) => [
    ...[...e.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent),
    ...["alt", "aria-label", "title", "placeholder"].map((name) => e.getAttribute(name) ?? ""),
  ])].filter((text) => text.trim());
}"""
"""Each visible text and each text for screen readers, but for code, equations and the names of choices."""
HANGUL = re.compile("[가-힣]")


def test_one_language_is_shown(page: Any, runs: Runs) -> None:
    names = {name for run in runs.values() for name in run.trace.names} | {*data.WORDS, "loss", "h_t", "h_T"}
    page.evaluate(OPEN)
    for which in ("forward", "backward"):
        page.locator("#lang").select_option("ko")
        choose(page, pass_=which)
        assert "lang=ko" in page.evaluate("location.hash")
        assert page.locator("html[lang=ko]").count() == 1
        assert page.get_by_role("form", name="조작", exact=True).count() == 1
        shown = page.evaluate(TEXTS)
        assert "한 스텝씩" in shown[0]
        foreign = {w for text in shown if not HANGUL.search(text) for w in re.findall(r"[A-Za-z_]{2,}", text)}
        assert foreign <= names | {cell.upper() for cell in data.CELLS}
        page.locator("#lang").select_option("en")
        assert page.locator("html[lang=en]").count() == 1
        assert page.get_by_role("form", name="Controls", exact=True).count() == 1
        shown = page.evaluate(TEXTS)
        assert "one step at a time" in shown[0]
        assert not [text for text in shown if HANGUL.search(text)]
        assert len(shown) > 500
