"""Naive Bayes: a classifier that counts the tokens of a text and knows nothing of their order. A baseline.

    (1)  p(k) = n_k / Σ n                              the share of label k
    (2)  p(w | k) = (n_kw + 1) / (Σ_w n_kw + V)        add-one smoothing: no probability is 0
    (3)  label = argmax_k log p(k) + Σ_w log p(w | k)  over the tokens of a text

Axes: K labels, V tokens.
"""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray


class BagOfWords:
    """Counts of texts, which are arrays of indices in [0, V), with labels (N,) in [0, K)."""

    def __init__(self, texts: Sequence[ndarray], labels: ndarray, tokens: int, first: int) -> None:
        """Indices below `first` are special tokens, which are not counted."""
        kinds, self.first = int(labels.max()) + 1, first
        share = np.bincount(labels, minlength=kinds) / len(labels)  # (1)
        counts = np.zeros((kinds, tokens))
        np.add.at(counts, (np.repeat(labels, [len(text) for text in texts]), np.concatenate(texts)), 1)
        counts = counts[:, first:]
        self.log_share = np.log(share)
        self.log_p = np.log((counts + 1) / (counts.sum(axis=1, keepdims=True) + counts.shape[1]))  # (2)

    def predict(self, texts: Sequence[ndarray]) -> ndarray:
        """The label of each text, (N,)."""
        words = [text[text >= self.first] - self.first for text in texts]
        scores = [self.log_share + self.log_p[:, text].sum(axis=1) for text in words]
        return np.array(scores).argmax(axis=1)  # (3)
