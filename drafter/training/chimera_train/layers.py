"""Pieces that the parts of the drafter share."""

import torch
from torch import nn
from torch.nn import functional


def new_matrix(rows: int, columns: int) -> nn.Parameter:
    """Weight [rows, columns] of a linear layer, uniform in +-1/sqrt(columns)."""
    limit = columns**-0.5
    return nn.Parameter(torch.empty(rows, columns).uniform_(-limit, limit))


def rms_norm(x: torch.Tensor, weight: torch.Tensor | None, epsilon: float) -> torch.Tensor:
    """RMS norm over the last dimension, in fp32."""
    return functional.rms_norm(x.float(), x.shape[-1:], weight, epsilon)
