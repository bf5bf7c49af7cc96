"""From what each draft would have got right to tokens per step."""

import dataclasses

import torch


@dataclasses.dataclass
class StepCount:
    """Tokens after the first of each answer, and the target's steps they took."""

    tokens: int = 0
    steps: int = 0

    @property
    def tau(self) -> float:
        """Tokens per step; 1 without any drafting."""
        return self.tokens / self.steps if self.steps else float("nan")

    def add(self, accepted: torch.Tensor) -> None:
        """Walks one answer. accepted [m]: draft tokens that would be accepted at each of its anchors, in order."""
        counts, place = accepted.tolist(), 0
        while place < len(counts):
            taken = min(counts[place], len(counts) - 1 - place) + 1  # the bonus token is the target's own
            self.tokens += taken
            self.steps += 1
            place += taken


def leading_true(hits: torch.Tensor) -> torch.Tensor:
    """int64 [m]: how many columns of bool [m, depth] are true before the first that is not."""
    return hits.long().cumprod(dim=1).sum(dim=1)
