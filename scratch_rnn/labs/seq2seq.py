"""Lab 11-5, seq2seq: one network reads a sentence, another writes its translation (seq2seq.py of each tree).

Without a file it is the course's: four pairs, one a step, drawn with replacement; the loss is the sum over
the target. The model is asked for the same four pairs: whoever says them has learnt them by heart. That is
memory, not translation.

With --pairs it reads a file in batches, the encoder's packed, the decoder's masked; the loss is the mean over
the target's tokens. What counts are pairs that it has not seen: a pair is right where every word is, and
where the model stops by itself. It writes until it says <EOS>, or has said as much as the longest target.

Embeddings are as wide as states, as in the course. Each of the two sides has a vocabulary of its own, made of
the training pairs; any other word of the test pairs is <UNK>, and is counted.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from scratch_rnn.checks import UsageError, fail, message
from scratch_rnn.labs.harness.batches import Batches
from scratch_rnn.labs.harness.lab import Lab, Training
from scratch_rnn.labs.harness.options import flag, option
from scratch_rnn.labs.inputs.pairs import (
    COURSE,
    COURSE_SPECIALS,
    Pair,
    encode,
    short,
    short_of_file,
    vocabularies,
)
from scratch_rnn.labs.inputs.vocabulary import EOS, SOS, SPECIALS
from scratch_rnn.seq2seq_common import Decoded

AT_ONCE = 256
"""Sentences that are decoded together."""
EXAMPLES = 10

COURSES = {"hidden": 16, "lr": 0.01, "optimizer": "sgd"}
FOR_FILES = {"hidden": 128, "lr": 0.003, "optimizer": "adam", "clip": 1.0, "batch_size": 64}
"""What is chosen where nothing is given."""


@dataclass(frozen=True)
class Options(Training):
    """The options of seq2seq."""

    cell: str = "gru"
    hidden: int | None = option(None, "units of a layer, width of embeddings [16; with --pairs 128]", least=1)
    lr: float = option(None, "learning rate [0.01; with --pairs 0.003]", above=0)
    optimizer: str = option(None, "torch.optim's [sgd; with --pairs adam]", choices=("sgd", "adam"))
    clip: float | None = option(None, "largest norm of the gradients [none; with --pairs 1]", above=0)
    batch_size: int | None = option(None, "with --pairs: pairs in a batch [64]", least=1)
    pairs: str | None = option(None, "source TAB target, a line each; default the course's four", file=True)
    test_pairs: str | None = option(None, "the same, unseen; default the last tenth of --pairs", file=True)
    max_source_words: int = option(10, "<EOS> included; pairs with a longer source are dropped", least=2)
    max_target_words: int = option(12, "the same for the target", least=2)
    level: str = option("word", "what a sentence is read by", choices=("word", "char"))
    teacher_forcing: float = option(1.0, "how often a step is told the right word before it, 0 to 1", least=0)


class Seq2Seq(Lab):
    """One network reads a sentence, another writes its translation."""

    name = "seq2seq"
    options = Options
    smoke_settings: ClassVar[Mapping[str, Any]] = {"steps": 1400}

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._check()
        chosen = COURSES if settings.pairs is None else FOR_FILES
        self.resolve(**{name: value for name, value in chosen.items() if getattr(settings, name) is None})
        train, test = self._data()
        specials = COURSE_SPECIALS if settings.pairs is None else SPECIALS
        self.vocabularies = vocabularies(train, settings.level, specials)
        self.sources, self.targets = self._encode(train)
        self.test, (self.test_sources, self.test_targets) = test, self._encode(test)
        self.max_length = max(map(len, self.targets.sentences + self.test_targets.sentences))
        self.batches = Batches(len(train), self.settings.batch_size or 1, settings.seed)
        self.epoch = self.batches.steps
        self.default_steps = 5000 if settings.pairs is None else 20 * self.epoch
        if settings.pairs is None:
            chance = random.Random(settings.seed)
            self.drawn = [chance.choice(range(len(train))) for _ in range(self.steps)]
        seen = len(set(train) & set(test))
        if settings.pairs is not None and seen:
            self.warnings = [f"{seen} of {len(test)} test pairs stand among the training pairs too"]

    def _check(self) -> None:
        """Nothing is accepted that would be ignored."""
        s = self.settings
        for given in ("test_pairs", "batch_size"):
            if s.pairs is None and getattr(s, given) is not None:
                raise UsageError(message(self.name, f"--pairs with {flag(given)}", "none"))
        if s.teacher_forcing > 1:
            raise UsageError(message(self.name, "--teacher-forcing of at most 1", s.teacher_forcing))

    def _data(self) -> tuple[Sequence[Pair], Sequence[Pair]]:
        """Pairs to learn from, and to measure on."""
        s = self.settings
        most = s.max_source_words, s.max_target_words
        if s.pairs is None:
            pairs = short(COURSE, most)
            self.dropped = len(COURSE) - len(pairs)
            if not pairs:
                raise UsageError(message(self.name, "limits that leave one of the course's pairs", most))
            return pairs, pairs
        pairs, self.dropped = short_of_file("--pairs", Path(s.pairs), most)
        if s.test_pairs is not None:
            test, dropped = short_of_file("--test-pairs", Path(s.test_pairs), most)
            self.dropped += dropped
            return pairs, test
        cut = len(pairs) - max(1, len(pairs) // 10)
        if cut == 0:
            fail("--pairs", "at least 2 pairs, or --test-pairs", f"1 in {s.pairs}, {self.dropped} too long")
        return pairs[:cut], pairs[cut:]

    def _encode(self, pairs: Sequence[Pair]) -> Any:
        """Both sides."""
        sides = zip(self.vocabularies, zip(*pairs, strict=True), strict=True)
        return [encode(vocabulary, texts) for vocabulary, texts in sides]

    def model(self, implementation: Any, dtype: Any) -> Any:
        """Embedding 16 and GRU 16; embedding 16, GRU 16 and head."""
        s, (source, target) = self.settings, self.vocabularies
        return implementation.Seq2Seq(
            *(s.cell, len(source), len(target), s.hidden, s.hidden, s.layers),
            sos=target.number(SOS),
            eos=target.number(EOS),
            dtype=dtype,
        )

    def batch(self, step: int) -> tuple[Any, ...]:
        """Some pairs; how often the decoder is told the right word; what draws that; the loss's divisor."""
        s, alone = self.settings, self.settings.pairs is None
        rows = [self.drawn[step]] if alone else self.batches.rows(step)
        draws = np.random.default_rng([s.seed, step]) if s.teacher_forcing < 1 else None
        over = None if alone else "tokens"
        return *self.sources.batch(rows), *self.targets.batch(rows), s.teacher_forcing, draws, over

    def result(self, trainer: Any) -> dict[str, Any]:
        """What the model says, sentence by sentence, and how often that is right."""
        count, vocabulary = len(self.test), self.vocabularies[1]
        said: list[Decoded] = []
        for start in range(0, count, AT_ONCE):
            rows = range(start, min(start + AT_ONCE, count))
            said += trainer.model.greedy(*self.test_sources.batch(rows), self.max_length)
        right = [self._right(row, decoded) for row, decoded in enumerate(said)]
        shown = min(EXAMPLES, count)
        return {
            "exact_match": sum(right) / count,
            "right": sum(right),
            "test_pairs": count,
            "training_pairs": len(self.sources.sentences),
            "dropped_as_too_long": self.dropped,
            "unknown_source_words": sum(self.test_sources.unknown),
            "unknown_target_words": sum(self.test_targets.unknown),
            "stopped_at_max_length": sum(decoded.stopped == "max_length" for decoded in said),
            "examples": [
                dict(zip(("source", "wanted"), self.test[n], strict=True))
                | {"said": vocabulary.decode(said[n].tokens)}
                for n in (count * k // shown for k in range(shown))
            ],
        }

    def _right(self, row: int, said: Decoded) -> bool:
        """An <UNK> is never right."""
        wanted, unknown = self.test_targets.sentences[row], self.test_targets.unknown[row]
        return not unknown and said.stopped == "eos" and said.tokens == wanted[:-1].tolist()

    def summary(self, result: Mapping[str, Any]) -> str:
        """How many are right, what should be known beside it, and examples."""
        r = result
        examples = "".join(f"\n  {e['source']} → {e['said']}{_mark(e)}" for e in r["examples"])
        if self.settings.pairs is None:
            told = f"{r['right']} of {r['test_pairs']} pairs reproduced"
            return f"{told}: memory, not translation, as these are the pairs it was trained on{examples}"
        unit = "words" if self.settings.level == "word" else "characters"
        return (
            f"{r['exact_match']:.2%} of {r['test_pairs']} test pairs exact, {r['training_pairs']} to learn "
            f"from; {r['dropped_as_too_long']} dropped as too long; {r['unknown_source_words']} unknown "
            f"{unit} in sources, {r['unknown_target_words']} in targets; {r['stopped_at_max_length']} "
            f"stopped at the maximum length{examples}"
        )


def _mark(example: Mapping[str, str]) -> str:
    """What was wanted, where that is something else."""
    return "" if example["said"] == example["wanted"] else f"  (wanted: {example['wanted']})"
