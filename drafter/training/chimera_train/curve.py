"""The curve of a run: loss and held-out acceptance over training tokens and time."""

import csv
import dataclasses
from pathlib import Path

from chimera_train.atomic_file import replacing
from chimera_train.errors import ChimeraTrainError
from chimera_train.markdown import table
from chimera_train.training_log import METRICS_FILE, read_metrics

FILE_NAME = "curve.csv"


@dataclasses.dataclass(frozen=True)
class Point:
    """One evaluation during training."""

    step: int
    minutes: float  # of training
    response_tokens: int  # seen, those of later epochs again
    loss: float  # nats per token, the mean since the evaluation before; its levels begin to count with the roll-out
    top1: float  # fraction of first tokens that are the best guess
    top4: float  # that are among the best four
    chain_tau: float
    tree_tau: float


def read_curve(run: Path) -> list[Point]:
    """The evaluations that a run has logged, in order."""
    points, losses = [], []
    for line in read_metrics(run / METRICS_FILE):
        if "loss" in line:
            losses.append(line["loss"])
        if "tree_tau" in line:
            names = ("step", "response_tokens", "top1", "top4", "chain_tau", "tree_tau")
            loss = sum(losses) / max(1, len(losses))
            points.append(Point(minutes=line["seconds"] / 60, loss=loss, **{name: line[name] for name in names}))
            losses = []
    return points


def write_csv(points: list[Point], path: Path) -> None:
    """One row for each point, under the names of its fields."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Point)])
        writer.writeheader()
        writer.writerows(dataclasses.asdict(point) for point in points)


def format_curve(run: Path) -> str:
    """The curve as a Markdown table."""
    points = read_curve(run)
    if not points:
        raise ChimeraTrainError(f"{run / METRICS_FILE}: has no evaluation; train with --held-out")
    header = ["step", "minutes", "response tokens", "loss", "top-1", "top-4", "chain tau", "tree tau"]
    return table(header, [_row(point) for point in points])


def _row(point: Point) -> list[str]:
    fractions = [f"{value:.3f}" for value in (point.loss, point.top1, point.top4, point.chain_tau, point.tree_tau)]
    return [str(point.step), f"{point.minutes:.1f}", str(point.response_tokens), *fractions]
