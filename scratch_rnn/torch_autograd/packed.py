"""Packed sequences: a batch of sequences of different lengths without its padding.

Sequences are sorted by length, the longest first, and stored step by step. For `abc` and `x`:

                 t   0  1  2
    sequence 0       a  b  c           data         a x b c      (R = 4 rows)
    sequence 1       x                 batch_sizes  2   1 1      (N_t: how many have a step at t)

    >>> packed = pack_sequence([torch.tensor(list(b"abc")), torch.tensor(list(b"x"))])
    >>> "".join(map(chr, packed.data)), packed.batch_sizes.tolist()
    ('axbc', [2, 1, 1])

Sequences in another order are sorted first (sequences of equal length keep their order): sorted sequence k
is the caller's sequence sorted_indices[k], and `unsorted_indices` is the inverse permutation.

Names, meaning, error types and texts are those of torch.nn.utils.rnn. Where torch accepts a mistake without
an error, this file raises one: differences.py lists each case.

Axes (scratch_rnn/notation.py): T time, N sequences, R rows; `*` is any further axes.
"""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any, TypeGuard, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence as Base

from scratch_rnn.checks import expect_bool
from scratch_rnn.torch_autograd import packed_checks as checks

Lengths = Tensor | Sequence[int]


P = TypeVar("P", bound="PackedSequence")


