"""The chat template of a model: a GGUF file, or a Hugging Face folder."""

import dataclasses
import json
from pathlib import Path

import gguf
import jinja2.sandbox

from chimera_train.errors import ChimeraTrainError
from chimera_train.json_file import read_json

_MARK = "<<user message>>"
_NAMES = ("bos", "eos")


@dataclasses.dataclass(frozen=True)
class _Template:
    source: str  # Jinja; empty if the model has none
    special_tokens: dict[str, str]  # "bos_token" and "eos_token"; empty where the model names none


def text_before_user_message(path: Path) -> str:
    """What the template puts before a first user message, special tokens as text."""
    template = _read_folder(path) if path.is_dir() else _read_gguf(path)
    if not template.source:
        raise ChimeraTrainError(f"{path}: has no chat template, so the model cannot write user messages")
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = json.dumps
    values = {"messages": [{"role": "user", "content": _MARK}], "add_generation_prompt": True}
    try:
        text = environment.from_string(template.source).render(**values, **template.special_tokens)
    except jinja2.TemplateError as error:
        raise ChimeraTrainError(f"{path}: chat template: {error}") from error
    return text.split(_MARK)[0]


def _read_gguf(path: Path) -> _Template:
    reader = gguf.GGUFReader(path)

    def field(key: str):
        value = reader.get_field(key)
        return None if value is None else value.contents()

    tokens = field("tokenizer.ggml.tokens") or []
    special = {}
    for name in _NAMES:
        token_id = field(f"tokenizer.ggml.{name}_token_id")
        special[f"{name}_token"] = "" if token_id is None else tokens[token_id]
    return _Template(field("tokenizer.chat_template") or "", special)


def _read_folder(path: Path) -> _Template:
    """As common/model/vocabulary_hugging_face.h says."""
    config_path, jinja_path = path / "tokenizer_config.json", path / "chat_template.jinja"
    config = read_json(config_path) if config_path.is_file() else {}
    source = config.get("chat_template")
    if source is None and jinja_path.is_file():
        source = jinja_path.read_text(encoding="utf-8")
    if isinstance(source, list):
        source = {template["name"]: template["template"] for template in source}.get("default")
    special = {}
    for name in _NAMES:
        token = config.get(f"{name}_token") or ""
        special[f"{name}_token"] = token["content"] if isinstance(token, dict) else token
    return _Template(source or "", special)
