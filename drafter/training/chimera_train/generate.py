"""Generation of training data: the target answers prompts."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

from chimera_train.answers import Header, digest, read_answers
from chimera_train.chat_template import text_before_user_message
from chimera_train.dataset import Dataset
from chimera_train.errors import ChimeraTrainError
from chimera_train.generation_plan import plan_answers, write_plan
from chimera_train.prompts import Prompt, read_prompts, refuse_held_out, without_duplicates
from chimera_train.self_prompts import plan_self_prompts, read_self_prompts

_TOO_LONG = re.compile(r", (\d+) left out as too long,")  # in the last line of the generator


@dataclasses.dataclass(frozen=True)
class GenerateOptions:
    target: Path  # GGUF file or Hugging Face folder
    prompts: list[Path] | None  # None where `packed` is given
    output: Path  # folder of the shards
    tapped_layers: tuple[int, ...]
    packed: Path | None = None  # a file of write_answers(), whose states are computed again
    exclude: list[Path] = dataclasses.field(default_factory=list)  # prompt files that are held out
    self_prompts: int = 0  # messages that the model writes itself
    limit: int | None = None  # prompts answered
    greedy: bool = False  # all of them, in order: for evaluation
    max_tokens: int = 256  # of an answer
    max_length: int = 512  # of a prompt and its answer together; what is longer is cut or left out
    generation_batch: int = 64  # sequences decoded together
    plan_seed: int = 1
    generator: Path = Path("build/release/bin/chimera-generate")


def generate(options: GenerateOptions) -> None:
    """Answers the prompts into shards. Shards that are there are kept, and their prompts not answered again."""
    if options.packed is not None:
        dataset = _recompute(options)
    else:
        lines = _plan(options)
        print(f"{len(lines)} prompts to answer, {sum('temperature' in line for line in lines)} sampled", flush=True)
        _answer(options, write_plan(lines, options.output), options.tapped_layers)
        dataset = Dataset([options.output])
    print(f"{len(dataset)} answers, {dataset.response_token_count()} tokens in {options.output}", flush=True)


def _plan(options: GenerateOptions) -> list[dict]:
    held_out = read_prompts(options.exclude)
    prompts = without_duplicates(read_prompts(options.prompts))
    refuse_held_out(prompts, held_out)
    if options.self_prompts:
        prompts += _self_prompts(options, prompts + held_out)
    return plan_answers(prompts, options.plan_seed, options.greedy)[: options.limit]


def _recompute(options: GenerateOptions) -> Dataset:
    """Lets the target read answers that it gave before, for their hidden states."""
    if options.self_prompts:
        raise ChimeraTrainError("--self-prompts goes with --prompts: --packed has its prompts")
    answers = read_answers(options.packed)
    refuse_held_out(answers.prompts(options.packed), read_prompts(options.exclude))
    lines = answers.lines[: options.limit]
    print(f"{len(lines)} answers of {answers.header.target_name} to read again", flush=True)
    plan = write_plan(lines, options.output)
    n_too_long = _answer(options, plan, options.tapped_layers, f"--target_identity={answers.header.target_identity}")
    dataset = Dataset([options.output])
    _check_same_weights(answers.header, dataset, options)
    _check_count(len(lines), len(dataset), n_too_long, options)
    if len(dataset) == answers.header.answers and digest(dataset) != answers.header.token_ids_sha256:
        raise ChimeraTrainError(
            f"{options.packed}: token_ids_sha256 is not that of {options.output}: prompts were encoded otherwise "
            "when they were answered"
        )
    return dataset


def _check_same_weights(header: Header, dataset: Dataset, options: GenerateOptions) -> None:
    weights = dataset.source.target_weights
    if weights != header.target_weights:
        raise ChimeraTrainError(
            f"{options.packed}: target_weights is {header.target_weights}, but {weights} in {options.output}: "
            f"{options.target} has not the weights that answered"
        )


def _check_count(n_wanted: int, n_found: int, n_too_long: int, options: GenerateOptions) -> None:
    n_missing = n_wanted - n_found
    if n_missing > n_too_long:
        raise ChimeraTrainError(
            f"{options.output}: has {n_found} answers, but {n_wanted} of {options.packed} were to be read again, and "
            f"{n_too_long} of them are too long"
        )
    if n_missing:
        print(f"{n_missing} answers are left out as too long, so that token_ids_sha256 is not checked", flush=True)


def _self_prompts(options: GenerateOptions, taken: list[Prompt]) -> list[Prompt]:
    folder = options.output / "self-prompts"
    lines = plan_self_prompts(options.self_prompts, text_before_user_message(options.target), options.plan_seed)
    _answer(options, write_plan(lines, folder), ())
    prompts = read_self_prompts(folder, taken, options.self_prompts)
    print(f"{len(prompts)} usable user messages written by the model", flush=True)
    return prompts


def _answer(options: GenerateOptions, plan: Path, tapped_layers: tuple[int, ...], *more_flags: str) -> int:
    """Returns how many prompts were left out as too long."""
    command = [
        str(options.generator),
        f"--model={options.target}",
        f"--prompts={plan}",
        f"--output={plan.parent}",
        f"--tapped_layers={','.join(str(layer) for layer in tapped_layers)}",
        f"--max_tokens={options.max_tokens}",
        f"--max_length={options.max_length}",
        f"--batch={options.generation_batch}",
        *more_flags,
    ]
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ChimeraTrainError(f"{options.generator}: cannot be run: {error}; build it, or name it") from error
    n_too_long = 0
    with process:
        for line in process.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            if found := _TOO_LONG.search(line):
                n_too_long = int(found[1])
    if process.returncode != 0:
        raise ChimeraTrainError(
            f"{options.generator} failed with status {process.returncode}; run this again to go on"
        )
    return n_too_long
