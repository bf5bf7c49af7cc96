"""What each command of chimera-train does with its options."""

import argparse
import dataclasses
import json
from pathlib import Path

from chimera_train.answers import write_answers
from chimera_train.atomic_file import write_text
from chimera_train.checkpoint import Checkpoint
from chimera_train.curve import format_curve
from chimera_train.dataset import Dataset
from chimera_train.distributed import Processes, choose_device
from chimera_train.draft_tree import TreeLimits
from chimera_train.errors import ChimeraTrainError
from chimera_train.evaluator import EvaluationOptions, evaluate
from chimera_train.exporter import ExportOptions, export, load_drafter_file
from chimera_train.generate import GenerateOptions, generate
from chimera_train.generation_plan import read_categories
from chimera_train.prompts import read_prompts, without_duplicates, write_prompts
from chimera_train.recipe import Budget, Recipe
from chimera_train.report import format_report
from chimera_train.run_setup import load_checkpoint, new_drafter, restore
from chimera_train.target import Target, load_target
from chimera_train.target_check import check_data, check_same_target
from chimera_train.trainer import RunOptions, Trainer

_HELD_OUT_EVERY = 50  # where `all` is given no prompts to evaluate on


def run_generate(options: argparse.Namespace) -> None:
    fields = {field.name: getattr(options, field.name) for field in dataclasses.fields(GenerateOptions)}
    fields["tapped_layers"] = options.tapped_layers or _default_layers(load_target(options.target))
    generate(GenerateOptions(**fields))


def run_pack(options: argparse.Namespace) -> None:
    header = write_answers(options.data, options.out)
    size = options.out.stat().st_size
    print(
        f"{options.out}: {header.answers} answers, {header.response_tokens} response tokens, {size / 1e6:.2f} MB, "
        f"{8 * size / max(1, header.response_tokens):.1f} bits for each",
        flush=True,
    )


def run_train(options: argparse.Namespace) -> None:
    target, dataset = load_target(options.target), Dataset(options.data, options.layers)
    check_data(dataset, target)
    recipe = Recipe(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Recipe)})
    options.run_folder.mkdir(parents=True, exist_ok=True)
    with Processes(options.device) as processes:
        checkpoint = load_checkpoint(options.run_folder, dataset, recipe, processes.size)
        if checkpoint:
            drafter, dtype = restore(checkpoint, options, target, dataset), checkpoint.product_dtype
            trainer = Trainer(drafter, target, dataset, recipe, processes, dtype or processes.product_dtype())
            trainer.resume(checkpoint)
        else:
            drafter, tokens_before = new_drafter(options, target, dataset, recipe)
            dtype = processes.product_dtype()
            trainer = Trainer(drafter, target, dataset, recipe, processes, dtype, tokens_before)
        trainer.run(
            RunOptions(
                folder=options.run_folder,
                budget=Budget(options.minutes, options.epochs),
                held_out=Dataset(options.held_out, options.layers) if options.held_out else None,
                checkpoint_interval=options.checkpoint_interval,
                evaluation_interval=options.evaluation_interval,
            )
        )


def run_evaluate(options: argparse.Namespace) -> dict:
    """Returns the report, after printing and storing it."""
    target = load_target(options.target)
    if options.drafter is not None:
        drafter, source = load_drafter_file(options.drafter, target)
    else:
        checkpoint = Checkpoint.load(options.run_folder)
        drafter, source = checkpoint.restore_drafter(target), checkpoint.source
    dataset = Dataset(options.data, source.tapped_layers)
    check_same_target("the drafter", source.target_identity, str(options.data[0]), dataset.source.target_identity)
    categories = read_categories(options.data)
    limits = {name: getattr(options, name) for name in ("min_path_probability", "min_extend_probability")}
    evaluation = EvaluationOptions(options.answers, TreeLimits(**limits), options.tree_shape)
    report = evaluate(drafter, dataset, categories, choose_device(options.device), evaluation)
    print(format_report(report), flush=True)
    if options.report is not None:
        write_text(options.report, json.dumps(report, indent=1) + "\n")
    return report


def run_curve(options: argparse.Namespace) -> None:
    print(format_curve(options.run_folder), flush=True)


def run_export(options: argparse.Namespace) -> None:
    checkpoint = Checkpoint.load(options.run_folder)
    export_options = ExportOptions(
        name=options.name or f"{checkpoint.source.target_name} drafter",
        weight_type=options.weight_type,
        embedding_weight_type=options.embedding_weight_type,
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
    for_evaluation = {"exclude": [], "packed": None, "self_prompts": 0, "limit": None, "greedy": True}
    run_generate(with_changes(options, prompts=held_out, output=work / "held-out", **for_evaluation))
    exclude = [*options.exclude, *held_out]
    run_generate(with_changes(options, prompts=prompts, output=work / "answers", exclude=exclude, greedy=False))
    paths = {"run_folder": work / "run", "data": [work / "answers"], "held_out": [work / "held-out"]}
    run_train(with_changes(options, **paths))
    report = work / "report.json"
    evaluation = with_changes(options, run_folder=work / "run", data=[work / "held-out"], drafter=None, report=report)
    run_evaluate(evaluation)
    run_export(with_changes(options, run_folder=work / "run", report=report))
    print(f"\nThe same with the weights of {options.out}:", flush=True)
    run_evaluate(with_changes(evaluation, drafter=options.out, report=work / "report-exported.json"))


def _default_layers(target: Target) -> tuple[int, ...]:
    """An early one, the middle, and the output of the last."""
    return tuple(sorted({target.layer_count // 10, target.layer_count // 2, target.layer_count}))


def _split_prompts(options: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Prompt files to train on and to evaluate on."""
    if options.held_out_prompts:
        return options.prompts, options.held_out_prompts
    if options.packed is not None:
        raise ChimeraTrainError("--packed needs --held-out-prompts: what the drafter learns from cannot be held out")
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


def with_changes(options: argparse.Namespace, **changes) -> argparse.Namespace:
    """Options of another command, made of these."""
    return argparse.Namespace(**vars(options) | changes)
