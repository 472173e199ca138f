"""The public cells RNNCell, LSTMCell and GRUCell: one time step forward, one time step backward.

They check the arguments and call the `step` and `step_backward` of rnn.py, lstm.py and gru.py, where the
equations are. The parameters are named as in torch.nn's cells: weight_ih, weight_hh, bias_ih, bias_hh.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden.

    x        (N, I), or (I,) unbatched
    state    h (N, H) for RNNCell and GRUCell, (h, c), each (N, H), for LSTMCell; without N unbatched;
             None is zeros
"""

from functools import partial
from typing import Generic, NamedTuple, TypeVar, cast

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from scratch_rnn.checks import expect_bool, expect_one_of, expect_shape, message
from scratch_rnn.numpy_bptt import gru, gru_reset_before, lstm, rnn
from scratch_rnn.numpy_bptt.base import AnyCell, Base, StateParts, expect_sizes
from scratch_rnn.numpy_bptt.checks import FloatType, Seed, expect_array
from scratch_rnn.numpy_bptt.protocols import Arrays, State
from scratch_rnn.parameters import Sizes, cell_shapes

S = TypeVar("S")
"""The state as the caller sees it: one array for RNNCell and GRUCell, (h, c) for LSTMCell."""


class Tape(NamedTuple):
    """What `backward` needs of `forward`. Later calls do not change it."""

    made_by: tuple[Sizes, str, FloatType]  # the str is the name of the cell file
    rows: int | None  # N; None: unbatched
    cache: object
    params: Arrays


class RNNCellBase(Base, Generic[S]):
    """What the three cells have in common. A subclass says which cell file it runs."""

    def __init__(self, sizes: Sizes, dtype: DTypeLike, rng: Seed, **step_options: str) -> None:
        sizes = expect_sizes(type(self).__name__, sizes)
        shapes = cell_shapes(sizes.kind, sizes.input_size, sizes.hidden_size, sizes.bias)
        super().__init__(sizes, shapes, [""], dtype, rng)
        self._made_by = sizes, self.cell_name, self.dtype
        self._step = partial(self.cell.step, **step_options)

    def __call__(self, x: ndarray, state: S | StateParts | None = None) -> S:
        """The next state."""
        return self.forward(x, state)[0]

    def forward(self, x: ndarray, state: S | StateParts | None = None) -> tuple[S, Tape]:
        """(the next state, tape).

        Raises ValueError for a shape, and TypeError for a type or dtype, that does not fit.
        """
        who = type(self).__name__
        x = expect_array(who, "input", x, self.dtype)
        batch = {} if x.ndim == 1 else {"N": None}
        expect_shape(who, "input", x.shape, **batch, I=self.input_size)
        rows = None if x.ndim == 1 else len(x)
        # x and the state are copied: the caller may change them afterwards.
        given = self._to_state(state, rows, "")
        state_next, cache = self._step(x.reshape(-1, self.input_size).copy(), given, self._params[0])
        return self._from_state(state_next, rows), Tape(self._made_by, rows, cache, self._params[0])

    def backward(
        self, tape: Tape, d_state_next: S | StateParts | None
    ) -> tuple[ndarray, S, dict[str, ndarray]]:
        """(d_x, d_state, grads): gradients of x, of the state, and of each parameter by name.

        `d_state_next` has the layout of forward's next state; None is zeros. The parameters are those at the
        time of `forward`. Raises ValueError for a tape of another cell and for a shape, and TypeError for a
        type or dtype, that does not fit.
        """
        made_by = tape.made_by if isinstance(tape, Tape) else type(tape).__name__
        if made_by != self._made_by:
            raise ValueError(message(type(self).__name__, f"a tape of {self._made_by}", made_by))
        d_next = self._to_state(d_state_next, tape.rows, "d_")
        d_x, d_state, d_params = self.cell.step_backward(d_next, tape.cache, tape.params)
        d_state_as_given = self._from_state(d_state, tape.rows)
        return (d_x[0] if tape.rows is None else d_x), d_state_as_given, self._by_name([d_params])

    def _to_state(self, state: object, rows: int | None, prefix: str) -> State:
        """The caller's state, or its gradient (prefix "d_"), as a State of copies."""
        who, batch = type(self).__name__, {} if rows is None else {"N": rows}
        arrays = []
        for name, part in self._state_parts(state, prefix).items():
            if part is None:
                arrays.append(np.zeros((1 if rows is None else rows, self.hidden_size), self.dtype))
                continue
            array = expect_array(who, name, part, self.dtype)
            expect_shape(who, name, array.shape, **batch, H=self.hidden_size)
            arrays.append(array.reshape(-1, self.hidden_size).copy())
        return self.cell.State(*arrays)

    def _from_state(self, state: State, rows: int | None) -> S:
        """The inverse of `_to_state`; copies, because a cache may hold the same arrays."""
        arrays = tuple((array[0] if rows is None else array).copy() for array in state)
        return cast(S, arrays[0] if len(arrays) == 1 else arrays)


class RNNCell(RNNCellBase[ndarray]):
    """Elman cell with tanh or ReLU (rnn.py); arguments as torch.nn.RNNCell, plus dtype and rng.

    rng (a Generator, an int seed or None) draws the first weights. Raises ValueError or TypeError for a bad
    argument.

    >>> cell = RNNCell(2, 3, rng=0)
    >>> h_next, tape = cell.forward(np.ones((4, 2), np.float32))
    >>> d_x, d_h, grads = cell.backward(tape, np.ones_like(h_next))
    >>> d_x.shape, d_h.shape, list(grads)
    ((4, 2), (4, 3), ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'])
    """

    kind, cell = "rnn", rnn

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: DTypeLike = np.float32,
        rng: Seed = None,
    ) -> None:
        self.nonlinearity = expect_one_of("RNNCell", "nonlinearity", nonlinearity, ["tanh", "relu"])
        sizes = Sizes("rnn", input_size, hidden_size, bias=bias)
        super().__init__(sizes, dtype, rng, nonlinearity=nonlinearity)

    def _options(self) -> dict[str, object]:
        other = {} if self.nonlinearity == "tanh" else {"nonlinearity": self.nonlinearity}
        return super()._options() | other


class LSTMCell(RNNCellBase[tuple[ndarray, ndarray]]):
    """LSTM cell (lstm.py); arguments as torch.nn.LSTMCell, plus dtype and rng.

    rng (a Generator, an int seed or None) draws the first weights. Raises ValueError or TypeError for a bad
    argument.
    """

    kind, cell = "lstm", lstm

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        rng: Seed = None,
    ) -> None:
        super().__init__(Sizes("lstm", input_size, hidden_size, bias=bias), dtype, rng)


class GRUCell(RNNCellBase[ndarray]):
    """GRU cell; arguments as torch.nn.GRUCell, plus reset_after, dtype and rng.

    The reset gate acts after the matrix product (gru.py), or with reset_after=False before it
    (gru_reset_before.py). rng (a Generator, an int seed or None) draws the first weights. Raises ValueError
    or TypeError for a bad argument.
    """

    kind = "gru"
    cell: AnyCell = gru

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        reset_after: bool = True,
        dtype: DTypeLike = np.float32,
        rng: Seed = None,
    ) -> None:
        self.reset_after = expect_bool("GRUCell", "reset_after", reset_after)
        if not reset_after:
            self.cell = gru_reset_before
        super().__init__(Sizes("gru", input_size, hidden_size, bias=bias), dtype, rng)

    def _options(self) -> dict[str, object]:
        return super()._options() | ({} if self.reset_after else {"reset_after": False})
