"""Fuse: one feature vector out of the hidden states of the tapped layers."""

import torch
from torch import nn
from torch.nn import functional

from chimera_train.drafter_config import DrafterConfig
from chimera_train.layers import new_matrix, rms_norm


class FeatureFusion(nn.Module):
    """f = W_f concat(norm_k(h^k)) over the tapped layers k."""

    def __init__(self, config: DrafterConfig) -> None:
        super().__init__()
        n_tapped = len(config.tapped_layers)
        self.epsilon = config.rms_norm_epsilon
        self.norms = nn.Parameter(torch.ones(n_tapped, config.hidden_size))
        self.weight = new_matrix(config.hidden_size, n_tapped * config.hidden_size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """From [n, n_tapped, D] to f [n, D]."""
        normed = rms_norm(hidden_states, None, self.epsilon) * self.norms
        return functional.linear(normed.flatten(-2), self.weight)
