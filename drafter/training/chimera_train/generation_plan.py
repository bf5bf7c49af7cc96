"""How each prompt is to be answered: the file that a generator reads, one JSON object a line."""

import json
import random
from pathlib import Path

from chimera_train.atomic_file import write_text
from chimera_train.errors import ChimeraTrainError
from chimera_train.prompts import Prompt

FILE_NAME = "prompts.jsonl"
_SAMPLED_FRACTION = 0.25  # the rest is greedy
_SAMPLING = {"temperature": 0.7, "top_k": 50}


def plan_answers(prompts: list[Prompt], seed: int, greedy: bool = False) -> list[dict]:
    """The prompts in random order, three quarters of them to be answered greedily; all in order if `greedy`."""
    generator = random.Random(seed)
    order = list(prompts)
    if not greedy:
        generator.shuffle(order)
    lines = []
    for number, prompt in enumerate(order):
        line = {"prompt": prompt.text, "category": prompt.category, "source": prompt.source}
        if not greedy and generator.random() < _SAMPLED_FRACTION:
            line |= _SAMPLING | {"seed": seed + number}
        lines.append(line)
    return lines


def write_plan(lines: list[dict], folder: Path) -> Path:
    """Writes the plan into the folder of its shards, unless it is there. Raises if they are of another plan."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if path.exists():
        if path.read_text(encoding="utf-8") == text:
            return path
        if any(folder.glob("shard-*.safetensors")):
            raise ChimeraTrainError(
                f"{path}: the shards beside it answer other prompts, or with another seed; use another folder"
            )
    write_text(path, text)
    return path


def read_plan(folder: Path) -> list[dict]:
    """The lines of a folder's plan; none if it has no plan."""
    path = Path(folder) / FILE_NAME
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def read_categories(folders: list[Path]) -> dict[int, str]:
    """Prompt index -> category, of one folder; empty if it has no plan."""
    categories: dict[int, str] = {}
    for folder in folders:
        categories |= {index: line["category"] for index, line in enumerate(read_plan(folder))}
    return categories
