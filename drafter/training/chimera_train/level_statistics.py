"""How good the drafter's guesses are along the true continuation, level by level."""

import torch

from chimera_train.batch import Batch
from chimera_train.drafter import Drafter
from chimera_train.rollout import rollout

TOP = (1, 2, 4, 8)
NOT_GUESSED = 1 << 30
_BINS = 10


class LevelStatistics:
    """Sums over batches, for levels 0 to n_levels - 1."""

    def __init__(self, n_levels: int) -> None:
        self._hits = torch.zeros(n_levels, max(TOP), dtype=torch.int64)
        self._totals = torch.zeros(n_levels, dtype=torch.int64)
        self._bin_counts = torch.zeros(n_levels, _BINS)
        self._bin_hits = torch.zeros(n_levels, _BINS)
        self._bin_probabilities = torch.zeros(n_levels, _BINS)

    def add(self, drafter: Drafter, batch: Batch) -> torch.Tensor:
        """Counts a batch. Returns int64 [m, n_levels]: the rank, from 0, of the token among the guesses at each anchor
        and level; NOT_GUESSED if it is not among the best."""
        n_levels = len(self._totals)
        ranks = torch.full((len(batch.anchors), n_levels), NOT_GUESSED)
        row_of_anchor = torch.zeros_like(batch.token_ids)
        row_of_anchor[batch.anchors] = torch.arange(len(batch.anchors), device=batch.anchors.device)
        for level in rollout(drafter, drafter.encode(batch), n_levels):
            probabilities = drafter.residual_head(level.head_states).float().softmax(dim=-1)
            best = probabilities.topk(min(max(TOP), probabilities.shape[-1]), dim=-1)
            hits = drafter.draft_vocabulary[best.indices] == batch.token_ids[level.labels, None]
            hits, values = hits.cpu(), best.values.cpu()
            self._hits[level.depth, : hits.shape[1]] += hits.sum(dim=0)
            self._totals[level.depth] += len(hits)
            self._count_bins(level.depth, values.flatten(), hits.flatten())
            rows = row_of_anchor[level.anchors].cpu()
            ranks[rows, level.depth] = hits.long().argmax(dim=1).masked_fill(~hits.any(dim=1), NOT_GUESSED)
        return ranks

    def accuracy(self) -> list[dict[str, float]]:
        """For each level the fraction of tokens among the best 1, 2, 4 and 8 guesses, and how many were counted."""
        cumulative = self._hits.cumsum(dim=1)
        return [
            {f"top{k}": _ratio(cumulative[level, k - 1], total) for k in TOP} | {"tokens": int(total)}
            for level, total in enumerate(self._totals)
        ]

    def calibration(self) -> list[list[dict[str, float]]]:
        """For each level, bins of the probability of a guess that are not empty: where the bin begins, the mean, and
        how often such guesses were right."""
        return [
            [
                {
                    "from": i / _BINS,
                    "predicted": _ratio(self._bin_probabilities[level, i], count),
                    "observed": _ratio(self._bin_hits[level, i], count),
                    "guesses": int(count),
                }
                for i, count in enumerate(self._bin_counts[level])
                if count > 0
            ]
            for level in range(len(self._totals))
        ]

    def _count_bins(self, depth: int, probabilities: torch.Tensor, hits: torch.Tensor) -> None:
        bins = (probabilities * _BINS).long().clamp(max=_BINS - 1)
        self._bin_counts[depth] += bins.bincount(minlength=_BINS)
        self._bin_hits[depth] += bins.bincount(weights=hits.float(), minlength=_BINS)
        self._bin_probabilities[depth] += bins.bincount(weights=probabilities, minlength=_BINS)


def _ratio(part: torch.Tensor, whole: torch.Tensor) -> float:
    return float(part) / max(1.0, float(whole))
