"""Compilation, export and complex numbers: runs unhooked.py in another process, without the shape hook."""

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKS = Path(__file__).with_name("unhooked.py")


def test_without_the_shape_hook() -> None:
    options = ["--noconftest", "--override-ini=addopts=", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(CHECKS)],
        cwd=CHECKS.parents[2],
        env=os.environ | {"JAXTYPING_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed in", done.stdout)
    assert passed is not None
    assert int(passed[1]) == 55
