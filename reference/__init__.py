"""The same models and training steps on torch.nn: the oracle that both trees are compared with.

Imports torch and numpy, and nothing of scratch_rnn: it shares no code with the trees.
"""

from reference.caption import CaptionModel
from reference.seq2seq import Seq2Seq
from reference.sequence import SequenceModel
from reference.trainer import Trainer

__all__ = ["CaptionModel", "Seq2Seq", "SequenceModel", "Trainer"]
