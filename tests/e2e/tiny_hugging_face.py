"""Writes a small random LLaMA model as a Hugging Face folder, with the standard library alone."""

import json
import math
import random
import struct
from array import array
from pathlib import Path

LAYERS, HIDDEN_SIZE, FFN_SIZE = 2, 96, 160
QUERY_HEADS, KV_HEADS, HEAD_DIM = 6, 2, 16
CONTEXT_LENGTH = 512
SPECIAL_TOKENS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")  # behind all others, as in LLaMA 3
MERGES = ("t h", "th e", "i n", "in g", "a n", "e r", "o n", "r e", "Ġ t", "Ġt h", "Ġth e", "Ġ a", "Ġ s", "Ġ w",
          "u s", "us er", "a s", "as s", "i s", "ass is", "t an", "assis tan", "assistan t", "q u", "qu e")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
    "'\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def write_folder(folder: Path, seed: int) -> None:
    """The same files for the same seed."""
    folder.mkdir()
    tokenizer = new_tokenizer()
    vocab_size = len(tokenizer["model"]["vocab"]) + len(SPECIAL_TOKENS)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "torch_dtype": "bfloat16",
        "hidden_size": HIDDEN_SIZE, "intermediate_size": FFN_SIZE, "num_hidden_layers": LAYERS,
        "num_attention_heads": QUERY_HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM,
        "max_position_embeddings": CONTEXT_LENGTH, "rms_norm_eps": 1e-5, "rope_theta": 50000.0, "rope_scaling": None,
        "tie_word_embeddings": False, "vocab_size": vocab_size,
    }
    tokenizer_config = {"bos_token": SPECIAL_TOKENS[0], "eos_token": SPECIAL_TOKENS[1], "chat_template": CHAT_TEMPLATE}
    for name, content in (("config", config), ("tokenizer", tokenizer), ("tokenizer_config", tokenizer_config)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    _write_shards(folder, _new_tensors(vocab_size, random.Random(seed)))


def new_tokenizer() -> dict:
    """tokenizer.json: byte-level BPE with the pre-tokenizer of GPT-2."""
    vocab = {character: byte for byte, character in enumerate(_byte_alphabet())}
    for merge in MERGES:
        vocab[merge.replace(" ", "")] = len(vocab)
    added = [
        {"id": len(vocab) + number, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for number, text in enumerate(SPECIAL_TOKENS)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
             "vocab": vocab, "merges": [merge.split(" ") for merge in MERGES]}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level, "model": model}


def _byte_alphabet() -> list[str]:
    """GPT-2's: printable bytes stand for themselves, the others for the code points from 256 on."""
    others = iter(range(256, 512))
    return [
        chr(byte) if 33 <= byte <= 126 or (161 <= byte and byte != 173) else chr(next(others)) for byte in range(256)
    ]


def _new_tensors(vocab_size: int, generator: random.Random) -> dict[str, tuple[list[int], bytes]]:
    """Name -> shape and bytes in bf16."""
    tensors = {}

    def add(name: str, shape: list[int], low: float, high: float) -> None:
        values = array("f", (generator.uniform(low, high) for _ in range(math.prod(shape))))
        tensors[name] = (shape, array("H", array("H", values.tobytes())[1::2]).tobytes())

    def add_matrix(name: str, rows: int, columns: int) -> None:
        bound = math.sqrt(3 / columns)  # about keeps the size of what it multiplies
        add(name, [rows, columns], -bound, bound)

    add("model.embed_tokens.weight", [vocab_size, HIDDEN_SIZE], -1, 1)
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}"
        for name, rows, columns in (
            ("self_attn.q_proj", QUERY_HEADS * HEAD_DIM, HIDDEN_SIZE),
            ("self_attn.k_proj", KV_HEADS * HEAD_DIM, HIDDEN_SIZE),
            ("self_attn.v_proj", KV_HEADS * HEAD_DIM, HIDDEN_SIZE),
            ("self_attn.o_proj", HIDDEN_SIZE, QUERY_HEADS * HEAD_DIM),
            ("mlp.gate_proj", FFN_SIZE, HIDDEN_SIZE),
            ("mlp.up_proj", FFN_SIZE, HIDDEN_SIZE),
            ("mlp.down_proj", HIDDEN_SIZE, FFN_SIZE),
        ):
            add_matrix(f"{prefix}.{name}.weight", rows, columns)
        for name in ("input_layernorm", "post_attention_layernorm"):
            add(f"{prefix}.{name}.weight", [HIDDEN_SIZE], 0.75, 1.25)
    add("model.norm.weight", [HIDDEN_SIZE], 0.75, 1.25)
    add("lm_head.weight", [vocab_size, HIDDEN_SIZE], -0.5, 0.5)
    return tensors


def _write_shards(folder: Path, tensors: dict[str, tuple[list[int], bytes]]) -> None:
    """Two files and their index, as transformers writes large models."""
    names = sorted(tensors)
    files = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, members in files.items():
        _write_safetensors(folder / file, {name: tensors[name] for name in members})
    weight_map = {name: file for file, members in files.items() for name in members}
    index = json.dumps({"metadata": {}, "weight_map": weight_map})
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")


def _write_safetensors(path: Path, tensors: dict[str, tuple[list[int], bytes]]) -> None:
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (shape, content) in tensors.items():
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + len(content)]}
        offset += len(content)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(content for _, content in tensors.values()))
