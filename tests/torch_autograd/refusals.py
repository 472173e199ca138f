"""What torch refuses on purpose, and what fails in torch by accident, with our error."""

from tests.torch_autograd.surface import CELLS, LAYERS

CONSTRUCTORS = [
    *("dropout=True", "dropout=-.1", "dropout=1.1", "dropout=nan", "dropout='a'", "dropout=None"),
    *("dropout=.5", "dropout=1", "dropout=np.float64(.5)", "dropout=tensor(.5)", "dropout=1j"),
    *("bias=1", "bias=None", "batch_first=1", "batch_first=None"),
    *("num_layers=0", "num_layers=-1", "num_layers=1.5", "num_layers='2'", "num_layers=None"),
    *("proj_size=-1", "proj_size=4", "proj_size=9", "dtype=torch.int64", "device='nowhere'"),
]
SIZES = ["0, 4", "-1, 4", "2.0, 4", "'3', 4", "np.int64(3), 4", "3, 0", "3, -2", "3, 2.5", "3, [4]"]
POSITIONAL = [
    "RNN(3, 4, 1, True)",
    "RNN(3, 4, nonlinearity='sin')",
    "RNN(3, 4, nonlinearity=True)",
    "RNN(3, 4, 2, True, True, False, .5)",
    "LSTM(3, 4, 2, True, True, .5, False, 4)",
    "GRU(3, 4, 2, True, True, False, .5)",
    *(f"{cell}({arguments})" for cell in CELLS for arguments in ("", "3", "3, 4, num_layers=2")),
    *(f"{cell}(3, 4, dtype=torch.int64)" for cell in CELLS),
    "LSTMCell(3, 4, True, 'relu')",
]
PACKED = "pack_padded_sequence(zeros(5,2,3), [5,2])"
STATES = [
    "LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4),) * 3)",
    "LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4), zeros(2,4)))",
    "LSTM(3, 4)(zeros(5,2,3), (zeros(2,4), zeros(1,2,5)))",
    "LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4), zeros(1,2,5)))",
    "LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,5), zeros(1,2,6)))",
    "LSTM(3, 4, proj_size=2)(zeros(5,2,3), (zeros(1,2,4), zeros(1,2,4)))",
    "LSTM(3, 4, proj_size=2)(zeros(5,2,3), (zeros(1,2,2), zeros(1,2,2)))",
    "LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4), zeros(1,2,4,device='meta')))",
    *(f"{name}(3, 4)(zeros(5,2,3,device='meta'))" for name in LAYERS),
    *(f"{name}(3, 4)(zeros(5,2,3,dtype=torch.int64))" for name in LAYERS),
    *(f"{name}(3, 4, batch_first=True)(zeros(5,0,3))" for name in LAYERS),
    *(f"{name}(3, 4)({PACKED}, zeros(1,3,4))" for name in ("RNN", "GRU")),
    *(f"{name}(3, 4)({PACKED}, zeros(2,2,4))" for name in ("RNN", "GRU")),
    *(f"{name}(3, 4)({PACKED}, zeros(2,4))" for name in ("RNN", "GRU")),
    *(f"{name}(3, 4)({PACKED}.double())" for name in ("RNN", "GRU")),
    *(f"{name}(3, 4)(pack_padded_sequence(zeros(5,2,7), [5,2]))" for name in ("RNN", "GRU")),
    *(f"{name}(3, 4)(pack_padded_sequence(zeros(5,2), [5,2]))" for name in ("RNN", "GRU")),
    *(f"{name}(3, 4)(pack_padded_sequence(zeros(5,2,3,3), [5,2]))" for name in ("RNN", "GRU")),
    "RNNCell(3, 4, nonlinearity='sin')(zeros(2,3))",
    "RNNCell(3, 4, nonlinearity='sin')(zeros(2,5))",
    "RNNCell(3, 4, nonlinearity='sin')(zeros(1,2,3))",
    "LSTMCell(3, 4)(zeros(2,3), (zeros(2,4),))",
    "LSTMCell(3, 4)(zeros(2,3), (zeros(2,4),) * 3)",
    "LSTMCell(3, 4)(zeros(2,5), (zeros(2,4),) * 3)",
    "LSTMCell(3, 4)(zeros(2,3), (zeros(1,2,4),) * 3)",
    "LSTMCell(3, 4)(zeros(2,3), (zeros(2,4), zeros(2,5)))",
    "LSTMCell(3, 4)(zeros(2,3), (zeros(2,4), zeros(3,4)))",
    "LSTMCell(3, 4)(zeros(2,3), (zeros(2,4), zeros(1,3,4)))",
]
PACKING = [
    *(f"pack_padded_sequence(zeros(5,3,2), {lengths})" for lengths in ("[1,3,5]", "[5,3]", "[5,3,1,1]")),
    *(f"pack_padded_sequence(zeros(5,3,2), {lengths})" for lengths in ("[5,3,0]", "[5,3,-1]", "[3,0,5]")),
    *(f"pack_padded_sequence(zeros(5,3,2), {lengths})" for lengths in ("[[5,3,1]]", "5", "[]")),
    "pack_padded_sequence(zeros(5,3,2), tensor([5,3,1], device='meta'))",
    "pack_padded_sequence(zeros(5,3,2), [5,3,1], True)",
    "pack_padded_sequence(zeros(5,3,2), [0,3,5], False, False)",
    "pack_padded_sequence(zeros(5,3,2), 5, False, False)",
    *(f"pack_padded_sequence(zeros({shape}), [5,3,1])" for shape in ("0,3,2", "5,0,2", "5,3,0")),
    "pack_padded_sequence(zeros(0,3,2), [[5]])",
    f"pad_packed_sequence({PACKED}, total_length=4)",
    f"pad_packed_sequence({PACKED}, total_length=0)",
    *(f"pad_sequence({sequences})" for sequences in ("1", "None", "[]", "(x for x in [])")),
    "pad_sequence([ones(3), ones(2)], padding_side='middle')",
    *(f"pack_sequence({sequences})" for sequences in ("[]", "[ones(2), ones(3)]", "[ones(2), ones(0)]")),
    *(f"PackedSequence({arguments})" for arguments in ("", "zeros(4)", "(zeros(4),)", "1")),
    "PackedSequence((zeros(4), tensor([3,1]), None))",
    "PackedSequence(zeros(4), tensor([3,1], device='meta'))",
]
ON_PURPOSE = [
    *(f"{name}(3, 4, {argument})" for name in LAYERS for argument in CONSTRUCTORS),
    *(f"{name}({sizes})" for name in LAYERS for sizes in SIZES),
    *POSITIONAL,
    *STATES,
    *PACKING,
]

