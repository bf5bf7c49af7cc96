"""Answers without their hidden states: a small file, from which the target computes the states again.

JSON lines in xz. The first names the target and what all the others hold; each of these has a "prompt", its "category"
and "source", the "response_ids" of the answer, and the "temperature" of a sampled one.
"""

import dataclasses
import hashlib
import json
import lzma
from collections.abc import Iterator
from pathlib import Path

from chimera_train.atomic_file import replacing
from chimera_train.dataset import Dataset
from chimera_train.errors import ChimeraTrainError
from chimera_train.generation_plan import FILE_NAME, read_plan
from chimera_train.prompts import Prompt

FORMAT = "chimera-answers-1"
_PRESET = 9 | lzma.PRESET_EXTREME
_KEPT = ("prompt", "category", "source", "temperature")


@dataclasses.dataclass(frozen=True)
class Header:
    target_identity: str
    target_weights: str
    target_name: str
    answers: int
    response_tokens: int
    token_ids_sha256: str  # see digest()
    format: str = FORMAT


@dataclasses.dataclass(frozen=True)
class Answers:
    """A file of answers. `lines` are as a generator takes them."""

    header: Header
    lines: list[dict]

    def prompts(self, path: Path) -> list[Prompt]:
        """Their prompts, to be compared with those held out; `path` is for messages."""
        return [
            Prompt(line["prompt"], line["category"], line["source"], f"{path}:{number}")
            for number, line in enumerate(self.lines, start=2)
        ]


def write_answers(folders: list[Path], path: Path) -> Header:
    """Writes the answers of all shards of some folders to `path`, in one step and in the order of Dataset."""
    dataset = Dataset(folders)
    header = Header(
        target_identity=dataset.source.target_identity,
        target_weights=dataset.source.target_weights,
        target_name=dataset.source.target_name,
        answers=len(dataset),
        response_tokens=dataset.response_token_count(),
        token_ids_sha256=digest(dataset),
    )
    with replacing(path) as temporary, lzma.open(temporary, "wt", preset=_PRESET, encoding="utf-8") as file:
        file.write(_dump(dataclasses.asdict(header)))
        for line in _answered_lines(dataset):
            file.write(_dump(line))
    return header


def read_answers(path: Path) -> Answers:
    """Reads what write_answers() wrote."""
    try:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            first, *lines = [json.loads(line) for line in file]
        if first.get("format") != FORMAT:
            raise ChimeraTrainError(f'{path}: format is "{first.get("format", "")}", must be "{FORMAT}"')
        header = Header(**{field.name: first[field.name] for field in dataclasses.fields(Header)})
        for line in lines:
            line["prompt"], line["category"], line["source"], line["response_ids"]
    except (OSError, EOFError, lzma.LZMAError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChimeraTrainError(f"{path}: not a readable file of answers: {error!r}") from error
    if len(lines) != header.answers:
        raise ChimeraTrainError(f"{path}: has {len(lines)} answers, but answers is {header.answers}")
    return Answers(header, lines)


def digest(dataset: Dataset) -> str:
    """SHA-256 of all tokens of a data set, as int32, sequence after sequence: prompts as encoded, and answers."""
    hashed = hashlib.sha256()
    for shard in dataset.shards:
        hashed.update(shard.token_ids.numpy().astype("<i4").tobytes())
    return hashed.hexdigest()


def _answered_lines(dataset: Dataset) -> Iterator[dict]:
    plans: dict[Path, list[dict]] = {}
    for shard in dataset.shards:
        folder = shard.path.parent
        if folder not in plans:
            plans[folder] = read_plan(folder)
        for number, index in enumerate(shard.prompt_index.tolist()):
            if index >= len(plans[folder]) or "prompt" not in plans[folder][index]:
                raise ChimeraTrainError(f"{folder / FILE_NAME}: has no prompt {index}, which {shard.path} answers")
            kept = {key: value for key, value in plans[folder][index].items() if key in _KEPT}
            yield kept | {"response_ids": shard.response_tokens(number).tolist()}


def _dump(line: dict) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
