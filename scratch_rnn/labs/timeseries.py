"""Lab 11-4, timeseries: all columns of the last days in, one column of the next day out.

Windows of 7 days, an LSTM, a head at its last step, squared error of scaled numbers. The first 70 % of the
rows are the training part, the rest is the unseen part. The course differs in two points: here the unseen
part is scaled by the training part's minimum and maximum (its own would leak the future), and the error is
compared with that of the simplest forecast, "tomorrow = today". Both errors are in the target's own unit:

    (1)  rmse = √ mean (x̂_{t+1} - x_{t+1})²
    (2)  naive_rmse = √ mean (x_t - x_{t+1})²

With `--predict change` the network predicts x_{t+1} - x_t, and the forecast is x_t plus that.

`--forecast N` continues the series after its last row. Each row is predicted from the predictions before it:
errors add up. The network predicts one column; the other columns keep their last values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.batches import Batches
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Batch, Result, Training, TrainingLab
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.files import data_file
from scratch_rnn.labs.inputs.series import Reading, Scale, column_names, read_series, scale_of

TRAINING_SHARE = 0.7
AT_ONCE = 4096
"""Windows evaluated at once."""
SHOWN = 100
"""Unseen rows in the picture."""


@dataclass(frozen=True)
class Options(Training):
    """The options of timeseries."""

    cell: str = "lstm"
    hidden: int | None = 10
    csv: str | None = option(None, "default: Google's share, daily", file=True)
    columns: str = option("open,high,low,close,volume", "names of the input columns")
    target: str = option("close", "name of the column to predict")
    order: str = option("oldest-first", "of the file's rows", choices=("oldest-first", "newest-first"))
    window: int = option(7, "rows of one input", least=1)
    scale: str = option(
        "train", "part whose minimum and maximum scale the unseen part (own leaks)", choices=("train", "own")
    )
    predict: str = option("value", "tomorrow's value, or its change from today", choices=("value", "change"))
    batch_size: int | None = option(None, "windows in a batch; default: all", least=1)
    separator: str | None = option(None, "between the cells, for instance ; or tab; default: found")
    decimal: str | None = option(
        None, "sign before the decimals of a number; default: found", choices=("point", "comma")
    )
    missing: str = option("refuse", "rows that miss a number", choices=("refuse", "drop", "previous"))
    forecast: int | None = option(
        None, "rows to predict after the last one, each from the predictions before it", least=1, most=10_000
    )


class TimeSeries(TrainingLab[Options]):
    """All columns of the last days in, one column of the next day out."""

    name = "timeseries"
    options = Options
    default_steps = 500
    loss_unit = "squared error of scaled values"
    requests = ("forecast",)
    has_picture = True

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        s, names = settings, column_names("--columns", settings.columns)
        target = column_names("--target", s.target)
        if len(target) != 1 or target[0] not in names:
            raise UsageError(message("--target", f"one of --columns {s.columns}", s.target))
        self.target = names.index(target[0])
        path = data_file("--csv", s.csv, "goog.csv")
        reading = Reading(s.separator, s.decimal, s.missing, newest_first=s.order == "newest-first")
        rows, dates, notes = read_series(path, names, reading)
        self.warnings = [f"timeseries: {note}" for note in notes]
        cut = int(len(rows) * TRAINING_SHARE)
        if cut <= s.window or len(rows) == cut:
            expected = f"rows of which {TRAINING_SHARE:.0%} are more than --window {s.window}"
            raise UsageError(message("--csv", expected, f"{len(rows)} in {path}"))
        train, test = rows[:cut], rows[cut - s.window :]
        self.scale = scale_of(train, names, f"the training part of {path}")
        self.test_scale = self.scale
        if s.scale == "own":
            self.test_scale = scale_of(test, names, f"the unseen part of {path}")
            self.warnings += [
                "timeseries: --scale own scales the unseen part by its own minimum and maximum: "
                "this leaks the range of the future, and the error is too small"
            ]
        self.last_window = test[-s.window :]
        self.dates = None if dates is None else dates[cut:]
        """Dates of the unseen rows."""
        self.x, self.y = self._windows(train, self.scale)
        self.test_x, _ = self._windows(test, self.test_scale)
        self.truth, self.today = test[s.window :, self.target], test[s.window - 1 : -1, self.target]
        self.batches = Batches(len(self.x), s.batch_size, s.seed)
        self.epoch = self.batches.steps

    def _windows(self, rows: ndarray, scale: Scale) -> tuple[ndarray, ndarray]:
        """(x (N, T, I), y (N, 1)): windows of scaled rows, and the target of the row after each."""
        scaled, width = scale(rows), self.settings.window
        views = np.lib.stride_tricks.sliding_window_view(scaled[:-1], width, axis=0)
        x = np.array(views.swapaxes(1, 2))
        y = scaled[width:, [self.target]]
        if self.settings.predict == "change":
            y = y - scaled[width - 1 : -1, [self.target]]
        return x, y

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """LSTM(columns, 10), and a head at the last step."""
        s = self.settings
        return implementation.SequenceModel(
            s.cell,
            self.x.shape[-1],
            s.hidden,
            s.layers,
            outputs=1,
            last=True,
            loss="squared_error",
            dtype=dtype,
        )

    def batch(self, step: int) -> Batch:
        """Some windows, or all."""
        rows = self.batches.rows(step)
        return self.x[rows], self.y[rows]

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """Both errors on the unseen part, and the forecast."""
        pieces = [
            trainer.predict(self.test_x[start : start + AT_ONCE])[0][:, 0]
            for start in track("evaluation", range(0, len(self.test_x), AT_ONCE))
        ]
        predicted = np.concatenate(pieces).astype(np.float64)
        least, extent = (part[self.target] for part in self.test_scale)
        forecast = (
            self.today + predicted * extent
            if self.settings.predict == "change"
            else least + predicted * extent
        )
        result: Result = {
            "rmse": rmse(forecast, self.truth),  # (1)
            "naive_rmse": rmse(self.today, self.truth),  # (2)
            "prediction": forecast.tolist(),
        }
        if self.dates is not None:
            result["dates"] = [date.isoformat() for date in self.dates]
        if self.settings.forecast is not None:
            steps = track("forecast", range(self.settings.forecast))
            result["forecast"] = self._forecast(trainer, steps)
        return result

    def _forecast(self, trainer: Trainer, steps: Iterable[int]) -> list[float]:
        """The target in the rows after the last one; each row is added to the window of the next."""
        window, forecast = self.test_scale(self.last_window), []
        least, extent = (part[self.target] for part in self.test_scale)
        for _ in steps:
            predicted = float(trainer.predict(window[None])[0][0, 0])
            row = window[-1].copy()  # the other columns keep their last values
            row[self.target] = (
                row[self.target] + predicted if self.settings.predict == "change" else predicted
            )
            window = np.concatenate([window[1:], row[None]])
            forecast.append(float(least + row[self.target] * extent))
        return forecast

    def summary(self, result: Result) -> str:
        """Both errors."""
        error, naive = result["rmse"], result["naive_rmse"]
        ratio = f"{error / naive:.3f} times that" if naive else "the unseen target does not change"
        return (
            f"{self.settings.target}, {len(self.truth)} unseen rows{self._period()}: RMSE {error:.4f}, "
            f"'tomorrow = today' {naive:.4f}: {ratio}{self._told_forecast(result)}"
        )

    def _period(self) -> str:
        """The dates of the first and the last unseen row."""
        if self.dates is None:
            return ""
        first, last = (str(date).removesuffix(" 00:00:00") for date in (self.dates[0], self.dates[-1]))
        return f" from {first} to {last}"

    def _told_forecast(self, result: Result) -> str:
        """The forecast in one line of text."""
        if "forecast" not in result:
            return ""
        others = "; the other columns keep their last values" if self.x.shape[-1] > 1 else ""
        return (
            f"\n  forecast of the next {len(result['forecast'])} rows, each from the predictions before it"
            f"{others}: {', '.join(f'{value:.6g}' for value in result['forecast'])}"
        )

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """Truth, prediction and "tomorrow = today" over the last unseen rows; the range seen in training."""
        shown = min(SHOWN, len(self.truth))
        impl, result = next(iter(results.items()))
        unit = "the file's unit"
        if self.settings.csv is None and self.settings.target != "volume":
            unit = "dollars"
        dates = None if self.dates is None else [date.date() for date in self.dates]
        x: Any = range(len(self.truth) - shown, len(self.truth)) if dates is None else dates[-shown:]
        naive = f"tomorrow = today: RMSE {result['naive_rmse']:.4g}"
        axes.plot(x, self.today[-shown:], "-", color="#f2b36b", linewidth=4, label=naive)
        axes.plot(x, self.truth[-shown:], "k-", linewidth=1.2, label="truth")
        label = f"{impl}: RMSE {result['rmse']:.4g}"
        axes.plot(x, result["prediction"][-shown:], "C0-", linewidth=1.5, label=label)
        least, extent = (float(each[self.target]) for each in self.scale)
        low, high = axes.get_ylim()
        axes.axhspan(least, least + extent, color="C2", alpha=0.12, zorder=0, label="range seen in training")
        axes.set_ylim(min(low, max(least, low - (high - low) / 2)), max(high, min(least + extent, high)))
        axes.set_title(f"timeseries: the last {shown} of {len(self.truth)} unseen rows")
        axes.set_xlabel("unseen row" if dates is None else "date")
        axes.set_ylabel(f"{self.settings.target} ({unit})")
        axes.tick_params(axis="x", rotation=20)
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)


def rmse(forecast: ndarray, truth: ndarray) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(((forecast - truth) ** 2).mean()))
