"""Derivatives of any order in both modes, and vmap over inputs and weights: torch's transforms work.

Where torch.nn fails, its failure is tested too: if torch supports the transform later, the test fails.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, stack_module_state, vmap

from tests.torch_autograd.surface import CELLS, LAYERS, OURS, THEIRS, assert_close, normal, state_of, tensors


class Subject(NamedTuple):
    """A class, and whether its input is packed."""

    name: str
    packed: bool = False

    def module(self, names: Any = OURS, seed: int = 0, dtype: Any = torch.float64) -> Any:
        options = {} if self.name in CELLS else {"num_layers": 2, "bidirectional": True}
        torch.manual_seed(seed)
        return names[self.name](3, 2, **options, dtype=dtype)

    def input(self, seed: int = 0, dtype: Any = torch.float64) -> Tensor:
        return normal(*(() if self.name in CELLS else (3,)), 2, 3, seed=seed, dtype=dtype)

    def call(self, module: Any, names: Any = OURS) -> Callable[..., tuple[Tensor, ...]]:
        """Output and last states as a function of x, parameters by name, and the first state."""

        def run(x: Tensor, weights: Any = None, hx: Any = None) -> tuple[Tensor, ...]:
            inputs = names["pack_padded_sequence"](x, [1, 3], enforce_sorted=False) if self.packed else x
            named = dict(module.named_parameters()) if weights is None else weights
            return tuple(tensors(functional_call(module, named, (inputs, hx))))

        return run


SUBJECTS = [Subject(name) for name in LAYERS + CELLS] + [Subject(name, True) for name in LAYERS]
pytestmark = [
    # Forward mode loads torch's own decompositions, and those script functions.
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning"),
]
every = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.name + " packed" * s.packed)


@every
def test_first_and_second_derivatives_of_everything_are_numerically_right(subject: Subject) -> None:
    module = subject.module()
    names, weights = zip(*module.named_parameters(), strict=True)
    state = state_of(subject.name, *((2, 2) if subject.name in CELLS else (4, 2, 2)))
    leaves = [subject.input(), *tensors(state), *weights]

    def run(joined: Tensor) -> Tensor:
        parts = torch.split(joined, [t.numel() for t in leaves])
        x, *rest = (part.reshape(t.shape) for part, t in zip(parts, leaves, strict=True))
        hx = rest[: -len(names)]
        named = dict(zip(names, rest[-len(names) :], strict=True))
        results = subject.call(module)(x, named, hx[0] if len(hx) == 1 else hx)
        return torch.cat([y.flatten() for y in results])

    joined = torch.cat([t.detach().flatten() for t in leaves]).requires_grad_()
    assert gradcheck(run, joined, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(run, joined, check_fwd_over_rev=True, check_rev_over_rev=True, fast_mode=True)


@every
def test_jacobians_forward_and_backward_are_torchs(subject: Subject) -> None:
    run, x = subject.call(subject.module()), subject.input()
    jacobian: Any = torch.autograd.functional.jacobian
    expected = jacobian(subject.call(subject.module(THEIRS), THEIRS), x)
    assert_close(jacrev(run)(x), expected)
    assert_close(jacfwd(run)(x), expected)
    tangent = normal(*x.shape, seed=5)
    pushed = jvp(run, (x,), (tangent,))[1]
    assert_close(pushed, [(j * tangent).flatten(-x.dim()).sum(-1) for j in expected])


@every
def test_vmap_over_inputs(subject: Subject) -> None:
    run, xs = subject.call(subject.module()), [subject.input(seed) for seed in range(3)]
    assert_close(vmap(run)(torch.stack(xs)), stacked([run(x) for x in xs]))


@every
def test_vmap_over_an_ensemble_of_weights(subject: Subject) -> None:
    modules, x = [subject.module(seed=seed) for seed in range(3)], subject.input()
    weights, _ = stack_module_state(modules)
    run = subject.call(modules[0])
    assert_close(vmap(run, in_dims=(None, 0))(x, weights), stacked([subject.call(m)(x) for m in modules]))


def loss(run: Any) -> Callable[[Any, Tensor], Tensor]:
    """The sum of the squares of all outputs, weights first."""
    return lambda weights, x: torch.stack([y.square().sum() for y in run(x, weights)]).sum()


@every
def test_gradients_of_each_sample(subject: Subject) -> None:
    module, xs = subject.module(), [subject.input(seed) for seed in range(3)]
    weights, run = dict(module.named_parameters()), subject.call(module)
    each = vmap(grad(loss(run)), in_dims=(None, 0))(weights, torch.stack(xs))
    for number, x in enumerate(xs):
        expected = torch.autograd.grad(loss(run)(weights, x), list(weights.values()))
        assert_close([each[name][number] for name in weights], expected)


@every
def test_functional_call_is_torchs(subject: Subject) -> None:
    results, weights = [], dict(subject.module(seed=1).named_parameters())
    for names in (THEIRS, OURS):
        run = subject.call(subject.module(names), names)
        before = run(subject.input())
        results.append((*before, *run(subject.input(), weights), *run(subject.input())))
    assert_close(results[1], results[0])


def stacked(results: Sequence[tuple[Tensor, ...]]) -> list[Tensor]:
    """One tensor per output, the results along a new first axis."""
    return [torch.stack(parts) for parts in zip(*results, strict=True)]


NO_RULE, IN_PLACE = "Batching rule not implemented", "doesn't match the broadcast shape"
NO_ITEM, NO_FORWARD = "vmap: It looks like you're", "Trying to use forward AD with _pack_padded_sequence"
FAILS = {
    **{(Subject(name), "inputs"): NO_RULE for name in (*LAYERS, "LSTMCell")},
    **{(Subject(name), "ensemble"): NO_RULE for name in (*LAYERS, "LSTMCell")},
    **{(Subject(name), "samples"): IN_PLACE for name in LAYERS + CELLS},
    **{(Subject(name, True), "inputs"): NO_ITEM for name in LAYERS},
    **{(Subject(name, True), "ensemble"): NO_RULE for name in LAYERS},
    **{(Subject(name, True), "samples"): NO_ITEM for name in LAYERS},
    **{(Subject(name, True), "forward"): NO_FORWARD for name in LAYERS},
    (Subject("LSTM"), "forward in float32"): "Trying to use forward AD with mkldnn_rnn_layer",
}
"""Where torch.nn fails in the tests above, and the text of its error."""


@pytest.mark.parametrize(("subject", "transform"), FAILS, ids=str)
def test_torch_nn_still_fails_at(subject: Subject, transform: str) -> None:
    dtype = torch.float32 if "float32" in transform else torch.float64
    for names, works in ((OURS, True), (THEIRS, False)):
        module, x = subject.module(names, dtype=dtype), subject.input(dtype=dtype)
        run, many = subject.call(module, names), torch.stack([x, x, x])
        weights = dict(module.named_parameters())
        several = {name: torch.stack([w, w, w]) for name, w in weights.items()}
        raises = pytest.raises((RuntimeError, NotImplementedError), match=FAILS[subject, transform])
        with nullcontext() if works else raises:
            if transform == "inputs":
                vmap(run)(many)
            elif transform == "ensemble":
                vmap(run, in_dims=(None, 0))(x, several)
            elif transform == "samples":
                vmap(grad(loss(run)), in_dims=(None, 0))(weights, many)
            else:
                jvp(run, (x,), (x,))


AUTOCAST = {
    "RNN": (torch.bfloat16, torch.bfloat16),
    "LSTM": (torch.float32, torch.float32),
    "GRU": (torch.float32, torch.float32),
    "RNNCell": (torch.bfloat16,),
    "LSTMCell": (torch.float32,),
    "GRUCell": (torch.float32,),
}
"""Class -> the dtypes of the output under CPU autocast to bfloat16, for padded and for packed input."""


@pytest.mark.parametrize("name", AUTOCAST)
def test_autocast(name: str) -> None:
    forms = [Subject(name), Subject(name, True)][: len(AUTOCAST[name])]
    for subject, dtype in zip(forms, AUTOCAST[name], strict=True):
        results = []
        for names in (THEIRS, OURS):
            module, x = subject.module(names, dtype=torch.float32), subject.input(dtype=torch.float32)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                results.append(subject.call(module, names)(x))
        assert {y.dtype for y in results[1]} == {dtype}
        padded_lstm = subject == Subject("LSTM")  # a deliberate difference
        assert {y.dtype for y in results[0]} == {torch.bfloat16 if padded_lstm else dtype}
        assert_close([y.float() for y in results[1]], [y.float() for y in results[0]], 2e-2)
        torch.autograd.grad([y.sum() for y in results[1]], list(module.parameters()))


@pytest.mark.parametrize("name", AUTOCAST)
def test_the_fused_engine_stays_in_the_dtype_of_its_weights_under_autocast(name: str) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = OURS[name](3, 4, engine="fused")(Subject(name).input(dtype=torch.float32))
    assert {y.dtype for y in tensors(result)} == {torch.float32}


@pytest.mark.parametrize("name", AUTOCAST)
def test_the_fused_engine_takes_narrow_input_and_state_under_autocast(name: str) -> None:
    """A Linear before the layer gives bfloat16; a state may come from anywhere."""
    torch.manual_seed(0)
    linear, module = torch.nn.Linear(3, 3), OURS[name](3, 4, engine="fused")
    state = state_of(name, *((2, 4) if name in CELLS else (1, 2, 4)), dtype=torch.bfloat16)
    wide: Any = tuple(s.float() for s in state) if isinstance(state, tuple) else state.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = linear(Subject(name).input(dtype=torch.float32))
        results = list(tensors(module(x, state)))
    assert x.dtype == torch.bfloat16
    assert_close(results, module(x.float(), wide), 0)
    grads = torch.autograd.grad([y.sum() for y in results], list(linear.parameters()))
    assert all(grad.isfinite().all() and grad.any() for grad in grads)


def test_autocast_of_a_projected_lstm() -> None:
    torch.manual_seed(0)
    module = OURS["LSTM"](3, 4, proj_size=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, (h_n, c_n) = module(normal(5, 2, 3, dtype=torch.float32))
    assert (output.dtype, h_n.dtype, c_n.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)


@pytest.mark.parametrize(
    ("where", "name", "answer"),
    [(torch._C, "_get_tracing_state", object()), (torch.compiler, "is_exporting", True)],
)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_fused_engine_refuses_to_be_recorded(
    layer: str, where: Any, name: str, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch sets these while it traces or exports."""
    module: Any = OURS[layer](3, 4, engine="fused")
    monkeypatch.setattr(where, name, lambda: answer)
    with pytest.raises(RuntimeError, match=r'^engine="fused": expected no export'):
        module.forward(normal(5, 2, 3, dtype=torch.float32))
