"""What each command of chimera-train does with its options."""

import argparse
import dataclasses
import json
from pathlib import Path

import torch

from chimera_train.checkpoint import FILE_NAME, Checkpoint
from chimera_train.dataset import Dataset
from chimera_train.distributed import Processes, choose_device
from chimera_train.draft_vocabulary import choose_draft_vocabulary, coverage
from chimera_train.drafter import Drafter
from chimera_train.drafter_config import DrafterConfig
from chimera_train.errors import ChimeraTrainError
from chimera_train.evaluator import evaluate
from chimera_train.exporter import ExportOptions, export, load_drafter_file
from chimera_train.generate import GenerateOptions, generate
from chimera_train.generation_plan import read_categories
from chimera_train.prompts import read_prompts, without_duplicates, write_prompts
from chimera_train.recipe import Budget, Recipe
from chimera_train.report import format_report
from chimera_train.target import Target, load_target
from chimera_train.target_check import check_data, check_same_target
from chimera_train.trainer import RunOptions, Trainer

_HELD_OUT_EVERY = 50  # where `all` is given no prompts to evaluate on


def run_generate(options: argparse.Namespace) -> None:
    fields = {field.name: getattr(options, field.name) for field in dataclasses.fields(GenerateOptions)}
    fields["tapped_layers"] = options.tapped_layers or _default_layers(load_target(options.target))
    generate(GenerateOptions(**fields))


def run_train(options: argparse.Namespace) -> None:
    target, dataset = load_target(options.target), Dataset(options.data)
    check_data(dataset, target)
    recipe = Recipe(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Recipe)})
    options.run_folder.mkdir(parents=True, exist_ok=True)
    with Processes(options.device) as processes:
        checkpoint = _load_checkpoint(options.run_folder, dataset, recipe)
        if checkpoint:
            drafter = _restore(checkpoint, options, target)
        else:
            drafter = _new_drafter(options, target, dataset, recipe)
        trainer = Trainer(drafter, target, dataset, recipe, processes)
        if checkpoint:
            trainer.resume(checkpoint)
        trainer.run(
            RunOptions(
                folder=options.run_folder,
                budget=Budget(options.minutes, options.epochs),
                held_out=Dataset(options.held_out) if options.held_out else None,
                checkpoint_interval=options.checkpoint_interval,
                evaluation_interval=options.evaluation_interval,
            )
        )


def run_evaluate(options: argparse.Namespace) -> dict:
    """Returns the report, after printing and storing it."""
    target, dataset = load_target(options.target), Dataset(options.data)
    if options.drafter is not None:
        drafter, source = load_drafter_file(options.drafter, target)
    else:
        checkpoint = Checkpoint.load(options.run_folder)
        drafter, source = checkpoint.restore_drafter(target), checkpoint.source
    check_same_target("the drafter", source.target_identity, str(options.data[0]), dataset.source.target_identity)
    if source.tapped_layers != dataset.source.tapped_layers:
        raise ChimeraTrainError(
            f"the drafter reads layers {source.tapped_layers}, but the data hold {dataset.source.tapped_layers}"
        )
    categories = read_categories(options.data)
    report = evaluate(drafter, dataset, categories, choose_device(options.device), options.answers)
    print(format_report(report), flush=True)
    if options.report is not None:
        options.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def run_export(options: argparse.Namespace) -> None:
    checkpoint = Checkpoint.load(options.run_folder)
    export_options = ExportOptions(
        name=options.name or f"{checkpoint.source.target_name} drafter",
        weight_type=options.weight_type,
        tau=_read_tau(options.report) if options.report else 0.0,
        with_embeddings=options.with_embeddings,
    )
    export(checkpoint, load_target(options.target), options.out, export_options)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB", flush=True)


def run_all(options: argparse.Namespace) -> None:
    """Everything from prompts to a drafter file, in a work folder; the same command goes on where it was stopped."""
    work = options.work
    work.mkdir(parents=True, exist_ok=True)
    prompts, held_out = _split_prompts(options)
    for_evaluation = {"exclude": [], "self_prompts": 0, "limit": None, "greedy": True}
    run_generate(_with(options, prompts=held_out, output=work / "held-out", **for_evaluation))
    exclude = [*options.exclude, *held_out]
    run_generate(_with(options, prompts=prompts, output=work / "answers", exclude=exclude, greedy=False))
    paths = {"run_folder": work / "run", "data": [work / "answers"], "held_out": [work / "held-out"]}
    run_train(_with(options, **paths))
    report = work / "report.json"
    evaluation = _with(options, run_folder=work / "run", data=[work / "held-out"], drafter=None, report=report)
    run_evaluate(evaluation)
    run_export(_with(options, run_folder=work / "run", report=report))
    print(f"\nThe same with the weights of {options.out}:", flush=True)
    run_evaluate(_with(evaluation, drafter=options.out, report=work / "report-exported.json"))