class PackedSequence(Base):
    """data (R, *), batch_sizes (T,) on the CPU, and the permutations (N,) or None if nothing was sorted.

    The base class is torch's, so that torch.nn accepts an instance; every method is written here.
    The arguments are these four, or one pair (data, batch_sizes); unsorted_indices may be left out. Raises
    ValueError unless batch_sizes is an int64 tensor (T,) on the CPU whose values never increase, are at least
    1 and add up to R.
    """

    __slots__ = ()

    def __new__(
        cls: type[P],
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> P:
        if batch_sizes is None:
            data, batch_sizes = checks.pair(data)
        checks.batch_sizes(batch_sizes, data)
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return tuple.__new__(cls, (data, batch_sizes, sorted_indices, unsorted_indices))

    def to(self: P, *args: Any, **kwargs: Any) -> P:
        """As Tensor.to on data; the indices follow the device only, batch_sizes stay on the CPU."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        options = {"non_blocking": kwargs.get("non_blocking", False)}
        indices = [i if i is None else i.to(data.device, **options) for i in self[2:]]
        return type(self)(data, self.batch_sizes, *indices)

    def cuda(self: P, *args: Any, **kwargs: Any) -> P:
        """As `to`, on the current CUDA device unless the arguments name another."""
        return self._on("cuda", args, kwargs)

    def cpu(self: P, *args: Any, **kwargs: Any) -> P:
        """As `to`, on the CPU."""
        return self._on("cpu", args, kwargs)

    def _on(self: P, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> P:
        device = self.data.new_empty(0).to(*args, **kwargs).device.type
        return self.to(*args, **kwargs) if device == kind else self.to(*args, **kwargs | {"device": kind})

    def double(self: P) -> P:
        """Data as float64."""
        return self.to(torch.float64)

    def float(self: P) -> P:
        """Data as float32."""
        return self.to(torch.float32)

    def half(self: P) -> P:
        """Data as float16."""
        return self.to(torch.float16)

    def long(self: P) -> P:
        """Data as int64."""
        return self.to(torch.int64)

    def int(self: P) -> P:
        """Data as int32."""
        return self.to(torch.int32)

    def short(self: P) -> P:
        """Data as int16."""
        return self.to(torch.int16)

    def char(self: P) -> P:
        """Data as int8."""
        return self.to(torch.int8)

    def byte(self: P) -> P:
        """Data as uint8."""
        return self.to(torch.uint8)

    def pin_memory(self: P) -> P:
        """Data and indices in page-locked memory."""
        indices = [i if i is None else i.pin_memory() for i in self[2:]]
        return type(self)(self.data.pin_memory(), self.batch_sizes, *indices)

    def is_pinned(self) -> bool:
        """Whether data is in page-locked memory."""
        return self.data.is_pinned()

    @property
    def is_cuda(self) -> bool:
        """Whether data is on a CUDA device."""
        return self.data.is_cuda


def is_packed(x: object) -> TypeGuard[PackedSequence]:
    """Whether x is a PackedSequence, ours or torch's own: a tuple of these four fields."""
    return isinstance(x, tuple) and getattr(x, "_fields", None) == PackedSequence._fields


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The inverse q of a permutation p, both (N,): q[p[i]] = i; None for None.

    ValueError unless each of 0 to N-1 occurs in p once.
    """
    if permutation is None:
        return None
    checks.permutation(permutation)
    return permutation.argsort()


def pack_padded_sequence(
    input: Tensor, lengths: Lengths, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Remove the padding: (T, N, *), or (N, T, *) with batch_first -> PackedSequence.

    `lengths` (N,) are the numbers of steps that are no padding, 1 to T; the longest sequence comes first
    unless enforce_sorted=False. Raises RuntimeError with torch's texts, ValueError for a length above T.
    """
    steps = checks.time_major("pack_padded_sequence", input, batch_first)
    sizes = checks.as_lengths("pack_padded_sequence", lengths).to(torch.int64)
    checks.lengths(sizes, steps, enforce_sorted)
    orders: list[Tensor] = []
    if not enforce_sorted:
        sizes, order = sizes.sort(descending=True, stable=True)
        orders = [i.to(steps.device) for i in (order, order.argsort())]
        steps = steps.index_select(1, orders[0])
    batch_sizes = (sizes > _arange(sizes.tolist()[0])[:, None]).sum(dim=1)
    pairs = zip(steps.unbind(0), batch_sizes.tolist(), strict=False)  # steps after the longest: dropped
    return PackedSequence(torch.cat([step.narrow(0, 0, n) for step, n in pairs]), batch_sizes, *orders)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """PackedSequence -> ((T, N, *), or (N, T, *) with batch_first; lengths (N,)), in the caller's order.

    T is the longest length, or total_length unless None (ValueError where that is shorter).
    """
    checks.packed("pad_packed_sequence", sequence)
    data, batch_sizes, _, unsorted_indices = sequence
    checks.batch_sizes(batch_sizes, data)
    numbers = batch_sizes.tolist()
    longest, rows = len(numbers), numbers[0]
    checks.total_length(total_length, longest)
    checks.padding_value("pad_packed_sequence", padding_value)

    def fill(*shape: int) -> Tensor:
        return data.new_full((*shape, *data.shape[1:]), padding_value)

    steps = [torch.cat([s, fill(rows - s.shape[0])]) for s in torch.split(data, numbers)]
    padded = torch.cat([torch.stack(steps), fill((total_length or longest) - longest, rows)])
    padded = padded.transpose(0, 1) if batch_first else padded
    lengths = (batch_sizes > _arange(rows)[:, None]).sum(dim=1)
    if unsorted_indices is None:
        return padded, lengths
    return padded.index_select(0 if batch_first else 1, unsorted_indices), lengths[unsorted_indices.cpu()]


def _arange(n: int) -> Tensor:
    """0 to n-1 on the CPU, where batch_sizes and lengths are, whatever the default device is."""
    return torch.arange(n, device="cpu")


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (length, *) -> (T, N, *), or (N, T, *) with batch_first; T is the longest length.

    `padding_side` is "right" (the padding comes last) or "left". As in torch, the dtype is the first
    sequence's, and the further axes must broadcast to those of the first. Raises RuntimeError with torch's
    texts.
    """
    sequences = checks.sequences("pad_sequence", sequences)
    checks.padding_side(padding_side)
    checks.padding_value("pad_sequence", padding_value)
    like, longest = sequences[0], max(s.shape[0] for s in sequences)
    rows = []
    for sequence in sequences:
        body = sequence.to(like).expand(sequence.shape[0], *like.shape[1:])
        fill = like.new_full((longest - sequence.shape[0], *like.shape[1:]), padding_value)
        rows.append(torch.cat([body, fill] if padding_side == "right" else [fill, body]))
    return torch.stack(rows, dim=0 if batch_first else 1)


def unpad_sequence(padded: Tensor, lengths: Lengths, batch_first: bool = False) -> list[Tensor]:
    """The inverse of pad_sequence (padded on the right): a list of N tensors (length, *).

    As in torch, a length above T counts as T, and one below 0 as 0.
    """
    steps = checks.time_major("unpad_sequence", padded, batch_first)
    counts = checks.as_lengths("unpad_sequence", lengths)
    checks.count(counts, steps)
    ends = [min(max(ceil(n), 0), steps.shape[0]) for n in counts.tolist()]
    return [row.narrow(0, 0, end).clone() for row, end in zip(steps.unbind(1), ends, strict=True)]


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (length, *) -> PackedSequence; the longest first unless enforce_sorted=False."""
    sequences = checks.sequences("pack_sequence", sequences)
    lengths = [sequence.shape[0] for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """PackedSequence -> a list of N tensors (length, *), in the caller's order."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


def last_step(packed: PackedSequence, bidirectional: bool = False) -> Tensor:
    """Each sequence's own last step, (N, *), in the caller's order.

    In the output of a bidirectional layer, the second half of the last axis is the backward direction, which
    reads a sequence from its end: its final state is at the first step. With bidirectional=True that half is
    taken there, and the result, both final states beside each other, is [h_n[-2], h_n[-1]].

    Raises ValueError if bidirectional and the last axis is odd.
    """
    expect_bool("last_step", "bidirectional", bidirectional)
    sequences = unpack_sequence(packed)
    last = torch.stack([sequence[-1] for sequence in sequences])
    if not bidirectional:
        return last
    half = checks.half("last_step", last)
    first = torch.stack([sequence[0] for sequence in sequences])
    return torch.cat([last[..., :half], first[..., half:]], dim=-1)
