"""Prompt files: JSON lines with "prompt" or "turns", a category and a source; plain, .gz or .xz."""

import dataclasses
import gzip
import json
import lzma
from pathlib import Path
from typing import TextIO

from chimera_train.atomic_file import write_text
from chimera_train.errors import ChimeraTrainError

_MAX_EXAMPLES = 3  # named in an error


@dataclasses.dataclass(frozen=True)
class Prompt:
    text: str  # the user's message
    category: str
    source: str  # with its licence
    origin: str  # file and line, for messages


def read_prompts(paths: list[Path]) -> list[Prompt]:
    """The first user message of every line."""
    return [prompt for path in paths for prompt in _read_file(Path(path))]


def without_duplicates(prompts: list[Prompt]) -> list[Prompt]:
    """Keeps the first of equal prompts."""
    first = {}
    for prompt in prompts:
        first.setdefault(normalized(prompt.text), prompt)
    return list(first.values())


def refuse_held_out(prompts: list[Prompt], held_out: list[Prompt]) -> None:
    """Raises if a prompt equals a held-out one, apart from case and white space."""
    forbidden = {normalized(prompt.text): prompt for prompt in held_out}
    pairs = [(prompt, forbidden.get(normalized(prompt.text))) for prompt in prompts]
    clashes = [(prompt, other) for prompt, other in pairs if other is not None]
    if clashes:
        examples = ", ".join(f"{prompt.origin} equals {other.origin}" for prompt, other in clashes[:_MAX_EXAMPLES])
        raise ChimeraTrainError(f"{len(clashes)} prompts are held out and must not be trained on: {examples}")


def write_prompts(prompts: list[Prompt], path: Path) -> None:
    """Writes a prompt file."""
    lines = [{"category": prompt.category, "source": prompt.source, "prompt": prompt.text} for prompt in prompts]
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def normalized(text: str) -> str:
    """What is compared: case and white space do not count."""
    return " ".join(text.casefold().split())


def _read_file(path: Path) -> list[Prompt]:
    prompts = []
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                prompts.append(_parse(line, f"{path}:{number}"))
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise ChimeraTrainError(f"{path}: cannot be read: {error}") from error
    return prompts


def _open(path: Path) -> TextIO:
    openers = {".gz": gzip.open, ".xz": lzma.open}
    return openers.get(path.suffix, open)(path, "rt", encoding="utf-8")


def _parse(line: str, origin: str) -> Prompt:
    try:
        values = json.loads(line)
        text = values["prompt"] if "prompt" in values else values["turns"][0]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ChimeraTrainError(f'{origin}: must be a JSON object with "prompt" or "turns"') from error
    if not isinstance(text, str) or not text.strip():
        raise ChimeraTrainError(f"{origin}: the prompt must be a text that is not empty")
    return Prompt(text, values.get("category", "other"), values.get("source", ""), origin)
