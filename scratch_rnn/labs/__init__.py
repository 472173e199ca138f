"""The course's labs, one file each, on three implementations that start from the same weights.

harness/lab.py defines a lab, harness/implementations.py finds the implementations, harness/run.py compares
their loss curves. README.md lists the errors of the course's note, and the line here that shows each.
"""

from scratch_rnn.checks import Failure, UsageError
from scratch_rnn.labs.basics import Basics
from scratch_rnn.labs.charlm import CharLM
from scratch_rnn.labs.charseq import CharSeq
from scratch_rnn.labs.harness.lab import Lab, Settings, Training, TrainingLab
from scratch_rnn.labs.harness.run import Interrupted, Report, Run, run_lab
from scratch_rnn.labs.hihello import HiHello
from scratch_rnn.labs.longseq import LongSeq
from scratch_rnn.labs.many_to_one import ManyToOne
from scratch_rnn.labs.memory import Memory
from scratch_rnn.labs.one_to_many import OneToMany
from scratch_rnn.labs.packed import Packed
from scratch_rnn.labs.seq2seq import Seq2Seq
from scratch_rnn.labs.timeseries import TimeSeries

IN_ORDER: tuple[type[Lab[Settings]], ...] = (
    Basics,
    HiHello,
    CharSeq,
    LongSeq,
    CharLM,
    TimeSeries,
    Seq2Seq,
    Packed,
    OneToMany,
    ManyToOne,
    Memory,
)

LABS: dict[str, type[Lab[Settings]]] = {lab.name: lab for lab in IN_ORDER}
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
    "TrainingLab",
    "UsageError",
    "run_lab",
]
