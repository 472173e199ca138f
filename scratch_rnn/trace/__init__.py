"""Every gate, state and gradient of a recurrent layer, at every step: run a layer inside `recording`.

instrument (the source of `step` and `step_backward`, compiled to report its values), recording (which values
are kept, and how they are laid out), picture (heat maps of them). It knows no lab.
"""

from scratch_rnn.trace.instrument import Line
from scratch_rnn.trace.recording import Trace, recording

__all__ = ["Line", "Trace", "recording"]