A_TENSOR = "to be a Tensor"
ACCIDENTS = {
    **{
        f"{name}(3, 4)({value})": f"{name}: expected input {A_TENSOR} or a PackedSequence, got {kind}"
        for name in LAYERS
        for value, kind in (("[1]", "list"), ("None", "NoneType"), ("(zeros(5,2,3),)", "tuple"))
    },
    **{
        f"{name}(3, 4)(zeros(5,2,3), [1])": f"{name}: expected hx {A_TENSOR}, got list"
        for name in ("RNN", "GRU")
    },
    **{
        f"{name}(3, 4)(zeros(5,2,3), zeros(1,2,4,dtype=float64))": (
            f"{name}: expected hidden of dtype torch.float32, got torch.float64"
        )
        for name in ("RNN", "GRU")
    },
    "LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4,dtype=float64),) * 2)": (
        "LSTM: expected hidden[0] of dtype torch.float32, got torch.float64"
    ),
    "LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4), None))": f"LSTM: expected hx[1] {A_TENSOR}, got NoneType",
    "LSTM(3, 4)(zeros(5,2,3), zeros(1,2,4))": "LSTM: expected hx to be a pair of Tensors (h, c), got Tensor",
    "LSTM(3, 4)(zeros(5,2,3), (zeros(1,2,4),))": "lstm expects two hidden states",
    "LSTM(3, 4, proj_size=2.5)": "proj_size should be of type int, got: float",
    **{
        f"{name}({sizes})": f"{name}: expected {expected}"
        for name in CELLS
        for sizes, expected in (
            ("3, 2.5", "hidden_size to be an integer, got 2.5"),
            ("'3', 4", "input_size to be an integer, got '3'"),
            ("3, -4", "hidden_size to be at least 0, got -4"),
        )
    },
    **{f"{name}(3, 4)([1])": f"{name}: expected input {A_TENSOR}, got list" for name in CELLS},
    **{
        f"{name}(3, 4)(zeros(2,3,dtype=float64))": (
            f"{name}: expected input of dtype torch.float32, got torch.float64"
        )
        for name in CELLS
    },
    **{
        f"{name}(3, 4)(zeros(2,3,device='meta'))": f"{name}: expected input on cpu, got meta"
        for name in CELLS
    },
    "GRUCell(3, 4)(zeros(2,3), [1])": f"GRUCell: expected hidden {A_TENSOR}, got list",
    "GRUCell(3, 4)(zeros(4,3), zeros(4))": "GRUCell: expected hidden0 batched as the input is, got (4,)",
    "GRUCell(3, 4)(zeros(3), zeros(4,4))": "GRUCell: expected hidden0 batched as the input is, got (1, 4, 4)",
    "LSTMCell(3, 4)(zeros(2,3), zeros(2,4))": (
        "LSTMCell: expected hx to be a pair of Tensors (h, c), got Tensor"
    ),
    "LSTMCell(3, 4)(zeros(2,3), (zeros(2,4), None))": f"LSTMCell: expected hx[1] {A_TENSOR}, got NoneType",
    **{
        f"pack_padded_sequence({input}, [5])": f"pack_padded_sequence: expected {expected}"
        for input, expected in (
            ("zeros(5)", "a padded batch of shape (T, N, *), got (5,)"),
            ("[1]", f"the padded batch {A_TENSOR}, got list"),
        )
    },
    "pack_padded_sequence(zeros(5,1,2), None)": (
        "pack_padded_sequence: expected lengths to be integers, got None"
    ),
    "pack_padded_sequence(zeros(5,3,2), [1,3,5,2], False, False)": (
        "Expected `len(lengths)` to be equal to batch_size, but got 4 (batch_size=3)"
    ),
    f"pad_packed_sequence({PACKED}, padding_value=None)": (
        "pad_packed_sequence: expected padding_value to be a number, got None"
    ),
    f"pad_packed_sequence({PACKED}, total_length=6.5)": (
        "pad_packed_sequence: expected total_length to be an integer, got 6.5"
    ),
    "pad_packed_sequence(zeros(3))": "pad_packed_sequence: expected a PackedSequence, got Tensor",
    "unpack_sequence(1)": "pad_packed_sequence: expected a PackedSequence, got int",
    "pad_sequence([ones(3), 1])": f"pad_sequence: expected sequence 1 {A_TENSOR}, got int",
    "pad_sequence([ones(3), ones(())])": "pad_sequence: expected sequence 1 of shape (length, *), got ()",
    "pad_sequence([ones(3,2), ones(2,3)])": (
        "pad_sequence: expected sequence 1 of shape (length, *) = (2, 2), got (2, 3)"
    ),
    "pad_sequence([ones(3)], padding_value='a')": (
        "pad_sequence: expected padding_value to be a number, got 'a'"
    ),
    "pack_sequence([1])": f"pack_sequence: expected sequence 0 {A_TENSOR}, got int",
    "unpad_sequence(ones(5), tensor([5]))": (
        "unpad_sequence: expected a padded batch of shape (T, N, *), got (5,)"
    ),
    "unpad_sequence(ones(5,3,2), tensor([5,3]))": (
        "unpad_sequence: expected lengths of shape (N,) = (3,), got (2,)"
    ),
    "unpad_sequence(ones(5,3,2), None)": "unpad_sequence: expected lengths to be integers, got None",
    "invert_permutation([1, 0])": f"invert_permutation: expected permutation {A_TENSOR}, got list",
    "invert_permutation(tensor([1., 0.]))": (
        "invert_permutation: expected integers of shape (N,), got shape (2,), torch.float32"
    ),
    "invert_permutation(tensor([0, 5, 1]))": (
        "invert_permutation: expected each of 0 to 2 once, got [0, 5, 1]"
    ),
    "PackedSequence(zeros(4), [3,1])": f"PackedSequence: expected batch_sizes {A_TENSOR}, got list",
}
