"""Benchmarks against torch.nn: `python -m benchmarks`, and the ladder: `python -m benchmarks ladder`.

Nothing here is needed to use or to read scratch_rnn. Whatever is timed has been compared with torch.nn in
float64 first, outputs and every gradient; what is wrong is not timed.

    cases.py       what is computed: cell, layout, dtype, sizes; the numbers are drawn from a seed
    contenders/    who computes it: a small class each
    oracle.py      float64 torch.nn, and how far off a contender is
    worker.py      one contender in a process of its own; session.py talks to it, or keeps it in this process
    rounds.py      contenders in turns, A B C A B C; stats.py compares them round by round
    flops.py       the work of a case; machine.py and record.py: where all this was measured
    ladder/        the same mathematics, from naive to fast, one trick a rung
    report.py      tables and JSON; picture.py the PNG; cli.py the commands
"""
