"""Lab 11-2, hihello: teach an RNN to answer 'hihell' with 'ihello'.

A table from one letter to the next cannot solve it: h is followed by i and by e, l by l and by o. Everything
else is in charseq.py. Without a head, seed 0 ends with 'ilello', as in the course; with `--head` it ends with
'ihello'.
"""

from scratch_rnn.labs.charseq import CharSeq, NextCharacter


class HiHello(CharSeq):
    """Teach an RNN to answer 'hihell' with 'ihello'."""

    name = "hihello"
    options = NextCharacter
    text = "hihello"
    symbols = "hielo"
