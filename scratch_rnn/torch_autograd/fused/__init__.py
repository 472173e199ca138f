"""The fused engine in torch: one autograd.Function a cell, its backward derived by hand, on any device."""
