"""`python -m scratch_rnn`."""

from scratch_rnn.cli import app

app(prog_name="python -m scratch_rnn")
