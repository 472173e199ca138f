"""What the labs train: models made of the NumPy layers, their backward passes by hand, and the trainer."""

from scratch_rnn.numpy_bptt.models.caption import CaptionModel
from scratch_rnn.numpy_bptt.models.seq2seq import Seq2Seq
from scratch_rnn.numpy_bptt.models.sequence import SequenceModel
from scratch_rnn.numpy_bptt.models.trainer import Trainer

__all__ = ["CaptionModel", "Seq2Seq", "SequenceModel", "Trainer"]
