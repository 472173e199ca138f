"""Weights in files, from one framework's layout to another's: `python -m scratch_rnn convert`.

convert      reads a file, converts the arrays (scratch_rnn/convert), writes a file; .npz
keras_file   Keras's .weights.h5; needs h5py
onnx_file    .onnx; needs onnx
"""

from scratch_rnn.weight_files.convert import FORMATS, convert_file

__all__ = ["FORMATS", "convert_file"]
