"""The drafter file: written for serving, and read back to see what its quantisation costs."""

import dataclasses
from pathlib import Path

import gguf
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from chimera_train.atomic_file import replacing
from chimera_train.checkpoint import Checkpoint, check_target
from chimera_train.dataset import Source
from chimera_train.drafter import Drafter
from chimera_train.drafter_config import DrafterConfig
from chimera_train.errors import ChimeraTrainError
from chimera_train.target import Target

FORMAT = "chimera-drafter-1"
WEIGHT_TYPES = ("Q8_0", "Q4_1", "Q4_0", "BF16")
_NORMS = {
    "fuse.norms",
    "context_encoder.token_norm",
    "context_encoder.feature_norm",
    "context_encoder.attention_norm",
    "context_encoder.ffn_norm",
    "residual_head.norm",
}
_VOCABULARY = "draft_vocabulary"
_EMBEDDING = "target_embedding"
_SHORTCUT = "residual_head.weight"
_SCORES = "residual_head.embedding"
_TOKENS_SEEN = "training_tokens_seen"  # response tokens, those of later epochs again, and those of runs before


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    name: str
    weight_type: str = "Q8_0"  # of the matrices but the next; norms are fp32
    embedding_weight_type: str = "Q8_0"  # of the draft vocabulary's output embedding, the largest matrix
    tau: float = 0.0  # measured tokens per step; 0 if not measured
    with_embeddings: bool = False  # also the target's embedding rows, in bf16


def export(checkpoint: Checkpoint, target: Target, path: Path, options: ExportOptions) -> None:
    """Writes the drafter of a checkpoint to `path`, in one step."""
    for weight_type in (options.weight_type, options.embedding_weight_type):
        if weight_type not in WEIGHT_TYPES:
            raise ChimeraTrainError(f"weight type {weight_type} must be one of {', '.join(WEIGHT_TYPES)}")
    check_target(checkpoint.source, target)
    metadata = _metadata(checkpoint, options)
    tensors = {_VOCABULARY: checkpoint.drafter[_VOCABULARY].int()}
    for name, tensor in checkpoint.drafter.items():
        if name in _NORMS:
            tensors[name] = tensor.float()
        elif name != _VOCABULARY:
            tensors[name] = _encode(name, tensor.float(), _type_of(name, metadata))
    if not checkpoint.config.residual_head:  # The format always has this matrix; zero is no shortcut.
        size = checkpoint.config.hidden_size
        tensors[_SHORTCUT] = _encode(_SHORTCUT, torch.zeros(size, size), _type_of(_SHORTCUT, metadata))
    if options.with_embeddings:
        tensors[_EMBEDDING] = target.embedding.bfloat16()
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_drafter_file(path: Path, target: Target) -> tuple[Drafter, Source]:
    """The drafter of an exported file with its weights dequantised, and what it was trained on."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys() if name != _EMBEDDING}
        if metadata.get("format") != FORMAT:
            raise ChimeraTrainError(f'{path}: format is "{metadata.get("format", "")}", must be "{FORMAT}"')
        weights = {
            name: tensor if name in _NORMS or name == _VOCABULARY else _decode(tensor, _type_of(name, metadata))
            for name, tensor in tensors.items()
        }
        for name, weight in weights.items():
            if not weight.isfinite().all():
                raise ChimeraTrainError(f"{path}: {name} is not finite")
        config = _read_config(metadata)
        if not config.residual_head:
            del weights[_SHORTCUT]
        source = Source(
            target_identity=metadata["target_identity"],
            target_weights=metadata["target_weights"],
            target_name=metadata["target_name"],
            tapped_layers=config.tapped_layers,
            hidden_size=config.hidden_size,
            vocab_size=target.vocab_size,
        )
        check_target(source, target)
        _check_vocabulary(weights[_VOCABULARY], target, path)
        drafter = Drafter(config, target.embedding, weights[_VOCABULARY], weights[_SCORES])
        drafter.load_state_dict(weights)
    except (SafetensorError, OSError, KeyError, RuntimeError, ValueError) as error:
        raise ChimeraTrainError(f"{path}: not a readable drafter file: {error}") from error
    return drafter, source


def _check_vocabulary(vocabulary: torch.Tensor, target: Target, path: Path) -> None:
    if not 0 <= int(vocabulary.min()) <= int(vocabulary.max()) < target.vocab_size:
        raise ChimeraTrainError(
            f"{path}: {_VOCABULARY} reaches token {int(vocabulary.max())}, but vocab_size of {target.name} is "
            f"{target.vocab_size}"
        )


def read_training_tokens(path: Path) -> int:
    """Response tokens that the drafter of an exported file has seen in training."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return int(metadata[_TOKENS_SEEN])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ChimeraTrainError(f"{path}: not a readable drafter file: {error}") from error


