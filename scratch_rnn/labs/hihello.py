"""Lab 11-2, hihello: teach an RNN to answer 'hihell' with 'ihello'.

The smallest sequence that no table from letter to letter can solve: after h comes i, but also e; after
l comes l, but also o. Everything else is charseq.py. Without a head it ends on 'ilello' for seed 0,
as it does in the course; `--head` cures it.
"""

from scratch_rnn.labs.charseq import CharSeq, NextCharacter


class HiHello(CharSeq):
    """Teach an RNN to answer 'hihell' with 'ihello'."""

    name = "hihello"
    options = NextCharacter
    text = "hihello"
    symbols = "hielo"
