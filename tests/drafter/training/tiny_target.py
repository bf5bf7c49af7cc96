"""A tiny target and answers of it: its next token depends on the newest two, so that a drafter can learn it."""

import json
from pathlib import Path

import gguf
import torch
from safetensors.torch import save_file
from shard_writer import write_shard

from chimera_train.batch import Sequence
from chimera_train.dataset import Source
from chimera_train.layers import rms_norm
from chimera_train.target import Target

VOCAB_SIZE, HIDDEN_SIZE, LAYER_COUNT = 64, 32, 4
QUERY_HEADS, KV_HEADS, HEAD_DIM = 4, 2, 16  # together wider than the hidden size
TAPPED_LAYERS = (1, 2, 4)
EPSILON = 1e-5
SOURCE = Source("identity", "weights", "tiny", TAPPED_LAYERS, HIDDEN_SIZE, VOCAB_SIZE)


def new_target() -> Target:
    """Random, always the same."""
    generator = torch.Generator().manual_seed(7)
    return Target(
        name="tiny",
        hidden_size=HIDDEN_SIZE,
        vocab_size=VOCAB_SIZE,
        layer_count=LAYER_COUNT,
        query_head_count=QUERY_HEADS,
        kv_head_count=KV_HEADS,
        head_dim=HEAD_DIM,
        rope_base=10000.0,
        rms_norm_epsilon=EPSILON,
        embedding=torch.randn(VOCAB_SIZE, HIDDEN_SIZE, generator=generator),
        output_norm=torch.rand(HIDDEN_SIZE, generator=generator) + 0.5,
        output=torch.randn(VOCAB_SIZE, HIDDEN_SIZE, generator=generator),
    )


def write_gguf(target: Target, path: Path, chat_template: str | None = None) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(target.name)
    writer.add_embedding_length(target.hidden_size)
    writer.add_block_count(target.layer_count)
    writer.add_head_count(target.query_head_count)
    writer.add_head_count_kv(target.kv_head_count)
    writer.add_layer_norm_rms_eps(target.rms_norm_epsilon)
    writer.add_key_length(target.head_dim)
    writer.add_rope_freq_base(target.rope_base)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    for name, tensor in (
        ("token_embd.weight", target.embedding),
        ("output_norm.weight", target.output_norm),
        ("output.weight", target.output),
    ):
        writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_hugging_face(target: Target, folder: Path, tokenizer_config: dict | None = None) -> None:
    folder.mkdir()
    if tokenizer_config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config), encoding="utf-8")
    config = {
        "num_hidden_layers": target.layer_count,
        "num_attention_heads": target.query_head_count,
        "num_key_value_heads": target.kv_head_count,
        "head_dim": target.head_dim,
        "rms_norm_eps": target.rms_norm_epsilon,
        "rope_parameters": {"rope_theta": target.rope_base},
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tensors = {
        "model.embed_tokens.weight": target.embedding,
        "model.norm.weight": target.output_norm,
        "lm_head.weight": target.output,
    }
    save_file(tensors, folder / "model.safetensors")


def new_sequence(target: Target, index: int, temperature: float, n_tokens: int = 40) -> Sequence:
    """Prompt `index`, random, and its answer."""
    generator = torch.Generator().manual_seed(index)
    n_prompt = 4 + index % 5
    token_ids = torch.randint(VOCAB_SIZE, (n_prompt,), generator=generator).tolist()
    mix = torch.Generator().manual_seed(11)
    weights = [torch.randn(HIDDEN_SIZE, HIDDEN_SIZE, generator=mix) / HIDDEN_SIZE**0.5 for _ in range(3)]
    states = []
    for i in range(n_tokens - 1):
        newest, before = target.embedding[token_ids[i]], target.embedding[token_ids[max(i - 1, 0)]]
        last = torch.tanh(weights[0] @ newest + weights[1] @ before).bfloat16().float()
        states.append(torch.stack((newest, weights[2] @ last, last)))
        if i + 1 >= n_prompt:
            logits = target.output @ rms_norm(last, target.output_norm, EPSILON)
            if temperature > 0:
                token_ids.append(int((logits / temperature).softmax(dim=-1).multinomial(1, generator=generator)))
            else:
                token_ids.append(int(logits.argmax()))
    states.append(torch.zeros_like(states[0]))
    return Sequence(torch.tensor(token_ids), torch.stack(states).bfloat16(), n_prompt, index, f"sequence {index}")


def write_shards(target: Target, folder: Path, n_shards: int = 2, first_index: int = 0) -> None:
    """Shards of 24 answers each, every fourth sampled."""
    folder.mkdir()
    for shard in range(n_shards):
        indices = range(first_index + 24 * shard, first_index + 24 * (shard + 1))
        temperatures = [0.7 if index % 4 == 0 else 0.0 for index in indices]
        sequences = [
            new_sequence(target, index, temperature, n_tokens=30 + index % 13)
            for index, temperature in zip(indices, temperatures, strict=True)
        ]
        write_shard(folder / f"shard-{shard:05d}.safetensors", sequences, temperatures, SOURCE, "test")
