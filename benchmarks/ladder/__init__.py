"""The ladder: from engine="steps" to engine="fused" of scratch_rnn.numpy_bptt, one optimisation per rung.

    numpy-steps                 the engine of the cell files, as it is
    hoisted input               hoisted.py: one GEMM for x W_ihᵀ of all steps, one for each of its adjoints
    in-place activations        by_row.py: a step writes into arrays made once, with one tanh for σ and tanh;
                                after the loop one GEMM for the gradient of W_hh
    feature-major               by_feature.py: each gate of a step is one contiguous block
    fused loop                  the code of engine="fused", all steps in one span, new memory in every call:
                                fewer calls per step; factors of the backward pass for all steps at once
    spans in cache              the same, each span small enough for the cache
    numpy-fused                 engine="fused" as it is: its workspace is kept from call to call

Rungs 2 to 4 are engines of the layer classes like the two others, but for one padded batch with bias and
without projection. Each rung is compared with torch.nn before it is timed, and timed against the one before.
"""
