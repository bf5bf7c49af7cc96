"""Distillation: the drafter learns the target's own distribution over the draft vocabulary."""

import dataclasses

import torch
from torch import nn
from torch.nn import functional

from chimera_train.batch import Batch
from chimera_train.drafter import Drafter
from chimera_train.layers import rms_norm
from chimera_train.rollout import Level, rollout

_ROWS_PER_CHUNK = 1024  # keeps a chunk of logits near the caches


class TargetDistribution(nn.Module):
    """The target's distribution over the draft vocabulary, recomputed from the output of its last layer."""

    def __init__(
        self, output_norm: torch.Tensor, output_rows: torch.Tensor, epsilon: float, dtype: torch.dtype
    ) -> None:
        """output_norm [D]; output_rows [draft_vocab, D], the output head's rows of the draft vocabulary.

        `dtype` is what products are computed in.
        """
        super().__init__()
        self.epsilon = epsilon
        self.register_buffer("output_norm", output_norm.float(), persistent=False)
        self.register_buffer("output_rows", output_rows.to(dtype), persistent=False)

    @torch.no_grad()
    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Probabilities, bf16 [n, draft_vocab], of the token after each last-layer output [n, D]."""
        normed = rms_norm(hidden_states, self.output_norm, self.epsilon).to(self.output_rows.dtype)
        probabilities = normed.new_empty(len(normed), len(self.output_rows), dtype=torch.bfloat16)
        for rows in torch.arange(len(normed), device=normed.device).split(_ROWS_PER_CHUNK):
            logits = functional.linear(normed[rows], self.output_rows).float()
            probabilities[rows] = logits.softmax(dim=-1).bfloat16()
        return probabilities


class SoftCrossEntropy(torch.autograd.Function):
    """Sum over rows of the cross-entropy of softmax(states E^T) against given distributions.

    Works in chunks and computes the gradients on the way, so that logits are neither stored nor computed twice.
    """

    @staticmethod
    def forward(ctx, states, embedding, table, rows, compute_dtype):
        """states [n, D]; embedding E [draft_vocab, D]; the distribution of state i is row rows[i] of `table`
        [*, draft_vocab]."""
        cast_states, cast_embedding = states.to(compute_dtype), embedding.to(compute_dtype)
        states_grad = torch.empty_like(states)
        embedding_grad = torch.zeros_like(embedding)
        loss = states.new_zeros((), dtype=torch.float32)
        for first in range(0, len(states), _ROWS_PER_CHUNK):
            part = slice(first, first + _ROWS_PER_CHUNK)
            chunk, wanted = cast_states[part], table[rows[part]]
            log_probabilities = functional.linear(chunk, cast_embedding).float().log_softmax(dim=-1)
            loss -= (log_probabilities * wanted).sum()
            logits_grad = log_probabilities.exp_().sub_(wanted).to(compute_dtype)
            states_grad[part] = logits_grad @ cast_embedding
            embedding_grad += logits_grad.T @ chunk
        ctx.save_for_backward(states_grad, embedding_grad)
        return loss

    @staticmethod
    def backward(ctx, loss_grad):
        states_grad, embedding_grad = ctx.saved_tensors
        return states_grad * loss_grad, embedding_grad * loss_grad, None, None, None


class DistillationLoss(nn.Module):
    """Weighted mean over roll-out levels of the mean cross-entropy of each."""

    def __init__(self, drafter: Drafter, target: TargetDistribution | None, depth_decay: float) -> None:
        """`target` None means hard labels: the tokens of the answers. Level k weighs depth_decay^k."""
        super().__init__()
        self.drafter = drafter
        self.target = target
        self.depth_decay = depth_decay

    def forward(
        self, batch: Batch, noisy_states: torch.Tensor, n_levels: int, deeper: torch.Tensor
    ) -> torch.Tensor:
        """Scalar, nats per token. The drafter sees `noisy_states` as hidden states; the rest is as for rollout()."""
        context = self.drafter.encode(dataclasses.replace(batch, hidden_states=noisy_states))
        wanted = self._wanted(batch)
        embedding = self.drafter.residual_head.embedding
        total, total_weight = 0.0, 0.0
        for level in rollout(self.drafter, context, n_levels, deeper):
            states, rows = wanted.rows_of(level)
            loss = SoftCrossEntropy.apply(states, embedding, wanted.table, rows, _compute_dtype(states.device))
            weight = self.depth_decay**level.depth
            total = total + weight * loss / max(1, len(states))
            total_weight += weight
        return total / total_weight

    def _wanted(self, batch: Batch) -> "_Wanted":
        if self.target is not None:
            probabilities = self.target(batch.hidden_states[batch.anchors + 1, -1])
            return _Wanted(batch, probabilities, None)
        matches = batch.token_ids[batch.anchors + 2, None] == self.drafter.draft_vocabulary
        return _Wanted(batch, matches.bfloat16(), matches.any(dim=-1))


class _Wanted:
    """Distributions of the tokens two behind each anchor. Level k predicts such a token from k anchors before."""

    def __init__(self, batch: Batch, table: torch.Tensor, is_known: torch.Tensor | None) -> None:
        """table [number of anchors, draft_vocab]; is_known, bool of as many: rows not to be left out, None for all."""
        self.table = table
        self._is_known = is_known
        self._rows = torch.zeros_like(batch.token_ids)
        self._rows[batch.anchors + 2] = torch.arange(len(batch.anchors), device=batch.anchors.device)

    def rows_of(self, level: Level) -> tuple[torch.Tensor, torch.Tensor]:
        """States [n, D] of a level, and the rows [n] of the table that they should give."""
        rows, states = self._rows[level.labels], level.head_states
        if self._is_known is not None:
            keep = self._is_known[rows].nonzero()[:, 0]
            rows, states = rows[keep], states[keep]
        return states, rows


def _compute_dtype(device: torch.device) -> torch.dtype:
    """What autocast would compute a matrix product in."""
    enabled = torch.is_autocast_enabled(device.type)
    return torch.get_autocast_dtype(device.type) if enabled else torch.float32