def _load_checkpoint(run: Path, dataset: Dataset, recipe: Recipe) -> Checkpoint | None:
    if not (run / FILE_NAME).exists():
        return None
    checkpoint = Checkpoint.load(run)
    check_same_target(str(run), checkpoint.source.target_identity, "the data", dataset.source.target_identity)
    for field in dataclasses.fields(Recipe):
        old, new = getattr(checkpoint.recipe, field.name), getattr(recipe, field.name)
        if old != new:
            raise ChimeraTrainError(f"{run} was begun with {field.name} {old}, not {new}: use another run folder")
    print(f"going on from step {checkpoint.progress.step} of {run}", flush=True)
    return checkpoint


def _restore(checkpoint: Checkpoint, options: argparse.Namespace, target: Target) -> Drafter:
    wanted = _new_config(options, target, checkpoint.source.tapped_layers)
    for field in dataclasses.fields(DrafterConfig):
        old, new = getattr(checkpoint.config, field.name), getattr(wanted, field.name)
        if old != new:
            raise ChimeraTrainError(f"the checkpoint has {field.name} {old}, not {new}")
    return checkpoint.restore_drafter(target)


def _new_drafter(options: argparse.Namespace, target: Target, dataset: Dataset, recipe: Recipe) -> Drafter:
    if options.initial_run is not None:
        initial = Checkpoint.load(options.initial_run)
        check_same_target(
            str(options.initial_run), initial.source.target_identity, "the data", dataset.source.target_identity
        )
        return _restore(initial, options, target)
    torch.manual_seed(recipe.seed)
    config = _new_config(options, target, dataset.source.tapped_layers)
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
    return drafter


def _new_config(options: argparse.Namespace, target: Target, tapped_layers: tuple[int, ...]) -> DrafterConfig:
    return DrafterConfig(
        hidden_size=target.hidden_size,
        ffn_size=options.ffn_size or _round_up(target.hidden_size * 8 // 3),
        query_head_count=target.query_head_count,
        kv_head_count=target.kv_head_count,
        head_dim=target.head_dim,
        rope_base=target.rope_base,
        rms_norm_epsilon=target.rms_norm_epsilon,
        trigram_hidden_size=options.trigram_hidden_size or 2 * target.hidden_size,
        tapped_layers=tapped_layers,
        draft_vocab_size=min(options.draft_vocab_size, target.vocab_size),
        trigram_encoder=options.trigram_encoder,
        residual_head=options.residual_head,
        depth_heads=options.depth_heads,
        context_window=options.context_window,
    )


def _default_layers(target: Target) -> tuple[int, ...]:
    """An early one, the middle, and the output of the last."""
    return tuple(sorted({target.layer_count // 10, target.layer_count // 2, target.layer_count}))


def _split_prompts(options: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Prompt files to train on and to evaluate on."""
    if options.held_out_prompts:
        return options.prompts, options.held_out_prompts
    prompts = without_duplicates(read_prompts(options.prompts))
    held_out = prompts[::_HELD_OUT_EVERY]
    files = options.work / "train-prompts.jsonl", options.work / "held-out-prompts.jsonl"
    write_prompts([prompt for i, prompt in enumerate(prompts) if i % _HELD_OUT_EVERY], files[0])
    write_prompts(held_out, files[1])
    return [files[0]], [files[1]]


def _read_tau(report: Path) -> float:
    try:
        return float(json.loads(report.read_text(encoding="utf-8"))["tau"])
    except (OSError, ValueError, KeyError) as error:
        raise ChimeraTrainError(f"{report}: not a readable report: {error}") from error


def _round_up(value: int, multiple: int = 32) -> int:
    """Quantised blocks hold 32 weights."""
    return (value + multiple - 1) // multiple * multiple


def _with(options: argparse.Namespace, **changes) -> argparse.Namespace:
    return argparse.Namespace(**vars(options) | changes)
