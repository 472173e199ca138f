"""Cases in child processes: a block of cases each, with a limit of time for a case, and one of memory.

A child writes a line per case. When it ends early, the case that it was in is at fault, and another child
continues after it.
"""

import json
import os
import resource
import selectors
import shlex
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch._dynamo

from tests.fuzz.command import FOLDERS, Fault
from tests.fuzz.groups import GROUPS, draw_of

assert torch._dynamo
"""torch.optim imports it at its first step: here, so that no child does, which takes 3 s."""

SECONDS, CPU_SECONDS = 600, 20
"""Limits for a case; the second one holds on a busy machine too."""
MEMORY = 2**31
"""Limit for a child, in bytes above what it starts with."""
BLOCK = 50
"""Cases in a child."""


class Block(NamedTuple):
    """Cases of one group by number."""

    group: str
    numbers: Sequence[int]


class Outcome(NamedTuple):
    """How a case ended: a word, or the fault."""

    group: str
    number: int
    ended: str
    fault: str


def reproduce(seed: int, group: str, number: int) -> str:
    """A command line for a shell that runs one case again."""
    return f"python -m tests.fuzz --seed {seed} --only {shlex.quote(group)} --case {number}"


def run_case(seed: int, group: str, number: int, folder: Path) -> str:
    """Run one case in an empty folder. Returns a word for how it ended; Fault where a promise is broken."""
    with chdir(folder):
        return GROUPS[group].check(draw_of(seed, group, number), folder)


def run_blocks(seed: int, blocks: Sequence[Block], jobs: int) -> Iterator[Outcome]:
    """The outcomes of all cases, `jobs` blocks at a time."""
    waiting, ready = list(blocks)[::-1], selectors.DefaultSelector()
    running: dict[int, tuple[Block, int, bytes]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            block = waiting.pop()
            child, end = _start(seed, block)
            running[end] = block, child, b""
            ready.register(end, selectors.EVENT_READ)
        for key, _ in ready.select():
            block, child, told = running[key.fd]
            new = os.read(key.fd, 2**16)
            *lines, rest = (told + new).split(b"\n")
            for line in lines:
                yield Outcome(block.group, block.numbers[0], *json.loads(line))
                block = block._replace(numbers=block.numbers[1:])
            running[key.fd] = block, child, rest
            if not new:
                ready.unregister(key.fd)
                os.close(key.fd)
                del running[key.fd]
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                if block.numbers:
                    yield Outcome(block.group, block.numbers[0], "", _died(status))
                    waiting.append(block._replace(numbers=block.numbers[1:]))


def _died(status: int) -> str:
    if status in (-signal.SIGALRM, -signal.SIGPROF):
        return f"it took more than {CPU_SECONDS} seconds of computing, or {SECONDS} of waiting"
    return f"the process ended with status {status}"


def _start(seed: int, block: Block) -> tuple[int, int]:
    """(process id, the end of a pipe that the child writes to)."""
    end, source = os.pipe()
    child = os.fork()
    if child:
        os.close(source)
        return child, end
    try:
        os.close(end)
        _limit_memory()
        with os.fdopen(source, "wb", buffering=0) as told:
            for number in block.numbers:
                signal.setitimer(signal.ITIMER_REAL, SECONDS)
                signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
                told.write(json.dumps(_outcome(seed, block.group, number)).encode() + b"\n")
        os._exit(0)
    finally:
        os._exit(70)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    now = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))


def _outcome(seed: int, group: str, number: int) -> tuple[str, str]:
    with TemporaryDirectory(dir=FOLDERS) as folder:
        try:
            return run_case(seed, group, number, Path(folder)), ""
        except Fault as fault:
            return "", str(fault)
        except BaseException:
            return "", traceback.format_exc()
