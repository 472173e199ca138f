"""The course's labs, one file each, on three implementations that start from the same weights.

lab.py says what a lab is, implementations.py who computes, run.py how curves are compared.
"""

from scratch_rnn.labs.basics import Basics
from scratch_rnn.labs.charseq import CharSeq
from scratch_rnn.labs.hihello import HiHello
from scratch_rnn.labs.lab import Lab, Settings, Training, UsageError
from scratch_rnn.labs.run import Failure, Interrupted, Report, Run, run_lab

LABS: dict[str, type[Lab]] = {lab.name: lab for lab in (Basics, HiHello, CharSeq)}
"""Every lab, in the order of the course."""

__all__ = [
    "LABS",
    "Failure",
    "Interrupted",
    "Lab",
    "Report",
    "Run",
    "Settings",
    "Training",
    "UsageError",
    "run_lab",
]
