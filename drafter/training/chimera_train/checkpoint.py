"""Checkpoints: everything a run needs to go on as if it had never stopped."""

import dataclasses
import pickle
from pathlib import Path

import torch

from chimera_train.atomic_file import replacing
from chimera_train.dataset import Source
from chimera_train.drafter import Drafter
from chimera_train.drafter_config import DrafterConfig
from chimera_train.errors import ChimeraTrainError
from chimera_train.recipe import Recipe
from chimera_train.run_inputs import RunInputs
from chimera_train.target import Target

FILE_NAME = "checkpoint.pt"


@dataclasses.dataclass
class Progress:
    """Where a run stands. Random numbers need no state: they are functions of seed, step and rank."""

    step: int = 0
    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done, of each process
    seconds: float = 0.0  # of training
    response_tokens: int = 0  # seen so far, of all processes; of later epochs again


@dataclasses.dataclass
class Checkpoint:
    config: DrafterConfig
    recipe: Recipe
    source: Source
    progress: Progress
    drafter: dict  # Drafter.state_dict()
    optimizer: list  # DrafterOptimizer.state_dict()
    # None: of an earlier version, which did not say.
    inputs: RunInputs | None
    product_dtype: torch.dtype | None  # the fastest when the run began; another would give other bits

    def save(self, run: Path) -> None:
        """Replaces the run's checkpoint in one step."""
        values = {
            "config": self.config.to_dict(),
            "recipe": dataclasses.asdict(self.recipe),
            "source": dataclasses.asdict(self.source),
            "progress": dataclasses.asdict(self.progress),
            "drafter": self.drafter,
            "optimizer": self.optimizer,
            "inputs": dataclasses.asdict(self.inputs) if self.inputs is not None else None,
            "product_dtype": self.product_dtype,
        }
        with replacing(run / FILE_NAME) as temporary:
            torch.save(values, temporary)

    @staticmethod
    def load(run: Path) -> "Checkpoint":
        path = Path(run) / FILE_NAME
        try:
            values = torch.load(path, map_location="cpu", weights_only=True)
            source = values["source"] | {"tapped_layers": tuple(values["source"]["tapped_layers"])}
            return Checkpoint(
                config=DrafterConfig.from_dict(values["config"]),
                recipe=Recipe(**values["recipe"]),
                source=Source(**source),
                progress=Progress(**values["progress"]),
                drafter=values["drafter"],
                optimizer=values["optimizer"],
                inputs=RunInputs(**values["inputs"]) if values.get("inputs") is not None else None,
                product_dtype=values.get("product_dtype"),
            )
        except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
            raise ChimeraTrainError(f"{path}: not a readable checkpoint: {error}") from error

    def restore_drafter(self, target: Target) -> Drafter:
        """The drafter as it was. Its embedding rows are the target's."""
        check_target(self.source, target)
        drafter = Drafter(
            self.config,
            target.embedding,
            self.drafter["draft_vocabulary"],
            self.drafter["residual_head.embedding"],
        )
        drafter.load_state_dict(self.drafter)
        return drafter


def check_target(source: Source, target: Target) -> None:
    """Raises if data of this source cannot come from `target`, as far as their shapes tell."""
    for name, wanted, found in (
        ("hidden_size", source.hidden_size, target.hidden_size),
        ("vocab_size", source.vocab_size, target.vocab_size),
    ):
        if wanted != found:
            raise ChimeraTrainError(f"{name} is {wanted} in the data, but {found} in the target {target.name}")
    for layer in source.tapped_layers:
        if layer > target.layer_count:
            raise ChimeraTrainError(
                f"tapped layer {layer} is unknown: {target.name} has layers up to {target.layer_count}"
            )
