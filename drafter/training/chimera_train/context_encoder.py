"""Context encoder: one LLaMA block over trigrams and features."""

import torch
from torch import nn
from torch.nn import functional

from chimera_train.attention import rotate
from chimera_train.drafter_config import DrafterConfig
from chimera_train.layers import new_matrix, rms_norm


class ContextEncoder(nn.Module):
    """z = W_z [norm(t); norm(f)], then a block of pre-norm attention and SwiGLU; its output is called g.

    Attention itself is left to the caller, who knows what each row may see.
    """

    def __init__(self, config: DrafterConfig) -> None:
        super().__init__()
        self.config = config
        size = config.hidden_size
        query_size, kv_size = (heads * config.head_dim for heads in (config.query_head_count, config.kv_head_count))
        self.token_norm = nn.Parameter(torch.ones(size))
        self.feature_norm = nn.Parameter(torch.ones(size))
        self.input = new_matrix(size, 2 * size)
        self.attention_norm = nn.Parameter(torch.ones(size))
        self.query = new_matrix(query_size, size)
        self.key = new_matrix(kv_size, size)
        self.value = new_matrix(kv_size, size)
        self.attention_output = new_matrix(size, query_size)
        self.ffn_norm = nn.Parameter(torch.ones(size))
        self.ffn_gate = new_matrix(config.ffn_size, size)
        self.ffn_up = new_matrix(config.ffn_size, size)
        self.ffn_down = new_matrix(size, config.ffn_size)

    def combine(self, trigrams: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """z [n, D] of trigrams t [n, D] and features f [n, D]."""
        both = torch.cat((self._norm(trigrams, self.token_norm), self._norm(features, self.feature_norm)), dim=-1)
        return functional.linear(both, self.input)

    def queries(self, z: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """[n, query_head_count, head_dim], rotated, of z [n, D] at positions [n]."""
        return rotate(self._heads(z, self.query), positions, self.config.rope_base)

    def keys_values(self, z: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys, rotated, and values, each [n, kv_head_count, head_dim]."""
        return rotate(self._heads(z, self.key), positions, self.config.rope_base), self._heads(z, self.value)

    def finish(self, z: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """g [n, D]: the block after its attention, whose result is `attended` [n, query_head_count, head_dim]."""
        hidden = z + functional.linear(attended.flatten(1), self.attention_output)
        normed = self._norm(hidden, self.ffn_norm)
        gate = functional.silu(functional.linear(normed, self.ffn_gate))
        return hidden + functional.linear(gate * functional.linear(normed, self.ffn_up), self.ffn_down)

    def _norm(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return rms_norm(x, weight, self.config.rms_norm_epsilon)

    def _heads(self, z: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.linear(self._norm(z, self.attention_norm), weight).unflatten(-1, (-1, self.config.head_dim))
