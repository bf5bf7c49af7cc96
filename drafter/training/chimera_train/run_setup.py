"""What a run trains: a new drafter, one to go on from, or that of its own checkpoint."""

import argparse
import dataclasses
import sys
from pathlib import Path

import torch

from chimera_train.checkpoint import FILE_NAME, Checkpoint
from chimera_train.dataset import Dataset
from chimera_train.draft_vocabulary import choose_draft_vocabulary, coverage
from chimera_train.drafter import Drafter
from chimera_train.drafter_config import DrafterConfig
from chimera_train.errors import ChimeraTrainError
from chimera_train.exporter import load_drafter_file, read_training_tokens
from chimera_train.recipe import Recipe
from chimera_train.run_inputs import check_same_inputs, describe_inputs
from chimera_train.target import Target
from chimera_train.target_check import check_same_target


def load_checkpoint(run: Path, dataset: Dataset, recipe: Recipe, processes: int) -> Checkpoint | None:
    """The checkpoint of a run that was begun. Raises if it was begun with another target or recipe, with other data or
    another number of processes; an old checkpoint does not tell the last two, and is taken with a warning."""
    if not (run / FILE_NAME).exists():
        return None
    checkpoint = Checkpoint.load(run)
    check_same_target(str(run), checkpoint.source.target_identity, "the data", dataset.source.target_identity)
    for field in dataclasses.fields(Recipe):
        old, new = getattr(checkpoint.recipe, field.name), getattr(recipe, field.name)
        if old != new:
            raise ChimeraTrainError(f"{run} was begun with {field.name} {old}, not {new}: use another run folder")
    if checkpoint.inputs is None:
        print(
            f"warning: {run / FILE_NAME} does not say of which data and how many processes it is: "
            "the run goes on exactly only with the same",
            file=sys.stderr,
        )
    else:
        check_same_inputs(run, checkpoint.inputs, describe_inputs(dataset, processes))
    print(f"going on from step {checkpoint.progress.step} of {run}", flush=True)
    return checkpoint


def restore(checkpoint: Checkpoint, options: argparse.Namespace, target: Target, dataset: Dataset) -> Drafter:
    """The drafter of a checkpoint. Raises if options or data ask for another shape."""
    _check_shape("the checkpoint", checkpoint.config, new_config(options, target, dataset))
    return checkpoint.restore_drafter(target)


def new_drafter(
    options: argparse.Namespace, target: Target, dataset: Dataset, recipe: Recipe
) -> tuple[Drafter, int]:
    """A drafter to begin a run with, and the response tokens that it has seen elsewhere: random weights, or those of
    --initial-run or --initial-drafter."""
    if options.initial_run is not None:
        return _from_run(options.initial_run, options, target, dataset)
    if options.initial_drafter is not None:
        return _from_file(options.initial_drafter, options, target, dataset)
    torch.manual_seed(recipe.seed)
    config = new_config(options, target, dataset)
    counts = dataset.response_token_counts()
    draft_vocabulary = choose_draft_vocabulary(counts, config.draft_vocab_size)
    drafter = Drafter(config, target.embedding, draft_vocabulary, target.output[draft_vocabulary])
    n_parameters = sum(parameter.numel() for parameter in drafter.parameters())
    print(
        f"{len(dataset)} answers, {dataset.response_token_count()} response tokens; a draft vocabulary of "
        f"{len(draft_vocabulary)} covers {coverage(counts, draft_vocabulary):.2%} of them; "
        f"{n_parameters / 1e6:.2f} M parameters",
        flush=True,
    )
    return drafter, 0


def new_config(options: argparse.Namespace, target: Target, dataset: Dataset) -> DrafterConfig:
    """The shape that options, target and data ask for."""
    return DrafterConfig(
        hidden_size=target.hidden_size,
        ffn_size=options.ffn_size or _round_up(target.hidden_size * 8 // 3),
        query_head_count=target.query_head_count,
        kv_head_count=target.kv_head_count,
        head_dim=target.head_dim,
        rope_base=target.rope_base,
        rms_norm_epsilon=target.rms_norm_epsilon,
        trigram_hidden_size=options.trigram_hidden_size or 2 * target.hidden_size,
        tapped_layers=dataset.source.tapped_layers,
        draft_vocab_size=min(options.draft_vocab_size, target.vocab_size),
        trigram_encoder=options.trigram_encoder,
        residual_head=options.residual_head,
        depth_heads=options.depth_heads,
        context_window=options.context_window,
    )


def _from_run(
    run: Path, options: argparse.Namespace, target: Target, dataset: Dataset
) -> tuple[Drafter, int]:
    checkpoint = Checkpoint.load(run)
    check_same_target(str(run), checkpoint.source.target_identity, "the data", dataset.source.target_identity)
    return restore(checkpoint, options, target, dataset), checkpoint.progress.response_tokens


def _from_file(
    path: Path, options: argparse.Namespace, target: Target, dataset: Dataset
) -> tuple[Drafter, int]:
    drafter, source = load_drafter_file(path, target)
    check_same_target(str(path), source.target_identity, "the data", dataset.source.target_identity)
    _check_shape(str(path), drafter.config, new_config(options, target, dataset))
    return drafter, read_training_tokens(path)


def _check_shape(name: str, found: DrafterConfig, wanted: DrafterConfig) -> None:
    for field in dataclasses.fields(DrafterConfig):
        old, new = getattr(found, field.name), getattr(wanted, field.name)
        if old != new:
            raise ChimeraTrainError(f"{name} has {field.name} {old}, not {new}")


def _round_up(value: int, multiple: int = 32) -> int:
    """Quantised blocks hold 32 weights."""
    return (value + multiple - 1) // multiple * multiple
