"""How a drafter is trained."""

import dataclasses
from typing import Any

from chimera_train.errors import ChimeraTrainError


def _option(default: Any, text: str) -> Any:
    """A field that is an option of the command line too; `text` says what it is."""
    return dataclasses.field(default=default, metadata={"help": text})


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Fixed for the whole of a run, over all its sittings."""

    optimizer: str = _option("muon", "muon (AdamW for norms and the head's embedding) or adamw")
    learning_rate: float = _option(1.5e-3, "AdamW's at its peak; Muon's follows it")
    weight_decay: float = _option(0.05, "of matrices")
    warmup_steps: int = _option(100, "steps in which the learning rate rises to its peak")
    batch_size: int = _option(24, "answers in a batch, of each process")
    gradient_clip: float = _option(1.0, "greatest norm of all gradients together")
    rollout_steps: int = _option(4, "levels learnt once rolling out has begun; the paper's form learns depth_heads")
    single_step_fraction: float = _option(0.55, "of the budget, before rolling out begins")
    rollout_fraction: float = _option(0.5, "of the positions, rolled out in each batch")
    depth_decay: float = _option(0.8, "weight of a level, to that of the one before")
    state_noise: float = _option(0.01, "uniform noise on hidden states, to their mean magnitude")
    labels: str = _option("soft", "soft (the target's distribution) or hard (its tokens)")
    seed: int = _option(1, "of weights, order of data, noise and roll-out positions")

    def __post_init__(self) -> None:
        for name, choices in (("optimizer", ("muon", "adamw")), ("labels", ("soft", "hard"))):
            if getattr(self, name) not in choices:
                raise ChimeraTrainError(f'{name} is "{getattr(self, name)}", must be one of {", ".join(choices)}')
        for name in ("warmup_steps", "batch_size", "rollout_steps"):
            if getattr(self, name) < 1:
                raise ChimeraTrainError(f"{name} is {getattr(self, name)}, must be positive")
        for name in ("single_step_fraction", "rollout_fraction", "depth_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ChimeraTrainError(f"{name} is {getattr(self, name)}, must be in [0, 1]")


@dataclasses.dataclass(frozen=True)
class Budget:
    """When training ends: after some minutes of training or after some epochs. Exactly one is given.

    Minutes depend on the machine's speed, so only a budget in epochs gives the same curve twice.
    """

    minutes: float | None = None
    epochs: float | None = None

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.epochs is None):
            raise ChimeraTrainError("give either minutes or epochs")
        if (self.minutes or self.epochs) is None or (self.minutes or self.epochs) <= 0:
            raise ChimeraTrainError("the budget must be positive")

    def progress(self, seconds: float, epochs: float) -> float:
        """Fraction of the budget that is spent; 1 or more is the end."""
        return seconds / (60 * self.minutes) if self.minutes is not None else epochs / self.epochs
