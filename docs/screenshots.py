"""Writes the README's pictures of the page: python -m docs.screenshots. It needs playwright and chromium."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from scratch_rnn.page.build import write

PICTURES = {
    "page-forward.png": ("cell=lstm&lab=hihello&updates=15&t=3&eq=3&pass=forward", "light"),
    "page-backward.png": ("cell=lstm&lab=hihello&updates=15&t=3&eq=4&pass=backward", "dark"),
}
"""By file: the state of the page, and the colour scheme."""
SIZE = {"width": 1366, "height": 960}


def main() -> None:
    """Build the page, open it in Chromium, and write each picture beside this file."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("docs.screenshots: expected chromium on the path, got none")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        address = write(Path(folder)).as_uri()
        browser: Any = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, (state, scheme) in PICTURES.items():
            context = browser.new_context(viewport=SIZE, color_scheme=scheme)
            page = context.new_page()
            page.goto(f"{address}#{state}")
            page.screenshot(path=Path(__file__).with_name(name), animations="disabled")
            print(name)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
