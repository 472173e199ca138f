"""The fused engine: one torch.autograd.Function per cell, for all steps of one direction, on any device.

Autograd does not see the steps here: as in numpy_bptt, the backward pass is derived and written by hand.
"""
