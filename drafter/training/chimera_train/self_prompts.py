"""Self-prompting: a chat model writes user messages itself (Magpie, arXiv 2406.08464)."""

import json
from pathlib import Path

from chimera_train.dataset import Dataset, Shard
from chimera_train.errors import ChimeraTrainError
from chimera_train.prompts import Prompt, normalized

_MAX_TOKENS = 96  # of a message
_SURPLUS = 1.5  # messages written for each that is wanted: not all can be used
_MIN_CHARACTERS, _MAX_CHARACTERS = 12, 400
_SAMPLING = {"temperature": 1.0, "top_p": 0.98}
_SOURCE = "written by the target model"


def plan_self_prompts(count: int, text_before: str, seed: int) -> list[dict]:
    """Lines for a generator, each of which asks for one user message after `text_before`."""
    line = {"raw": text_before, "category": "self", "source": _SOURCE, "max_tokens": _MAX_TOKENS} | _SAMPLING
    return [line | {"seed": seed + number} for number in range(int(count * _SURPLUS))]


def read_self_prompts(folder: Path, taken: list[Prompt], count: int) -> list[Prompt]:
    """At most `count` usable messages of the shards in `folder`: complete, of sensible length, none equal to another
    or to one of `taken`."""
    seen = {normalized(prompt.text) for prompt in taken}
    found = []
    messages = {index: text for shard in Dataset([folder]).shards for index, text in _complete_messages(shard)}
    for index in sorted(messages):
        text = messages[index].strip()
        if _is_usable(text) and normalized(text) not in seen:
            seen.add(normalized(text))
            found.append(Prompt(text, "self", _SOURCE, f"{folder}:{index + 1}"))
    return found[:count]


def _complete_messages(shard: Shard) -> list[tuple[int, str]]:
    """Prompt indices and texts. The generator leaves the texts of a shard in a JSON lines file beside it."""
    path = shard.path.with_suffix(".jsonl")
    lengths = {int(index): len(shard.response_tokens(number)) for number, index in enumerate(shard.prompt_index)}
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [
            (line["prompt_index"], line["response"]) for line in lines if lengths[line["prompt_index"]] < _MAX_TOKENS
        ]
    except (OSError, ValueError, KeyError) as error:
        raise ChimeraTrainError(f"{path}: cannot be read: {error}") from error


def _is_usable(text: str) -> bool:
    return _MIN_CHARACTERS <= len(text) <= _MAX_CHARACTERS and "\N{REPLACEMENT CHARACTER}" not in text
