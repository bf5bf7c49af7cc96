"""Trigram encoder: what the newest three tokens say, without any attention."""

import torch
from torch import nn
from torch.nn import functional

from chimera_train.drafter_config import DrafterConfig
from chimera_train.layers import new_matrix


class TrigramEncoder(nn.Module):
    """t = W2 silu(W1 [e(x_{i-2}); e(x_{i-1}); e(x_i)]); e is the target's embedding row, RMS-normed without weight."""

    def __init__(self, config: DrafterConfig) -> None:
        super().__init__()
        self.w1 = new_matrix(config.trigram_hidden_size, config.trigram_order * config.hidden_size)
        self.w2 = new_matrix(config.hidden_size, config.trigram_hidden_size)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """From e of the newest tokens [n, trigram_order * D], oldest first, to t [n, D]."""
        return functional.linear(functional.silu(functional.linear(embeddings, self.w1)), self.w2)


def packed_ngrams(embeddings: torch.Tensor, positions: torch.Tensor, order: int) -> torch.Tensor:
    """[n, order * D]: for each of the packed tokens e of itself and the tokens before it, oldest first.

    `embeddings` [n, D] are e of the tokens, `positions` [n] their places in their sequences. Where a sequence has no
    such token, e is zero.
    """
    columns = []
    for distance in range(order - 1, 0, -1):
        earlier = embeddings.roll(distance, dims=0)
        columns.append(earlier * (positions >= distance)[:, None])
    return torch.cat([*columns, embeddings], dim=-1)
