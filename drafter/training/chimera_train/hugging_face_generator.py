"""Answers prompts with a Hugging Face model, in PyTorch."""

import hashlib
import json
import time
from pathlib import Path

import torch
import transformers

from chimera_train.batch import Sequence
from chimera_train.dataset import Shard, Source
from chimera_train.errors import ChimeraTrainError
from chimera_train.shard_writer import write_shard

_ANSWERS_PER_SHARD = 512


def answer(model_path: Path, plan: Path, tapped_layers: tuple[int, ...], max_tokens: int, batch_size: int) -> None:
    """Answers the lines of `plan` into shards beside it, batches of equally sampled prompts at a time."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_path, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = transformers.AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.bfloat16).eval()
    tap = _Tap(model, tapped_layers)
    source = _source(model_path, model, tapped_layers)
    todo = _open_lines(plan)
    n_shards = len(_shards(plan.parent))
    started, n_tokens = time.monotonic(), 0
    for first in range(0, len(todo), _ANSWERS_PER_SHARD):
        chunk = todo[first : first + _ANSWERS_PER_SHARD]
        chunk.sort(key=lambda item: (item[1].get("temperature", 0.0), len(item[1]["prompt"])))
        sequences, temperatures = [], []
        for batch in _equal_batches(chunk, batch_size):
            for number, token_ids, start in _generate(model, tokenizer, batch, max_tokens):
                states = tap.states(token_ids)
                sequences.append(Sequence(token_ids, states, start, number, ""))
                temperatures.append(batch[0][1].get("temperature", 0.0))
                n_tokens += len(token_ids) - start
            done = first + len(sequences)
            seconds = time.monotonic() - started
            left = seconds / done * (len(todo) - done)
            speed = f"{n_tokens / seconds:.0f} tokens/s"
            print(f"{done}/{len(todo)} answers, {speed}, {left / 60:.0f} min left", flush=True)
        write_shard(
            plan.parent / f"shard-{n_shards:05d}.safetensors", sequences, temperatures, source, "transformers-bf16"
        )
        n_shards += 1


class _Tap:
    """Hidden states of some layers, caught on their way."""

    def __init__(self, model: transformers.PreTrainedModel, tapped_layers: tuple[int, ...]) -> None:
        self._model = model
        self._caught: dict[int, torch.Tensor] = {}
        self._layers = tapped_layers
        blocks = model.model.layers
        for layer in tapped_layers:
            if layer > len(blocks):
                raise ChimeraTrainError(f"tapped layer {layer} is unknown: the target has layers up to {len(blocks)}")
            # The output of the last block is what the final norm receives.
            module = blocks[layer] if layer < len(blocks) else model.model.norm
            module.register_forward_pre_hook(self._hook(layer), with_kwargs=True)

    @torch.no_grad()
    def states(self, token_ids: torch.Tensor) -> torch.Tensor:
        """bf16 [n, n_tapped, D] of a whole sequence; zero in the last row, which a served target has not seen."""
        self._model(token_ids[None])
        states = torch.stack([self._caught[layer][0] for layer in self._layers], dim=1).bfloat16()
        states[-1] = 0
        return states

    def _hook(self, layer: int):
        def catch(_module, arguments, keywords):
            self._caught[layer] = arguments[0] if arguments else keywords["hidden_states"]

        return catch


@torch.no_grad()
def _generate(model, tokenizer, batch: list[tuple[int, dict]], max_tokens: int):
    """Yields number, token ids and start of the answer of each line of a batch."""
    line = batch[0][1]
    temperature = line.get("temperature", 0.0)
    sampling = {"do_sample": False}
    if temperature > 0:
        torch.manual_seed(line["seed"])
        sampling = {"do_sample": True, "temperature": temperature, "top_k": line.get("top_k", 0)}
    texts = [_render(tokenizer, item["prompt"]) for _, item in batch]
    inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=tokenizer.chat_template is None)
    outputs = model.generate(
        **inputs, max_new_tokens=max_tokens, pad_token_id=tokenizer.pad_token_id, **sampling
    )
    prompt_width = inputs["input_ids"].shape[1]
    for (number, _), mask, output in zip(batch, inputs["attention_mask"], outputs, strict=True):
        n_prompt = int(mask.sum())
        token_ids = output[prompt_width - n_prompt :]
        yield number, token_ids[: n_prompt + _answer_length(token_ids[n_prompt:], model)], n_prompt


def _answer_length(token_ids: torch.Tensor, model) -> int:
    """Up to the first end token, which counts."""
    end = model.generation_config.eos_token_id
    ends = torch.isin(token_ids, torch.tensor(end if end is not None else [], dtype=torch.int64).view(-1)).nonzero()
    return int(ends[0]) + 1 if len(ends) else len(token_ids)


def _render(tokenizer, prompt: str) -> str:
    if tokenizer.chat_template is None:
        return prompt
    messages = [{"role": "user", "content": prompt}]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def _equal_batches(items: list[tuple[int, dict]], batch_size: int) -> list[list[tuple[int, dict]]]:
    """Splits sorted items so that those of a batch have the same temperature."""
    batches: list[list[tuple[int, dict]]] = []
    for item in items:
        temperature = item[1].get("temperature")
        if not batches or len(batches[-1]) == batch_size or batches[-1][0][1].get("temperature") != temperature:
            batches.append([])
        batches[-1].append(item)
    return batches


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("shard-*.safetensors"))


def _open_lines(plan: Path) -> list[tuple[int, dict]]:
    """Numbered lines that no shard answers yet."""
    done = {int(index) for path in _shards(plan.parent) for index in Shard(path).prompt_index}
    lines = [json.loads(line) for line in plan.read_text(encoding="utf-8").splitlines()]
    return [(number, line) for number, line in enumerate(lines) if number not in done]


def _source(path: Path, model: transformers.PreTrainedModel, tapped_layers: tuple[int, ...]) -> Source:
    return Source(
        target_identity=_digest([path / "config.json", path / "tokenizer.json"]),
        target_weights=_digest(sorted(path.glob("*.safetensors"))),
        target_name=path.resolve().name,
        tapped_layers=tapped_layers,
        hidden_size=model.config.hidden_size,
        vocab_size=model.config.vocab_size,
    )


def _digest(paths: list[Path]) -> str:
    """SHA-256 over the files' bytes, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        if path.is_file():
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
