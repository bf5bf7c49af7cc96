"""Roll-out: drafting along the true tokens, with the drafter's own states in place of the target's."""

import dataclasses
from collections.abc import Iterator

import torch

from chimera_train.batch import Batch
from chimera_train.drafter import Chains, Context, Drafter


@dataclasses.dataclass
class Level:
    """The predictions `depth` tokens beyond the first one. m rows."""

    depth: int
    anchors: torch.Tensor  # int64 [m], as Batch.anchors
    labels: torch.Tensor  # int64 [m], index in the batch of the token each row predicts
    head_states: torch.Tensor  # [m, D], for ResidualHead.forward()


def rollout(
    drafter: Drafter, context: Context, n_levels: int, deeper: torch.Tensor | None = None
) -> Iterator[Level]:
    """Yields levels 0 to n_levels - 1 for the anchors of the batch whose predicted token exists.

    In the paper's form head k of the one encoder pass gives level k, and n_levels is at most depth_heads.
    `deeper`, bool [number of anchors], picks those that go beyond level 0; all if None.
    """
    batch = context.batch
    chains = drafter.start(context, batch.anchors)
    yield _level(drafter, context, chains, 0)
    if deeper is not None:
        chains = chains.select(deeper.nonzero()[:, 0])
    for depth in range(1, n_levels):
        chains = chains.select(_has_label(batch, chains.anchors, depth).nonzero()[:, 0])
        if len(chains.anchors) == 0:
            return
        if drafter.config.depth_heads == 1:
            chains = drafter.extend(context, chains, context.trigrams[chains.anchors + depth + 1])
        yield _level(drafter, context, chains, depth)


def _has_label(batch: Batch, anchors: torch.Tensor, depth: int) -> torch.Tensor:
    return anchors + depth + 2 <= batch.last_index[anchors]


def _level(drafter: Drafter, context: Context, chains: Chains, depth: int) -> Level:
    depth_head = depth if drafter.config.depth_heads > 1 else 0
    states = drafter.head_states(context, chains, depth_head)
    return Level(depth, chains.anchors, chains.anchors + depth + 2, states)
