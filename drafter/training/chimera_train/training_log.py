"""What a run leaves to look at: metrics.jsonl, curve.csv, TensorBoard events and a plot."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402  (after the choice of backend)
from torch.utils.tensorboard import SummaryWriter  # noqa: E402

from chimera_train.atomic_file import replacing, write_text  # noqa: E402

METRICS_FILE = "metrics.jsonl"
# What the plot is over: name in the log, unit, label.
_ABSCISSAS = (("response_tokens", 1e6, "million response tokens seen"), ("seconds", 60, "minutes of training"))


class TrainingLog:
    """Scalars by step. After a resumption what an interrupted run wrote beyond its checkpoint is dropped."""

    def __init__(self, run: Path, first_step: int) -> None:
        self._path = run / METRICS_FILE
        self._plot_path = run / "curve.png"
        kept = [line for line in read_metrics(self._path) if line["step"] < first_step]
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._file = open(self._path, "a", encoding="utf-8")
        self._events = SummaryWriter(str(run / "tensorboard"), purge_step=first_step)

    def add(self, step: int, scalars: dict[str, float]) -> None:
        self._file.write(json.dumps({"step": step} | scalars) + "\n")
        self._file.flush()
        for name, value in scalars.items():
            self._events.add_scalar(name, value, step)

    def plot(self) -> None:
        """Draws loss and acceptance over response tokens seen and over minutes of training."""
        lines = read_metrics(self._path)
        figure, axes = pyplot.subplots(2, 2, figsize=(14, 8), sharex="col", sharey="row")
        for column, (name, unit, label) in enumerate(_ABSCISSAS):
            (loss_axes, accept_axes) = axes[:, column]
            losses = [(line[name] / unit, line["loss"]) for line in lines if {name, "loss"} <= line.keys()]
            if losses:
                loss_axes.plot(*zip(*_smooth(losses), strict=True))
            for score in ("top1", "top4", "chain_tau", "tree_tau"):
                points = [(line[name] / unit, line[score]) for line in lines if {name, score} <= line.keys()]
                if points:
                    accept_axes.plot(*zip(*points, strict=True), marker="o", label=score)
                    accept_axes.legend()
            accept_axes.set_xlabel(label)
        axes[0, 0].set_ylabel("loss, nats per token")
        axes[1, 0].set_ylabel("held-out acceptance")
        figure.tight_layout()
        with replacing(self._plot_path) as temporary:
            figure.savefig(temporary, format="png")
        pyplot.close(figure)

    def close(self) -> None:
        self._file.close()
        self._events.close()


def read_metrics(path: Path) -> list[dict]:
    """Complete lines of a metrics file; none if it does not exist."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines if line.endswith("}")]


def _smooth(points: list[tuple[float, float]], window: int = 25) -> list[tuple[float, float]]:
    """Means over windows of points."""
    chunks = [points[i : i + window] for i in range(0, len(points), window)]
    return [(sum(x for x, _ in chunk) / len(chunk), sum(y for _, y in chunk) / len(chunk)) for chunk in chunks]