def _encode(name: str, matrix: torch.Tensor, weight_type: str) -> torch.Tensor:
    """fp32 [rows, columns] as bf16, or as the bytes of its rows in GGUF's block layout: uint8 [rows, row_bytes]."""
    if weight_type == "BF16":
        return matrix.bfloat16()
    block_size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[weight_type]][0]
    if matrix.shape[1] % block_size:
        raise ChimeraTrainError(
            f"{name} has {matrix.shape[1]} columns, no multiple of {block_size}: {weight_type} cannot hold it"
        )
    return torch.from_numpy(gguf.quants.quantize(matrix.numpy(), gguf.GGMLQuantizationType[weight_type]))


def _type_of(name: str, metadata: dict[str, str]) -> str:
    return metadata["embedding_weight_type" if name == _SCORES else "weight_type"]


def _decode(matrix: torch.Tensor, weight_type: str) -> torch.Tensor:
    """The inverse of _encode(), up to rounding."""
    if weight_type == "BF16":
        return matrix.float()
    return torch.from_numpy(gguf.quants.dequantize(matrix.numpy(), gguf.GGMLQuantizationType[weight_type]))


def _metadata(checkpoint: Checkpoint, options: ExportOptions) -> dict[str, str]:
    config, source, inputs = checkpoint.config, checkpoint.source, checkpoint.inputs
    values = {
        "format": FORMAT,
        "name": options.name,
        "hidden_size": config.hidden_size,
        "ffn_size": config.ffn_size,
        "query_head_count": config.query_head_count,
        "kv_head_count": config.kv_head_count,
        "head_dim": config.head_dim,
        "rope_base": config.rope_base,
        "rms_norm_epsilon": config.rms_norm_epsilon,
        "trigram_hidden_size": config.trigram_hidden_size,
        "trigram_order": config.trigram_order,
        "tapped_layers": ",".join(str(layer) for layer in config.tapped_layers),
        "depth_heads": config.depth_heads,
        "residual_head": int(config.residual_head),
        "draft_vocab_size": config.draft_vocab_size,
        "context_window": config.context_window,
        "target_name": source.target_name,
        "target_identity": source.target_identity,
        "target_weights": source.target_weights,
        "weight_type": options.weight_type,
        "embedding_weight_type": options.embedding_weight_type,
        _TOKENS_SEEN: checkpoint.progress.response_tokens,
        "tau": f"{options.tau:.4f}",
    }
    if inputs is not None:
        values |= {"training_set_answers": inputs.answers, "training_set_tokens": inputs.response_tokens}
    return {key: str(value) for key, value in values.items()}


def _read_config(metadata: dict[str, str]) -> DrafterConfig:
    return DrafterConfig(
        hidden_size=int(metadata["hidden_size"]),
        ffn_size=int(metadata["ffn_size"]),
        query_head_count=int(metadata["query_head_count"]),
        kv_head_count=int(metadata["kv_head_count"]),
        head_dim=int(metadata["head_dim"]),
        rope_base=float(metadata["rope_base"]),
        rms_norm_epsilon=float(metadata["rms_norm_epsilon"]),
        trigram_hidden_size=int(metadata["trigram_hidden_size"]),
        tapped_layers=tuple(int(layer) for layer in metadata["tapped_layers"].split(",")),
        draft_vocab_size=int(metadata["draft_vocab_size"]),
        trigram_encoder=metadata["trigram_order"] != "1",
        residual_head=metadata["residual_head"] == "1",
        depth_heads=int(metadata["depth_heads"]),
        context_window=int(metadata["context_window"]),
    )
