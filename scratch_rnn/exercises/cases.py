"""What a reader's file is run on: the cases of scratch_rnn.parity, with every output and gradient by name.

A run puts the reader's module in the place of the project's, so it needs a process of its own. Passes that
are forward only come first: they are graded where the backward pass is not written yet.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from scratch_rnn.numpy_bptt import modules, rnn_base
from scratch_rnn.numpy_bptt.models import Seq2Seq
from scratch_rnn.parity import contenders, seq2seq
from scratch_rnn.parity.cases import KINDS, Case, make_data

Results = dict[str, Any]
CASES: dict[str, list[Any]] = {
    "rnn": [Case("rnn_tanh", lengths=(2, 5, 2)), Case("rnn_relu", bias=False)],
    "lstm": [Case("lstm", lengths=(2, 5, 2)), Case("lstm", proj=2, bias=False)],
    "gru": [Case("gru", lengths=(2, 5, 2)), Case("gru", bias=False)],
    "layer": [Case("lstm", bidirectional=True, lengths=(2, 5, 2)), Case("rnn_tanh", bias=False)],
    "seq2seq": [
        seq2seq.Case("lstm", layers=2, bidirectional=True, truncate=2),
        seq2seq.Case("gru", teacher_forcing=0.5, divide_by="tokens"),
    ],
}


def runs(exercise: str) -> Iterator[tuple[Callable[[Any], Results], Callable[[], Results]]]:
    """Pairs of functions: one gives the results of a module, the other those of torch.nn, by the same names.

    The second raises UsageError where the clone's folder reference/ is missing.
    """
    if exercise == "pack":
        yield from ((partial(_packing, name, np.asarray), partial(_torch_packing, name)) for name in PACKING)
        return
    run: Any = _translate if exercise == "seq2seq" else partial(_unroll, exercise)
    oracle: Any = _torch_translate if exercise == "seq2seq" else contenders.oracle
    for backward in (False, True):
        yield from ((partial(run, case, backward), partial(oracle, case)) for case in CASES[exercise])


def _unroll(exercise: str, case: Case, backward: bool, module: Any) -> Results:
    """A layer with the reader's cell, or with the reader's loops."""
    if exercise == "layer":
        vars(rnn_base)["layer"] = module
    else:
        getattr(modules, KINDS[case.kind][0]).cell = module
    if backward:
        return contenders.run_numpy(case, "steps")
    data = make_data(case)
    return contenders.forward_numpy(case, contenders.numpy_layer(case), data.xs, data.states)[0]


def _translate(case: seq2seq.Case, backward: bool, module: Any) -> Results:
    """The reader's seq2seq model."""
    vars(seq2seq)["NumpySeq2Seq"] = module.Seq2Seq
    model, batch = seq2seq.make_model("numpy", case, _weights(case), engine="steps"), seq2seq.make_batch(case)
    if backward:
        return seq2seq.run("numpy", model, batch, case.options)
    greedy = [row.tokens for row in model.greedy(*batch[:2], max_length=5)]
    models = [module.Seq2Seq(case.cell, *case.sizes, sos=0, eos=1) for _ in range(2)]
    alike = np.array_equal(*(each.state_dict()["decoder.head.weight"] for each in models))
    return {"loss": model.forward(*batch, **case.options)[0], "greedy": greedy, "alike unseeded": alike}


def _torch_translate(case: seq2seq.Case) -> Results:
    model = seq2seq.make_model("reference", case, _weights(case))
    return seq2seq.run("reference", model, seq2seq.make_batch(case), case.options)


def _weights(case: seq2seq.Case) -> dict[str, ndarray]:
    """First weights of a case, without torch.nn."""
    options: dict[str, Any] = {"bidirectional": case.bidirectional, "sos": seq2seq.SOS, "eos": seq2seq.EOS}
    return Seq2Seq(case.cell, *case.sizes, **options, dtype=np.float64, rng=case.seed).state_dict()


def _packing(name: str, array: Callable[[Any], Any], library: Any) -> Results:
    """What one function of packed.py returns. `array` makes an array of the library."""
    return {name: PACKING[name](library, array)}


def _torch_packing(name: str) -> Results:
    library: Any = contenders.reference("layers")
    return _packing(name, torch.as_tensor, library) if hasattr(library, name) else {}


LENGTHS = (2, 5, 2, 3)
PADDED = np.arange(48.0).reshape(6, 4, 2)
SEQUENCES = [PADDED[:length, n] for n, length in enumerate(LENGTHS)]


def _packed(library: Any, array: Any) -> Any:
    rows, order = array(PADDED.reshape(-1, 2)[:12]), np.array([1, 3, 0, 2])
    return library.PackedSequence(rows, array([4, 4, 2, 1, 1]), array(order), array(np.argsort(order)))


PACKING: dict[str, Callable[[Any, Any], Any]] = {
    "pack_padded_sequence": lambda m, a: m.pack_padded_sequence(a(PADDED), a(LENGTHS), False, False),
    "pack_padded_sequence_backward": lambda m, a: m.pack_padded_sequence_backward(_packed(m, a), 6, True),
    "pad_packed_sequence": lambda m, a: m.pad_packed_sequence(_packed(m, a), True, -1.0, 6),
    "pad_packed_sequence_backward": lambda m, a: m.pad_packed_sequence_backward(a(PADDED), _packed(m, a)),
    "pad_sequence": lambda m, a: m.pad_sequence(map(a, SEQUENCES), True, -1.0, "left"),
    "pad_sequence_backward": lambda m, a: m.pad_sequence_backward(a(PADDED), LENGTHS, False, "left"),
    "unpad_sequence": lambda m, a: m.unpad_sequence(a(PADDED), a(LENGTHS)),
    "unpad_sequence_backward": lambda m, a: m.unpad_sequence_backward(SEQUENCES, 6),
    "pack_sequence": lambda m, a: m.pack_sequence([a(each) for each in SEQUENCES], False),
    "pack_sequence, generator": lambda m, a: m.pack_sequence(iter(SEQUENCES), False),
    "pad_sequence, two dtypes": lambda m, a: m.pad_sequence([np.float32(SEQUENCES[0]), SEQUENCES[1] / 3]),
    "unpack_sequence": lambda m, a: m.unpack_sequence(_packed(m, a)),
    "last_step": lambda m, a: [m.last_step(_packed(m, a), both) for both in (False, True)],
    "last_step_backward": lambda m, a: m.last_step_backward(PADDED[0], _packed(m, a), True),
}
