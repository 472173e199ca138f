"""The page, built once, and a browser that opens it.

Without Chromium the tests that need it are skipped; with REQUIRE_BROWSER=1 in the environment they fail.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from scratch_rnn.page import data
from scratch_rnn.page.build import build

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

Runs = dict[str, data.Run]


@pytest.fixture(scope="session")
def built() -> tuple[str, Runs]:
    """The page, and the runs that it was built from."""
    recorded: Runs = {}
    record = data.runs

    def runs(cell: str, lab: str) -> Iterator[data.Run]:
        for run in record(cell, lab):
            recorded[f"{run.cell}/{run.lab}/{run.updates}"] = run
            yield run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "runs", runs)
        return build(), recorded


@pytest.fixture(scope="session")
def html(built: tuple[str, Runs]) -> str:
    return built[0]


@pytest.fixture(scope="session")
def address(html: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(html, encoding="utf-8", newline="\n")
    return path.as_uri()


@pytest.fixture(scope="session")
def runs(built: tuple[str, Runs]) -> Runs:
    """Every run that the page shows."""
    return built[1]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("no chromium on the path")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        missing(str(error))
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


def missing(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but {reason}")
    pytest.skip(reason)
