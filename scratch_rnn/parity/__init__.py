"""How our outputs and gradients compare with torch.nn, for the tests and `python -m scratch_rnn parity`.

cases         what a layer or cell can be asked to do, and random numbers to do it with
contenders    run a case on a tree and an engine, or on torch.nn
complex_step  gradients against complex steps, without torch
seq2seq       cases and runs of the seq2seq model
report        random cases on every contender: the worst differences, and their bounds
"""
