"""The chat template of a GGUF file."""

import json
from pathlib import Path

import gguf
import jinja2.sandbox

from chimera_train.errors import ChimeraTrainError

_MARK = "<<user message>>"


def text_before_user_message(path: Path) -> str:
    """What the template puts before a first user message, special tokens as text."""
    reader = gguf.GGUFReader(path)

    def field(key: str):
        value = reader.get_field(key)
        return None if value is None else value.contents()

    template = field("tokenizer.chat_template")
    if not template:
        raise ChimeraTrainError(f"{path}: has no chat template, so the model cannot write user messages")
    tokens = field("tokenizer.ggml.tokens") or []
    special = {}
    for name in ("bos", "eos"):
        token_id = field(f"tokenizer.ggml.{name}_token_id")
        special[f"{name}_token"] = "" if token_id is None else tokens[token_id]
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = json.dumps
    messages = [{"role": "user", "content": _MARK}]
    try:
        text = environment.from_string(template).render(messages=messages, add_generation_prompt=True, **special)
    except jinja2.TemplateError as error:
        raise ChimeraTrainError(f"{path}: chat template: {error}") from error
    return text.split(_MARK)[0]
