"""Draft vocabulary: the tokens that the drafter can propose."""

import torch


def choose_draft_vocabulary(counts: torch.Tensor, size: int) -> torch.Tensor:
    """The `size` most frequent tokens, ties to the lower id; int64, ascending. counts [vocab_size]."""
    return counts.sort(descending=True, stable=True).indices[:size].sort().values


def coverage(counts: torch.Tensor, draft_vocabulary: torch.Tensor) -> float:
    """Fraction of the counted tokens that lie in the draft vocabulary."""
    return float(counts[draft_vocabulary].sum() / counts.sum().clamp(min=1))
