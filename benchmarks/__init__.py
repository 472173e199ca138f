"""Benchmarks against torch.nn. Nothing here is needed to use or to read scratch_rnn.

    python -m benchmarks            times contenders; `--help` lists the options
    python -m benchmarks ladder     times the optimisations of the fused engine, one per rung
    python -m benchmarks check      accuracy, launches per time step; on a GPU synchronisation, capture
    python -m benchmarks table      a Markdown table of finished runs; with --plot their picture

Before a contender is timed, its outputs and all gradients are compared with float64 torch.nn; an inaccurate
one is not timed. The timed line: timing/session.py, `time_steps` (CPU); timing/gpu.py, `_wall` (GPU).

    cases.py       what is computed: cell, mode, layout, precision, sizes
    registry.py    who computes: the contenders by name
    contenders/    one file per library; data.py draws the numbers of a case from a seed
    timing/        oracle.py (float64 torch.nn), worker.py (a process per contender), rounds.py (A B C A B C),
                   stats.py, flops.py, machine.py, gpu.py, run.py (all cases in turn)
    report/        tables, JSON, pictures, record
    ladder/        from engine="steps" to engine="fused", one optimisation per rung
    check.py, options.py, cli.py     the commands
"""
