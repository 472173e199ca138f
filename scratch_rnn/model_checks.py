"""The checks of a sequence or caption model's arguments, the same in both trees. Plain Python.

seq2seq_common.py has those of the seq2seq model.
"""

from scratch_rnn.checks import expect_bool, expect_cell, expect_positive


def sequence_model(
    cell: str,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    embed: int | None,
    outputs: int | None,
    last: bool,
) -> None:
    """TypeError or ValueError unless SequenceModel can have these; `embed` and `outputs` may be None."""
    who = "SequenceModel"
    expect_cell(who, cell)
    expect_positive(who, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
    optional = {"embed": embed, "outputs": outputs}
    expect_positive(who, **{name: size for name, size in optional.items() if size is not None})
    expect_bool(who, "last", last)


def caption_model(
    cell: str, pixels: int, characters: int, embedding_size: int, hidden_size: int, num_layers: int
) -> None:
    """TypeError or ValueError unless CaptionModel can have these."""
    who = "CaptionModel"
    expect_cell(who, cell)
    expect_positive(who, pixels=pixels, characters=characters, embedding_size=embedding_size)
    expect_positive(who, hidden_size=hidden_size, num_layers=num_layers)
