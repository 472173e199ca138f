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

Runs = dict[str, data.Run]
DEFAULT = {"cell": "lstm", "lab": "hihello", "updates": "15", "pass": "forward", "t": 3, "unit": 0, "eq": 3}


@contextmanager
def opened(browser: Any, address: str, width: int = 1366, scheme: str = "light") -> Iterator[Any]:
    """The page in a new context. At the end: no message on the console, and no request but the file."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: messages.append(request.url.partition("#")[0]))
    page.goto(address)
    yield page
    assert messages == [address.partition("#")[0]]
    context.close()


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
def test_numbers_under_the_code_are_the_traces(browser: Any, address: str, runs: Runs, cell: str) -> None:
    """At two steps and units of every run, and all derivations."""
    compared = 0
    with opened(browser, address) as page:
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
def test_heat_maps_show_every_value(browser: Any, address: str, runs: Runs, cell: str) -> None:
    with opened(browser, address) as page:
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
def test_an_equation_marks_exactly_its_lines_in_both_trees(browser: Any, address: str, cell: str) -> None:
    marked = (
        "(prefix) => [...document.querySelectorAll('.line.on')].map((each) => each.id)"
        ".filter((id) => id.startsWith(prefix))"
    )
    numpy, torch = expected_lines(cell, "numpy_bptt"), expected_lines(cell, "torch_autograd")
    assert numpy.keys() == torch.keys()
    with opened(browser, address) as page:
        for equation in numpy:
            choose(page, cell=cell, eq=equation)
            for prefix, lines in ((f"{cell}-", numpy), (f"torch-{cell}-", torch)):
                found = {int(each.removeprefix(prefix)) for each in page.evaluate(marked, prefix)}
                assert found == lines[equation], (prefix, equation)
            cards = page.locator(".card.on:visible")
            assert cards.count() == 1
            assert cards.inner_text().startswith(f"({equation})")
            assert page.locator(f"#torch-{cell}-{max(torch[equation])}").is_visible()


def test_keys(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
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


def test_the_address_has_the_state(browser: Any, address: str) -> None:
    chosen = {
        "cell": "gru",
        "lab": "charseq",
        "updates": "100",
        "pass": "backward",
        "t": 9,
        "unit": 5,
        "eq": 4,
    }
    with opened(browser, address) as page:
        choose(page, **{("pass_" if key == "pass" else key): value for key, value in chosen.items()})
        copied = page.evaluate("location.hash")
    with opened(browser, address + copied) as page:
        assert state(page) == chosen
        page.evaluate("location.hash = 't=-1&unit=x&cell=cnn&lab=&eq=0&updates=7&pass=up&lang=xx&step=99'")
        wait_until(page, "state.cell === 'lstm'")
        assert state(page) == DEFAULT
        page.evaluate("location.hash = 'cell=rnn&eq=5&t=5'")
        wait_until(page, "state.cell === 'rnn'")
        assert state(page) == DEFAULT | {"cell": "rnn", "eq": 2, "t": 5}


def test_a_link_opens_the_folded_derivation(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        assert not page.locator("#derivation-lstm + h4").is_visible()
        page.locator("#step a:visible", has_text="4.2").click()
        page.locator("#derivation-lstm + h4").wait_for(state="visible")
        assert state(page) == DEFAULT


def test_padding_shows_one_step(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        for step, words in ((1, 0), (2, 1), (4, 2)):
            choose(page, step=step)
            assert page.locator(".states:visible").count() == 1
            assert page.locator(".states:visible tr.wrong").count() == words


@pytest.mark.parametrize("width", [390, 1366])
def test_nothing_is_wider_than_the_window(browser: Any, address: str, width: int) -> None:
    wide = """() => [document.documentElement.scrollWidth, ...[...document.querySelectorAll("main *")]
      .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .file, .sr"))
      .map((e) => e.outerHTML.slice(0, 200))]"""
    with opened(browser, address, width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        for cell in data.CELLS:
            for which in ("forward", "backward"):
                choose(page, cell=cell, lab="charseq", pass_=which, step=4)
                assert page.evaluate(wide) == [width]


@pytest.mark.parametrize(("scheme", "which"), [("light", "forward"), ("dark", "backward")])
def test_axe_finds_nothing(browser: Any, address: str, scheme: str, which: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(browser, address, scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        choose(page, pass_=which, step=3)
        found = axe.run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_the_page_is_dark_where_the_system_is(browser: Any, address: str) -> None:
    colour = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    for scheme, bright in (("light", True), ("dark", False)):
        with opened(browser, address, scheme=scheme) as page:
            assert (np.mean(page.evaluate(colour)) > 128) == bright


def test_one_language_is_shown(browser: Any, address: str) -> None:
    for language, other, title in (("en", "ko", "one step at a time"), ("ko", "en", "한 스텝씩")):
        with opened(browser, f"{address}#lang={language}") as page:
            assert title in page.locator("h1").inner_text()
            assert page.locator(f"html[lang={language}]").count() == 1
            assert page.locator(f"span[lang={other}]:visible").count() == 0
            page.locator("#lang").select_option(other)
            assert f"lang={other}" in page.evaluate("location.hash")
            assert page.locator(f"span[lang={language}]:visible").count() == 0
