"""Generation of training data: the target answers prompts."""

import dataclasses
import subprocess
from pathlib import Path

from chimera_train.answers import digest, read_answers
from chimera_train.chat_template import text_before_user_message
from chimera_train.dataset import Dataset
from chimera_train.errors import ChimeraTrainError
from chimera_train.generation_plan import plan_answers, write_plan
from chimera_train.prompts import Prompt, read_prompts, refuse_held_out, without_duplicates
from chimera_train.self_prompts import plan_self_prompts, read_self_prompts


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
    _answer(options, plan, options.tapped_layers, f"--target_identity={answers.header.target_identity}")
    dataset = Dataset([options.output])
    if len(dataset) == answers.header.answers and digest(dataset) != answers.header.token_ids_sha256:
        raise ChimeraTrainError(
            f"{options.packed}: token_ids_sha256 is not that of {options.output}: prompts were encoded otherwise "
            "when they were answered"
        )
    return dataset


def _self_prompts(options: GenerateOptions, taken: list[Prompt]) -> list[Prompt]:
    folder = options.output / "self-prompts"
    lines = plan_self_prompts(options.self_prompts, text_before_user_message(options.target), options.plan_seed)
    _answer(options, write_plan(lines, folder), ())
    prompts = read_self_prompts(folder, taken, options.self_prompts)
    print(f"{len(prompts)} usable user messages written by the model", flush=True)
    return prompts


def _answer(options: GenerateOptions, plan: Path, tapped_layers: tuple[int, ...], *more_flags: str) -> None:
    command = [
        str(options.generator),
        f"--model={options.target}",
        f"--prompts={plan}",
        f"--output={plan.parent}",
        f"--tapped_layers={','.join(str(layer) for layer in tapped_layers)}",
        f"--max_tokens={options.max_tokens}",
        f"--batch={options.generation_batch}",
        *more_flags,
    ]
    try:
        status = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise ChimeraTrainError(f"{options.generator}: cannot be run: {error}; build it, or name it") from error
    if status != 0:
        raise ChimeraTrainError(f"{options.generator} failed with status {status}; run this again to go on")
