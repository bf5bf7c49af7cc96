"""Trains and measures the configurations of an ablation, one after the other."""

import argparse
import dataclasses
import json
from pathlib import Path

from chimera_train import commands
from chimera_train.ablations import Configuration, configurations, format_results
from chimera_train.atomic_file import write_text
from chimera_train.checkpoint import Checkpoint
from chimera_train.dataset import Dataset
from chimera_train.errors import ChimeraTrainError
from chimera_train.json_file import read_json
from chimera_train.recipe import Budget, Recipe
from chimera_train.serving import measure_served
from chimera_train.target import load_target

_REPORTED = ("chain_tau", "levels", "tree_tau")
# Options that a result depends on, besides its data.
_OPTIONS = (
    *(field.name for field in (*dataclasses.fields(Budget), *dataclasses.fields(Recipe))),
    *("layers", "draft_vocab_size", "trigram_hidden_size", "ffn_size", "context_window", "depth_heads"),
    *("trigram_encoder", "residual_head", "answers", "min_path_probability", "min_extend_probability"),
    *("weight_type", "embedding_weight_type", "with_embeddings"),
)
_DATA = ("data", "held_out")


def run_ablate(options: argparse.Namespace) -> None:
    """Prints the table, which grows with each configuration. What is done is kept in the work folder and not done
    again; a configuration that was cut off goes on."""
    if (options.binaries is None) != (options.bench_prompts is None):
        raise ChimeraTrainError("--binaries and --bench-prompts go together: what is served, and for which prompts")
    if options.initial_run is not None or options.initial_drafter is not None:
        raise ChimeraTrainError("ablate begins with random weights: it takes no --initial-run or --initial-drafter")
    data = _describe_data(options)
    results = []
    for configuration in _chosen(options):
        print(f"\n{configuration.text}:", flush=True)
        results.append(_result(configuration, data, options))
        text = format_results(results)
        print(f"\n{text}", flush=True)
        write_text(options.table, text + "\n")


def _chosen(options: argparse.Namespace) -> list[Configuration]:
    everything = configurations(load_target(options.target))
    names = [configuration.name for configuration in everything]
    for name in options.only or []:
        if name not in names:
            raise ChimeraTrainError(f'--only has "{name}", must be of {", ".join(names)}')
    return [configuration for configuration in everything if not options.only or configuration.name in options.only]


def _describe_data(options: argparse.Namespace) -> dict:
    """The target, and where data lie and how much they are."""
    described = {"target": str(options.target.resolve())}
    for name in _DATA:
        folders = getattr(options, name)
        described[name] = [str(folder.resolve()) for folder in folders]
        described[f"{name}_tokens"] = Dataset(folders).response_token_count()
    return described


def _result(configuration: Configuration, data: dict, options: argparse.Namespace) -> dict:
    """That of an earlier call, if it was one with the same options, else a new one."""
    folder = options.work / configuration.name
    path = folder / "result.json"
    changed = commands.with_changes(options, **configuration.changes)
    # As JSON holds them: lists for tuples.
    used = json.loads(json.dumps({name: getattr(changed, name) for name in _OPTIONS} | data))
    if path.exists():
        result = read_json(path)
        _check_options(path, result.get("options", {}), used)
    else:
        result = _train(configuration, folder, options) | {"options": used}
        _write(path, result)
    bench = {"prompts": str(options.bench_prompts), "tokens": options.bench_tokens, "rounds": options.bench_rounds}
    if options.binaries is not None and result.get("bench") != bench:
        result["served"] = measure_served(
            node=options.binaries / "chimera-node",
            client=options.binaries / "chimera",
            target=options.target,
            drafter=folder / "drafter.safetensors",
            prompts=options.bench_prompts,
            max_tokens=options.bench_tokens,
            rounds=options.bench_rounds,
        )
        result["bench"] = bench
        _write(path, result)
    return result


def _check_options(path: Path, old: dict, new: dict) -> None:
    for name, value in new.items():
        if name not in old:
            raise ChimeraTrainError(f"{path} does not say of which {name} it is: use another --work folder")
        if old[name] != value:
            raise ChimeraTrainError(f"{path} is of {name} {old[name]}, not {value}: use another --work folder")


def _write(path: Path, result: dict) -> None:
    write_text(path, json.dumps(result, indent=1) + "\n")


def _train(configuration: Configuration, folder: Path, options: argparse.Namespace) -> dict:
    """Trains, exports and evaluates what was exported."""
    run, file = folder / "run", folder / "drafter.safetensors"
    commands.run_train(commands.with_changes(options, run_folder=run, **configuration.changes))
    commands.run_export(commands.with_changes(options, run_folder=run, report=None, out=file))
    evaluation = {"data": options.held_out, "drafter": file, "report": folder / "report.json"}
    report = commands.run_evaluate(commands.with_changes(options, **evaluation))
    checkpoint = Checkpoint.load(run)
    progress = checkpoint.progress
    return {
        "text": configuration.text,
        "parameters": sum(tensor.numel() for tensor in checkpoint.drafter.values() if tensor.is_floating_point()),
        "megabytes": file.stat().st_size / 1e6,
        "tokens_per_second": progress.response_tokens / progress.seconds,
        "minutes": progress.seconds / 60,
        "report": {name: report[name] for name in _REPORTED},
        "served": None,
    }
