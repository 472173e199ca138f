"""The same models and training steps on torch.nn: the oracle that everything else is held against.

Imports torch and numpy, and nothing of scratch_rnn: it shares no line with what it judges.
"""
