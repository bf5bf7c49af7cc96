"""Residual head: logits over the draft vocabulary, with a shortcut from the last true state."""

import torch
from torch import nn
from torch.nn import functional

from chimera_train.drafter_config import DrafterConfig
from chimera_train.layers import rms_norm


class ResidualHead(nn.Module):
    """logits = E norm(g + W_r f_n), f_n being the last fused state that the target itself computed.

    In the paper's form there is one W_r per depth; E and the norm are shared.
    """

    def __init__(self, config: DrafterConfig, embedding: torch.Tensor) -> None:
        """`embedding` [draft_vocab, D]: the target's output rows of the draft vocabulary, where E starts."""
        super().__init__()
        size = config.hidden_size
        self.epsilon = config.rms_norm_epsilon
        if config.residual_head:  # From zero: the shortcut grows as far as it helps.
            self.weight = nn.Parameter(torch.zeros(config.depth_heads * size, size))
        else:
            self.register_parameter("weight", None)
        self.norm = nn.Parameter(torch.ones(size))
        self.embedding = nn.Parameter(embedding.detach().float().clone())

    def states(self, outputs: torch.Tensor, features: torch.Tensor, depth_head: int = 0) -> torch.Tensor:
        """norm(g + W_r f_n), [n, D]: what the rows of E are multiplied with. outputs g and features f_n are [n, D]."""
        if self.weight is not None:
            size = self.norm.shape[0]
            outputs = outputs + functional.linear(features, self.weight[depth_head * size :][:size])
        return rms_norm(outputs, self.norm, self.epsilon)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Logits [n, draft_vocab] of states()."""
        return functional.linear(states, self.embedding)
