"""What training needs of the target model: shape, embedding rows, final norm and output head."""

import dataclasses
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors import safe_open

from chimera_train.errors import ChimeraTrainError
from chimera_train.json_file import read_json


@dataclasses.dataclass
class Target:
    """A LLaMA-family model; its blocks are not read."""

    name: str
    hidden_size: int  # D
    vocab_size: int
    layer_count: int
    query_head_count: int
    kv_head_count: int
    head_dim: int
    rope_base: float
    rms_norm_epsilon: float
    embedding: torch.Tensor  # fp32 [vocab_size, D]
    output_norm: torch.Tensor  # fp32 [D]
    output: torch.Tensor  # fp32 [vocab_size, D]; `embedding` itself where the model ties them


def load_target(path: str | Path) -> Target:
    """Reads a GGUF file, or a Hugging Face folder with config.json and safetensors."""
    path = Path(path)
    if path.is_dir():
        return _load_hugging_face(path)
    if not path.is_file():
        raise ChimeraTrainError(f"{path}: no such model file or folder")
    return _load_gguf(path)


def _load_gguf(path: Path) -> Target:
    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, IndexError, KeyError) as error:
        raise ChimeraTrainError(f"{path}: not a readable GGUF file: {error}") from error
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def field(key: str, default=None):
        value = reader.get_field(key)
        if value is None and default is None:
            raise ChimeraTrainError(f"{path}: has no {key}")
        return default if value is None else value.contents()

    def tensor(name: str) -> torch.Tensor:
        if name not in tensors:
            raise ChimeraTrainError(f"{path}: has no tensor {name}")
        values = gguf.quants.dequantize(tensors[name].data, tensors[name].tensor_type)
        return torch.from_numpy(values.astype(np.float32))

    architecture = field("general.architecture")
    if architecture != "llama":
        raise ChimeraTrainError(f'{path}: architecture is "{architecture}", must be "llama"')
    embedding = tensor("token_embd.weight")
    heads = field("llama.attention.head_count")
    return Target(
        name=field("general.name", path.stem),
        hidden_size=embedding.shape[1],
        vocab_size=embedding.shape[0],
        layer_count=field("llama.block_count"),
        query_head_count=heads,
        kv_head_count=field("llama.attention.head_count_kv", heads),
        head_dim=field("llama.attention.key_length", embedding.shape[1] // heads),
        rope_base=float(field("llama.rope.freq_base", 10000.0)),
        rms_norm_epsilon=float(field("llama.attention.layer_norm_rms_epsilon")),
        embedding=embedding,
        output_norm=tensor("output_norm.weight"),
        output=tensor("output.weight") if "output.weight" in tensors else embedding,
    )


def _load_hugging_face(path: Path) -> Target:
    config = read_json(path / "config.json")
    files = _tensor_files(path)

    def number(key: str, default=None):
        value = config.get(key)
        if value is None and default is None:
            raise ChimeraTrainError(f"{path / 'config.json'}: has no {key}")
        return default if value is None else value

    def tensor(name: str) -> torch.Tensor:
        if name not in files:
            raise ChimeraTrainError(f"{path}: has no tensor {name}")
        with safe_open(files[name], framework="pt") as file:
            return file.get_tensor(name).float()

    embedding = tensor("model.embed_tokens.weight")
    heads = number("num_attention_heads")
    return Target(
        name=path.resolve().name,
        hidden_size=embedding.shape[1],
        vocab_size=embedding.shape[0],
        layer_count=number("num_hidden_layers"),
        query_head_count=heads,
        kv_head_count=number("num_key_value_heads", heads),
        head_dim=number("head_dim", embedding.shape[1] // heads),
        rope_base=_rope_base(config, path / "config.json"),
        # As a GGUF file holds it: a drafter is the same for both forms of its target.
        rms_norm_epsilon=float(np.float32(number("rms_norm_eps"))),
        embedding=embedding,
        output_norm=tensor("model.norm.weight"),
        output=embedding if config.get("tie_word_embeddings") else tensor("lm_head.weight"),
    )


def _rope_base(config: dict, path: Path) -> float:
    """At the top in older files, among the RoPE parameters in newer ones. `path` is for messages."""
    key, base = "rope_theta", config.get("rope_theta")
    for part in ("rope_scaling", "rope_parameters"):
        nested = (config.get(part) or {}).get(key)
        if base is not None and nested is not None and base != nested:
            raise ChimeraTrainError(f"{path}: {part}.{key} is {nested}, but {key} is {base}")
        base = base if nested is None else nested
    return 10000.0 if base is None else float(base)


def _tensor_files(path: Path) -> dict[str, Path]:
    """Name of a tensor -> the file that holds it."""
    file_path = path / "model.safetensors"
    if file_path.is_file():
        with safe_open(file_path, framework="pt") as file:
            return dict.fromkeys(file.keys(), file_path)
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        raise ChimeraTrainError(f"{path}: has neither model.safetensors nor an index of its parts")
    return {name: path / file for name, file in read_json(index)["weight_map"].items()}
