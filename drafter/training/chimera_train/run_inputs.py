"""What the order of a run's batches depends on, besides its recipe: the answers, and how many processes share them."""

import dataclasses
import hashlib
from pathlib import Path

import torch

from chimera_train.dataset import Dataset
from chimera_train.errors import ChimeraTrainError


@dataclasses.dataclass(frozen=True)
class RunInputs:
    """The same in all sittings of a run, or its batches are not those of an uninterrupted one."""

    processes: int  # that torchrun started; 1 without
    answers: int
    response_tokens: int  # of the answers
    sha256: str  # of lengths and tokens of prompts and answers, in order; folders may be moved


def describe_inputs(dataset: Dataset, processes: int) -> RunInputs:
    """What a run over `dataset` by so many processes depends on. Reads no hidden states."""
    hashed = hashlib.sha256()
    for part in (
        (shard.sequence_starts.diff() for shard in dataset.shards),
        (shard.response_starts - shard.sequence_starts[:-1] for shard in dataset.shards),
        (shard.token_ids.long() for shard in dataset.shards),
    ):
        for tensor in part:
            hashed.update(_little_endian(tensor))
    return RunInputs(processes, len(dataset), dataset.response_token_count(), hashed.hexdigest())


def check_same_inputs(run: Path, begun_with: RunInputs, given: RunInputs) -> None:
    """Raises if a run cannot go on exactly: its batches would be others than those that are still to come."""
    if begun_with.processes != given.processes:
        raise ChimeraTrainError(
            f"{run} was begun with {begun_with.processes} processes, not {given.processes}: {_advice(run)}"
        )
    if begun_with != given:
        raise ChimeraTrainError(
            f"{run} was begun with other data: {_describe(begun_with)}, not {_describe(given)}: {_advice(run)}"
        )


def _little_endian(tensor: torch.Tensor) -> bytes:
    return tensor.numpy().astype("<i8").tobytes()


def _describe(inputs: RunInputs) -> str:
    return f"{inputs.answers} answers, {inputs.response_tokens} response tokens, SHA-256 {inputs.sha256[:16]}"


def _advice(run: Path) -> str:
    return f"go on with the same, or begin a run in another folder, from these weights with --initial-run {run}"
