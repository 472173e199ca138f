"""Write the data files of this folder, or check them, byte for byte. The origins are in origins.py.

Is: a command for people who change the data. Is not: needed to run a lab, nor a downloader: it reads
installed packages only (the pip line that installs them is in README.md).

    python data/rebuild.py [NAME ...]            write the named files (none: all) and SHA256SUMS
    python data/rebuild.py --check [NAME ...]    rebuild in memory; compare with the file, with
                                                 SHA256SUMS and README.md; a difference: exit 1
"""

import argparse
import hashlib
import sys
from pathlib import Path

from origins import BUILDERS
from pinned import NotPinnedError

HERE = Path(__file__).resolve().parent
SUMS = HERE / "SHA256SUMS"


def sum_line(name: str, content: bytes) -> str:
    """One line of SHA256SUMS."""
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n"


def difference(name: str) -> str | None:
    """The fault of a file in this folder, or None."""
    try:
        built = BUILDERS[name]().encode()
    except NotPinnedError as reason:
        return f"cannot be rebuilt: {reason}"
    if not (HERE / name).is_file():
        return "is missing"
    if (HERE / name).read_bytes() != built:
        return "differs from what was rebuilt"
    line = sum_line(name, built)
    if line not in SUMS.read_text("utf-8").splitlines(keepends=True):
        return "has another sha256 in SHA256SUMS"
    if line[:64] not in (HERE / "README.md").read_text("utf-8"):
        return "has another sha256 in README.md"
    return None


def write(names: list[str]) -> None:
    """Build all the named files, then write them and the sums of all files of this folder."""
    built = {name: BUILDERS[name]().encode() for name in names}
    for name, content in built.items():
        (HERE / name).write_bytes(content)
    present = [name for name in sorted(BUILDERS) if (HERE / name).is_file()]
    sums = "".join(sum_line(name, (HERE / name).read_bytes()) for name in present)
    SUMS.write_bytes(sums.encode())


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Rebuild or check the data files.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BUILDERS)}")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BUILDERS]
    if unknown:
        parser.error(f"expected names of {', '.join(BUILDERS)}; got {', '.join(unknown)}")
    names: list[str] = options.names or list(BUILDERS)
    if not options.check:
        try:
            write(names)
        except NotPinnedError as reason:
            print(f"rebuild: {reason}", file=sys.stderr)
            return 1
        return 0
    wrong = [f"{name} {what}" for name in names if (what := difference(name))]
    print("\n".join(wrong) if wrong else f"{len(names)} files are what the packages give")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
