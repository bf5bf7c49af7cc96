"""Writes shards as chimera-generate does."""

import dataclasses
from pathlib import Path

import torch
from safetensors.torch import save_file

from chimera_train.batch import Sequence
from chimera_train.dataset import FORMAT, Source


def write_shard(
    path: Path, sequences: list[Sequence], temperatures: list[float], source: Source, numerics_id: str
) -> None:
    """Writes one shard in one step. numerics_id names the arithmetic that the hidden states come from."""
    lengths = torch.tensor([len(sequence.token_ids) for sequence in sequences])
    ends = lengths.cumsum(0)
    tensors = {
        "token_ids": torch.cat([sequence.token_ids for sequence in sequences]).int(),
        "sequence_starts": torch.cat((torch.zeros(1, dtype=torch.int64), ends)),
        "response_starts": ends - lengths + torch.tensor([sequence.response_start for sequence in sequences]),
        "prompt_index": torch.tensor([sequence.prompt_index for sequence in sequences]),
        "temperature": torch.tensor(temperatures, dtype=torch.float32),
        "hidden_states": torch.cat([sequence.hidden_states for sequence in sequences]).bfloat16(),
    }
    metadata = {key: str(value) for key, value in dataclasses.asdict(source).items()}
    metadata |= {
        "format": FORMAT,
        "numerics_id": numerics_id,
        "tapped_layers": ",".join(str(layer) for layer in source.tapped_layers),
    }
    temporary = path.with_name(f"{path.name}.tmp")
    save_file(tensors, temporary, metadata)
    temporary.replace(path)
