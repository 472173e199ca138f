"""What the labs train: models made of the torch layers, the trainer, and training on several processes."""

from scratch_rnn.torch_autograd.models.caption import CaptionModel
from scratch_rnn.torch_autograd.models.seq2seq import Seq2Seq
from scratch_rnn.torch_autograd.models.sequence import SequenceModel
from scratch_rnn.torch_autograd.models.trainer import Trainer

__all__ = ["CaptionModel", "Seq2Seq", "SequenceModel", "Trainer"]
