"""The ladder: one layer of each cell, from naive to fast, one trick a rung, each rung measured.

    naive.py         rungs 1 to 4, on a small autograd (tape.py) that finds the way back by itself:
                     separate gates; one GEMM for all gates; the input's GEMM out of the loop; in place
    by_hand.py       rungs 5 and 6, the way back derived by hand (cells.py): the weights' gradients step by
                     step; then one GEMM each for all steps
    by_feature.py    rung 7: features first, so that a gate is one contiguous block
    rungs.py         the list of rungs, as contenders of benchmarks/rounds.py

It is not the project's engine, engine="fused": a rung knows one padded layer without projection, and is as
short as its trick allows. The engine, torch.nn and the floor are timed beside the rungs.
"""
