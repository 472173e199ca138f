"""A PNG file as the 8×8 image that one-to-many reads: grey, from 0 (paper) to 1 (ink)."""

import io
from pathlib import Path

import numpy as np
from matplotlib.image import imread
from numpy import ndarray

from scratch_rnn.checks import fail
from scratch_rnn.labs.inputs.files import read_bytes

SIDE = 8
LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in grey (ITU-R BT.601)."""


def read_image(option: str, path: Path) -> ndarray:
    """(64,) numbers. A larger image is reduced to the means of 8×8 equal areas; UsageError for no PNG file.

    Ink is darker than paper: if the border of the image is dark, the image is inverted first. Transparent
    pixels are white.
    """
    data = read_bytes(option, path)
    try:
        pixels = np.asarray(imread(io.BytesIO(data), format="png"), dtype=np.float64)
    except Exception as error:  # the decoder raises many types for damaged data
        fail(option, "a PNG image", f"{path} ({type(error).__name__})")
    if pixels.ndim == 3:
        alpha = pixels[..., 3:] if pixels.shape[2] in (2, 4) else np.ones((*pixels.shape[:2], 1))
        alpha = pixels[..., 1:] if pixels.shape[2] == 2 else alpha
        colours = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1].repeat(3, axis=2)
        pixels = (colours * alpha + (1 - alpha)) @ LUMINANCE
    rows, columns = (_areas(size) for size in pixels.shape)
    grey = rows @ pixels @ columns.T
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = grey if edge.mean() < 0.5 else 1 - grey
    return ink.clip(0, 1).reshape(-1)


def _areas(size: int) -> ndarray:
    """(8, size): the share of each pixel in each of 8 equal parts; every row adds up to 1.

    >>> _areas(4)[:2].tolist()
    [[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    """
    edges = np.linspace(0, size, SIDE + 1)
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return overlap.clip(0) * SIDE / size
