"""Lab 11-5, seq2seq: an encoder reads a sentence, a decoder writes its translation (seq2seq.py of each tree).

Without a file it is the course's lab: four pairs, one per step, drawn with replacement; the loss is the sum
over the target. The test pairs are the same four pairs, so the result measures memory, not translation.

With --pairs it reads a file in batches; the encoder packs them and the decoder masks the padding. The loss is
the mean over the target's tokens. The result counts unseen pairs: a pair is correct if every token is, and if
the model predicts <EOS> at the end. Decoding stops at <EOS>, or at the length of the longest target.

Embeddings are as wide as states, as in the course. Source and target have separate vocabularies, built from
the training pairs; any other word of the test pairs is <UNK>, and is counted.

`--translate` translates the user's sentences; with `--load` nothing is trained again. Texts are lower-cased,
and composed (Unicode's NFC).
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import numpy as np

from scratch_rnn.checks import UsageError, fail, message
from scratch_rnn.labs.harness.batches import Batches
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Batch, Result, Training, TrainingLab
from scratch_rnn.labs.harness.options import flag, option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, Translator, untracked
from scratch_rnn.labs.inputs.files import read_lines
from scratch_rnn.labs.inputs.pairs import (
    COURSE,
    COURSE_SPECIALS,
    Pair,
    Side,
    encode,
    short,
    short_of_file,
    tidy,
    vocabularies,
)
from scratch_rnn.labs.inputs.vocabulary import EOS, SOS, SPECIALS
from scratch_rnn.seq2seq_common import Decoded

AT_ONCE = 256
"""Sentences decoded at once."""
EXAMPLES = 10

COURSE_DEFAULTS = {"hidden": 16, "lr": 0.01, "optimizer": "sgd"}
FILE_DEFAULTS = {"hidden": 128, "lr": 0.003, "optimizer": "adam", "clip": 1.0, "batch_size": 64}
"""Settings that the user leaves open."""


@dataclass(frozen=True)
class Options(Training):
    """The options of seq2seq."""

    cell: str = "gru"
    hidden: int | None = option(
        None, "units of a layer and width of embeddings [16; with --pairs 128]", least=1
    )
    lr: float = option(None, "learning rate [0.01; with --pairs 0.003]", above=0)
    optimizer: str = option(None, "torch.optim's [sgd; with --pairs adam]", choices=("sgd", "adam"))
    clip: float | None = option(None, "largest norm of the gradients [none; with --pairs 1]", above=0)
    batch_size: int | None = option(None, "with --pairs: pairs in a batch [64]", least=1)
    engine: str = option(
        "steps", "of the encoder; the decoder always runs step by step", choices=("steps", "fused")
    )
    pairs: str | None = option(None, "lines of source TAB target; default: the course's four", file=True)
    test_pairs: str | None = option(None, "the same, unseen; default: the last tenth of --pairs", file=True)
    max_source_words: int = option(10, "limit with <EOS>; pairs with a longer source are dropped", least=2)
    max_target_words: int = option(12, "the same for the target", least=2)
    level: str = option("word", "unit of a sentence", choices=("word", "char"))
    teacher_forcing: float = option(1.0, "probability that a step reads the target token, 0 to 1", least=0)
    translate: tuple[str, ...] | None = option(
        None, "a sentence to translate after training; may be repeated; - reads lines of standard input"
    )


class Seq2Seq(TrainingLab[Options]):
    """An encoder reads a sentence, a decoder writes its translation."""

    name = "seq2seq"
    options = Options
    requests = ("translate",)
    smoke_settings: ClassVar[Mapping[str, object]] = {"steps": 1400}

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        self._check()
        chosen = COURSE_DEFAULTS if settings.pairs is None else FILE_DEFAULTS
        self.resolve(**{name: value for name, value in chosen.items() if getattr(settings, name) is None})
        self.notes = list[str]()
        train, test = self._data()
        specials = COURSE_SPECIALS if settings.pairs is None else SPECIALS
        self.vocabularies = vocabularies(train, settings.level, specials)
        self.sources, self.targets = self._encode(train)
        self.test, (self.test_sources, self.test_targets) = test, self._encode(test)
        self.max_length = max(map(len, self.targets.sentences + self.test_targets.sentences))
        self.batches = Batches(len(train), self.settings.batch_size or 1, settings.seed)
        self.epoch = self.batches.steps
        self.loss_unit = "nats per sentence" if settings.pairs is None else "nats per token"
        self.default_steps = 5000 if settings.pairs is None else 20 * self.epoch
        if settings.pairs is None:
            self.random, self.drawn = random.Random(settings.seed), list[int]()
        seen = len(set(train) & set(test))
        if settings.pairs is not None and seen:
            self.notes.append(f"{seen} of {len(test)} test pairs are training pairs too")
        self.warnings = self.notes
        self.asked = [tidy(text) for text in read_lines("--translate", settings.translate or ())]

    def _check(self) -> None:
        """UsageError for options that would have no effect."""
        s = self.settings
        for given in ("test_pairs", "batch_size"):
            if s.pairs is None and getattr(s, given) is not None:
                raise UsageError(message(self.name, f"--pairs with {flag(given)}", "none"))
        if s.teacher_forcing > 1:
            raise UsageError(message(self.name, "--teacher-forcing of at most 1", s.teacher_forcing))

    def _data(self) -> tuple[Sequence[Pair], Sequence[Pair]]:
        """(training pairs, test pairs)."""
        s = self.settings
        most = s.max_source_words, s.max_target_words
        if s.pairs is None:
            pairs = short(COURSE, most)
            self.dropped = len(COURSE) - len(pairs)
            if not pairs:
                raise UsageError(message(self.name, "limits that leave one of the course's pairs", most))
            return pairs, pairs
        pairs, self.dropped, self.notes = short_of_file("--pairs", Path(s.pairs), most)
        if s.test_pairs is not None:
            test = short_of_file("--test-pairs", Path(s.test_pairs), most)
            self.dropped += test.dropped
            self.notes += test.notes
            return pairs, test.pairs
        cut = len(pairs) - max(1, len(pairs) // 10)
        if cut == 0:
            fail("--pairs", "at least 2 pairs, or --test-pairs", f"1 in {s.pairs}, {self.dropped} too long")
        return pairs[:cut], pairs[cut:]

    def _encode(self, pairs: Sequence[Pair]) -> tuple[Side, Side]:
        """Sources and targets as indices."""
        sides = zip(self.vocabularies, zip(*pairs, strict=True), strict=True)
        source, target = (encode(vocabulary, texts) for vocabulary, texts in sides)
        return source, target

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """Encoder: embedding 16, GRU 16. Decoder: embedding 16, GRU 16, head."""
        s, (source, target) = self.settings, self.vocabularies
        return implementation.Seq2Seq(
            *(s.cell, len(source), len(target), s.hidden, s.hidden, s.layers),
            sos=target.number(SOS),
            eos=target.number(EOS),
            dtype=dtype,
        )

    def batch(self, step: int) -> Batch:
        """(sources, lengths, targets, lengths, teacher forcing, its random generator, the loss's divisor)."""
        s, course = self.settings, self.settings.pairs is None
        rows = [self._drawn(step)] if course else self.batches.rows(step)
        draws = np.random.default_rng([s.seed, step]) if s.teacher_forcing < 1 else None
        divide_by = None if course else "tokens"
        return *self.sources.batch(rows), *self.targets.batch(rows), s.teacher_forcing, draws, divide_by

    def _drawn(self, step: int) -> int:
        """The course's pair of this step. Pairs are drawn in order, so a later step draws those before it."""
        while len(self.drawn) <= step:
            self.drawn.append(self.random.choice(range(len(self.sources.sentences))))
        return self.drawn[step]

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """The share of exact translations, counts, and examples."""
        count, vocabulary = len(self.test), self.vocabularies[1]
        decoded = self._decode(trainer, self.test_sources, track("evaluation", range(0, count, AT_ONCE)))
        right = [self._right(row, each) for row, each in enumerate(decoded)]
        shown = min(EXAMPLES, count)
        result: Result = {
            "exact_match": sum(right) / count,
            "right": sum(right),
            "test_pairs": count,
            "training_pairs": len(self.sources.sentences),
            "dropped_as_too_long": self.dropped,
            "unknown_source_words": sum(self.test_sources.unknown),
            "unknown_target_words": sum(self.test_targets.unknown),
            "stopped_at_max_length": sum(each.stopped != "eos" for each in decoded),
            "examples": [
                dict(zip(("source", "wanted"), self.test[n], strict=True))
                | {"said": vocabulary.decode(decoded[n].tokens)}
                for n in (count * k // shown for k in range(shown))
            ],
        }
        return result | {"translations": self._translations(trainer)} if self.asked else result

    def _decode(self, trainer: Trainer, sources: Side, starts: Iterable[int]) -> list[Decoded]:
        """One translation per source, some at a time."""
        model, decoded = cast(Translator, trainer.model), list[Decoded]()
        for start in starts:
            rows = range(start, min(start + AT_ONCE, len(sources.sentences)))
            decoded += model.greedy(*sources.batch(rows), self.max_length)
        return decoded

    def _translations(self, trainer: Trainer) -> list[dict[str, object]]:
        """The sentences of --translate, and how many words of each do not occur in training pairs."""
        sources = encode(self.vocabularies[0], self.asked)
        decoded = self._decode(trainer, sources, range(0, len(self.asked), AT_ONCE))
        said = [self.vocabularies[1].decode(each.tokens) for each in decoded]
        columns = zip(self.asked, said, sources.unknown, strict=True)
        return [dict(zip(("source", "said", "unknown"), each, strict=True)) for each in columns]

    def _right(self, row: int, decoded: Decoded) -> bool:
        """Whether a row is exact. A target with an unknown token never is."""
        target, unknown = self.test_targets.sentences[row], self.test_targets.unknown[row]
        return not unknown and decoded.stopped == "eos" and decoded.tokens == target[:-1].tolist()

    def summary(self, result: Result) -> str:
        """The share of exact translations, counts, and examples."""
        r = result
        examples = "".join(f"\n  {e['source']} → {e['said']}{_mark(e)}" for e in r["examples"])
        if self.asked:
            examples = "; translations:" + "".join(map(_translated, r["translations"]))
        if self.settings.pairs is None:
            reproduced = f"{r['right']} of {r['test_pairs']} pairs reproduced"
            return f"{reproduced}: memory, not translation, since these are the training pairs{examples}"
        unit = "words" if self.settings.level == "word" else "characters"
        return (
            f"{r['exact_match']:.2%} of {r['test_pairs']} test pairs exact, {r['training_pairs']} training "
            f"pairs; {r['dropped_as_too_long']} dropped as too long; {r['unknown_source_words']} unknown "
            f"{unit} in sources, {r['unknown_target_words']} in targets; "
            f"{r['stopped_at_max_length']} stopped at the maximal length{examples}"
        )


def _mark(example: Mapping[str, str]) -> str:
    """The target, where the translation differs."""
    return "" if example["said"] == example["wanted"] else f"  (target: {example['wanted']})"


def _translated(translation: Mapping[str, object]) -> str:
    """A line for a sentence of --translate."""
    unknown = f"  (unknown words: {translation['unknown']})" if translation["unknown"] else ""
    return f"\n  {translation['source']} → {translation['said']}{unknown}"
