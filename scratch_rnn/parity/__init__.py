"""How our outputs and gradients compare with torch.nn: the tests and `python -m scratch_rnn parity` use this code.

cases         what a layer can be asked to do, and random numbers to do it with
comparison    run a case on a contender, and compare every value by name
seq2seq       the same for the seq2seq model
complex_step  gradients against complex steps, without torch
report, show  random cases on every contender: the worst differences, as tables and as a picture
oracle        the only way to torch.nn: the modules of reference/
"""
