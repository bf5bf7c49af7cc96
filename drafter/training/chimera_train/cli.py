"""Command line of chimera-train."""

import argparse
import dataclasses
import sys
from pathlib import Path

import torch

from chimera_train import commands
from chimera_train.ablation_run import run_ablate
from chimera_train.draft_tree import TreeLimits
from chimera_train.errors import ChimeraTrainError
from chimera_train.exporter import WEIGHT_TYPES
from chimera_train.generate import GenerateOptions
from chimera_train.level_statistics import TOP
from chimera_train.recipe import Recipe
from chimera_train.trainer import RunOptions

_GENERATOR = Path("build/release/bin/chimera-generate")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. Returns the exit status."""
    options = new_parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        options.command(options)
    except ChimeraTrainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint or shard", file=sys.stderr)
        return 130
    return 0


def new_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chimera-train", description=__doc__)
    commands_parser = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run, text: str, needs_target: bool = True) -> argparse.ArgumentParser:
        command = commands_parser.add_parser(name, help=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        command.set_defaults(command=run)
        if needs_target:
            command.add_argument("--target", type=Path, required=True, help="GGUF file or Hugging Face folder")
        command.add_argument("--threads", type=int, default=0, help="of PyTorch; 0: its own choice")
        command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="that computes")
        return command

    command = add("generate", commands.run_generate, "let the target answer prompts")
    command.add_argument("--output", type=Path, required=True, help="folder of the shards")
    command.add_argument("--greedy", action="store_true", help="all answers greedy and in order, to evaluate on")
    _add_generation(command)

    command = add("pack", commands.run_pack, "keep the answers of shards without their states", needs_target=False)
    command.add_argument("--data", type=Path, nargs="+", required=True, help="folders of shards")
    command.add_argument("--out", type=Path, required=True, help="file of answers, such as answers.jsonl.xz")

    command = add("train", commands.run_train, "train a drafter, or go on")
    command.add_argument("--data", type=Path, nargs="+", required=True, help="folders of shards")
    command.add_argument("--held-out", type=Path, nargs="+", default=[], help="shards to watch acceptance on")
    _add_run(command)
    _add_training(command)

    command = add("evaluate", commands.run_evaluate, "measure acceptance on held-out answers")
    command.add_argument("--data", type=Path, nargs="+", required=True, help="folders of shards")
    drafter = command.add_mutually_exclusive_group(required=True)
    _add_run(drafter, required=False)
    drafter.add_argument("--drafter", type=Path, help="an exported file")
    command.add_argument("--report", type=Path, help="JSON file for all figures")
    _add_evaluation(command)

    command = add("curve", commands.run_curve, "print acceptance over training tokens and time", needs_target=False)
    _add_run(command)

    command = add("export", commands.run_export, "write the drafter file")
    _add_run(command)
    command.add_argument("--report", type=Path, help="of evaluate, whose tau goes into the metadata")
    _add_export(command)

    command = add("ablate", run_ablate, "train drafters that differ in one thing, and compare them")
    command.add_argument("--data", type=Path, nargs="+", required=True, help="folders of shards")
    command.add_argument("--held-out", type=Path, nargs="+", required=True, help="shards to evaluate on")
    command.add_argument("--work", type=Path, required=True, help="folder of the runs")
    command.add_argument("--only", type=lambda text: text.split(","), help="configurations, such as full,paper,adamw")
    command.add_argument("--table", type=Path, default=Path("ablations.md"), help="Markdown file of the result")
    command.add_argument("--binaries", type=Path, help="folder of chimera and chimera-node, to measure tokens/s served")
    command.add_argument("--bench-prompts", type=Path, help="prompt file for that")
    command.add_argument("--bench-tokens", type=int, default=160, help="tokens of an answer")
    command.add_argument("--bench-rounds", type=int, default=3, help="times that all prompts are answered in each mode")
    _add_training(command)
    _add_evaluation(command)
    _add_weights(command)

    command = add("all", commands.run_all, "generate, train, evaluate and export")
    command.add_argument("--work", type=Path, default=Path("chimera-train"), help="folder for all that lies between")
    command.add_argument("--held-out-prompts", type=Path, nargs="+", default=[],
                         help="prompt files to evaluate on; without any, every 50th prompt")
    _add_generation(command)
    _add_training(command)
    _add_evaluation(command)
    _add_export(command)
    return parser


def _add_run(parser, required: bool = True) -> None:
    parser.add_argument("--run-dir", dest="run_folder", type=Path, help="folder of a training run",
                        **({"required": True} if required else {}))


def _add_generation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("generation")
    given = group.add_mutually_exclusive_group(required=True)
    given.add_argument("--prompts", type=Path, nargs="+", help="JSON lines; may be .gz or .xz")
    given.add_argument("--packed", type=Path, help="file of pack: the target reads them again, for its states")
    group.add_argument("--exclude", type=Path, nargs="+", action="extend", default=[],
                       help="prompt files that must not be trained on")
    group.add_argument("--self-prompts", type=int, default=0, help="user messages that the model writes itself")
    group.add_argument("--tapped-layers", type=_layers, help="such as 3,15,30; default: a tenth, half and all")
    group.add_argument("--limit", type=int, help="prompts answered")
    group.add_argument("--max-tokens", type=int, default=256, help="of an answer")
    group.add_argument("--max-length", type=int, default=GenerateOptions.max_length,
                       help="tokens of a prompt and its answer: a longer answer is cut, a longer prompt left out")
    group.add_argument("--generation-batch", type=int, default=64, help="sequences decoded together")
    group.add_argument("--plan-seed", type=int, default=1, help="of the order of prompts and of sampling")
    group.add_argument("--generator", type=Path, default=_GENERATOR, help="the program that answers")


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("budget")
    budget = group.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="of training")
    budget.add_argument("--epochs", type=float, help="over the data; gives the same curve every time")
    initial = group.add_mutually_exclusive_group()
    initial.add_argument("--initial-run", type=Path, help="finished run whose weights a new run starts from")
    initial.add_argument("--initial-drafter", type=Path, help="exported file whose weights a new run starts from")
    group.add_argument("--checkpoint-interval", type=int, default=RunOptions.checkpoint_interval, help="steps")
    group.add_argument("--evaluation-interval", type=int, default=RunOptions.evaluation_interval,
                       help="steps; what is held out is evaluated at the end besides")

    group = parser.add_argument_group("drafter")
    group.add_argument("--layers", type=_layers, help="tapped layers that it reads; default: all that the data hold")
    group.add_argument("--draft-vocab-size", type=int, default=12288, help="tokens that can be drafted")
    group.add_argument("--trigram-hidden-size", type=int, help="default: twice the target's hidden size")
    group.add_argument("--ffn-size", type=int, help="default: 8/3 of the target's hidden size")
    group.add_argument("--context-window", type=int, default=512, help="positions that attention reaches back")
    group.add_argument("--depth-heads", type=int, default=1, help="1: roll-out form; more: the paper's form")
    group.add_argument("--trigram-encoder", action=argparse.BooleanOptionalAction, default=True,
                       help="three tokens at each position, or one")
    group.add_argument("--residual-head", action=argparse.BooleanOptionalAction, default=True,
                       help="shortcut from the last true state to the head")

    group = parser.add_argument_group("recipe")
    for field in dataclasses.fields(Recipe):
        group.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default,
                           help=field.metadata["help"])


def _add_evaluation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--answers", type=int, help="held-out answers that are used; default: all")
    parser.add_argument("--min-path-probability", type=float, default=TreeLimits.min_path_probability,
                        help="of a node of a tree; 0 shows what larger trees would bring")
    parser.add_argument("--min-extend-probability", type=float, default=TreeLimits.min_extend_probability,
                        help="of a node that gets children")
    parser.add_argument("--tree-shape", type=_shape, default=(),
                        help="also of such trees: 4,2,1 has 4 children of the root, 2 of each, 1 of each of those")


def _add_export(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("export")
    group.add_argument("--out", type=Path, required=True, help="drafter file")
    _add_weights(group)


def _add_weights(group) -> None:
    group.add_argument("--name", help="of the drafter; default: from the target's")
    group.add_argument("--weight-type", choices=WEIGHT_TYPES, default="Q8_0", help="of the matrices but the next")
    group.add_argument("--embedding-weight-type", choices=WEIGHT_TYPES, default="Q8_0",
                       help="of the draft vocabulary's output embedding, the largest matrix")
    group.add_argument("--with-embeddings", action="store_true",
                       help="also the target's embedding rows, in bf16, for other readers: serving takes them from the "
                       "target's file")


def _layers(text: str) -> tuple[int, ...]:
    return tuple(int(layer) for layer in text.split(","))


def _shape(text: str) -> tuple[int, ...]:
    """Children of each node, by its depth: of as many as an evaluation ranks."""
    shape = tuple(int(width) for width in text.split(","))
    if not all(1 <= width <= max(TOP) for width in shape):
        raise ValueError(f"{text} must be numbers in [1, {max(TOP)}]")
    return shape


if __name__ == "__main__":
    sys.exit(main())
