"""An independent GRU with the reset gate before the matrix product: the oracle of test_gru_reset_before.py.

torch.nn has none. This one has torch.nn.GRU's constructor, parameters and packing, and computes one sequence
at a time, one gate after the other, with autograd.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    unpack_sequence,
)

__all__ = ["GRU", "pack_padded_sequence", "pad_packed_sequence"]


class GRU(torch.nn.GRU):
    """Only `forward` is not torch.nn's."""

    def forward(self, x: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        packed, batched = isinstance(x, PackedSequence), isinstance(x, PackedSequence) or x.dim() == 3
        if packed:
            sequences = unpack_sequence(x)
        elif batched:
            sequences = list(x.unbind(0 if self.batch_first else 1))
        else:
            sequences = [x]
        ends = self.num_layers * (2 if self.bidirectional else 1)
        first = x.data.new_zeros(ends, len(sequences), self.hidden_size) if hx is None else hx
        first = first if batched else first[:, None]
        results = [self.one_sequence(s, first[:, n]) for n, s in enumerate(sequences)]
        outputs, states = [y for y, _ in results], torch.stack([h for _, h in results], dim=1)
        if packed:
            return pack_sequence(outputs, enforce_sorted=x.sorted_indices is None), states
        if not batched:
            return outputs[0], states[:, 0]
        return torch.stack(outputs, dim=0 if self.batch_first else 1), states

    def one_sequence(self, x: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """(T, I), (S, H) -> (T, D·H), (S, H)."""
        last: list[Tensor] = []
        suffixes = ("", "_reverse") if self.bidirectional else ("",)
        for k in range(self.num_layers):
            columns = []
            for suffix in suffixes:
                h, outputs = first[len(last)], []
                for row in x.flip(0) if suffix else x:
                    h = self.one_step(row, h, f"l{k}{suffix}")
                    outputs.append(h)
                y = torch.stack(outputs)
                columns.append(y.flip(0) if suffix else y)
                last.append(h)
            x = torch.cat(columns, dim=1)
        return x, torch.stack(last)

    def one_step(self, x: Tensor, h: Tensor, name: str) -> Tensor:
        """Equations (5) to (8) of Cho et al. 2014, with biases."""
        w_r, w_z, w_n = getattr(self, f"weight_ih_{name}").chunk(3)
        u_r, u_z, u_n = getattr(self, f"weight_hh_{name}").chunk(3)
        b_r = b_z = b_n = h.new_zeros(())
        if self.bias:
            two = getattr(self, f"bias_ih_{name}"), getattr(self, f"bias_hh_{name}")
            b_r, b_z, b_n = (p + q for p, q in zip(*(each.chunk(3) for each in two), strict=True))
        r = 1 / (1 + torch.exp(-(w_r @ x + u_r @ h + b_r)))
        z = 1 / (1 + torch.exp(-(w_z @ x + u_z @ h + b_z)))
        n = torch.tanh(w_n @ x + u_n @ (r * h) + b_n)
        return z * h + (1 - z) * n
