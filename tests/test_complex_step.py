"""The hand-written adjoints hold without torch: complex_step.py, run in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKS = Path(__file__).with_name("complex_step.py")


def test_adjoints_by_complex_step() -> None:
    options = ["--noconftest", "--override-ini=addopts=", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(CHECKS)],
        cwd=CHECKS.parent.parent,
        env=os.environ | {"JAXTYPING_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed in", done.stdout)
    assert passed is not None
    assert int(passed[1]) == 73  # 10 ops, 12 cells, 36 layers, 12 stacks, nothing left out, a NaN
