"""Trains and measures the configurations of an ablation, one after the other."""

import argparse
import json
from pathlib import Path

from chimera_train import commands
from chimera_train.ablations import Configuration, configurations, format_results
from chimera_train.checkpoint import Checkpoint
from chimera_train.errors import ChimeraTrainError
from chimera_train.serving import measure_served
from chimera_train.target import load_target

_REPORTED = ("chain_tau", "levels", "tree_tau")


def run_ablate(options: argparse.Namespace) -> None:
    """Prints the table, which grows with each configuration. What is done is kept in the work folder and not done
    again; a configuration that was cut off goes on."""
    if (options.binaries is None) != (options.bench_prompts is None):
        raise ChimeraTrainError("--binaries and --bench-prompts go together: what is served, and for which prompts")
    results = []
    for configuration in _chosen(options):
        print(f"\n{configuration.text}:", flush=True)
        results.append(_result(configuration, options))
        text = format_results(results)
        print(f"\n{text}", flush=True)
        options.table.write_text(text + "\n", encoding="utf-8")


def _chosen(options: argparse.Namespace) -> list[Configuration]:
    everything = configurations(load_target(options.target))
    names = [configuration.name for configuration in everything]
    for name in options.only or []:
        if name not in names:
            raise ChimeraTrainError(f'--only has "{name}", must be of {", ".join(names)}')
    return [configuration for configuration in everything if not options.only or configuration.name in options.only]


def _result(configuration: Configuration, options: argparse.Namespace) -> dict:
    folder = options.work / configuration.name
    path = folder / "result.json"
    result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else _train(configuration, folder, options)
    if result["served"] is None and options.binaries is not None:
        result["served"] = measure_served(
            node=options.binaries / "chimera-node",
            client=options.binaries / "chimera",
            target=options.target,
            drafter=folder / "drafter.safetensors",
            prompts=options.bench_prompts,
            max_tokens=options.bench_tokens,
        )
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _train(configuration: Configuration, folder: Path, options: argparse.Namespace) -> dict:
    """Trains, exports and evaluates what was exported."""
    run, file = folder / "run", folder / "drafter.safetensors"
    own = {"run_folder": run, "initial_run": None, "initial_drafter": None} | configuration.changes
    commands.run_train(commands.with_changes(options, **own))
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
