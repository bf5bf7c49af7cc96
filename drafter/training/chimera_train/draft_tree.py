"""Dynamic trees: where the true continuation ranks among all candidates, by path probability."""

import dataclasses

import torch

from chimera_train.batch import Batch
from chimera_train.drafter import Chains, Context, Drafter

_NOT_IN_TREE = 1 << 30


@dataclasses.dataclass(frozen=True)
class TreeShape:
    """How a tree grows: level by level, from the best nodes of the level above."""

    depth: int = 8  # levels of nodes
    beams: int = 8  # nodes of a level that get children
    children: int = 8  # of each


@dataclasses.dataclass
class _Candidates:
    """One level of the trees of all m anchors, w candidates each."""

    log_probabilities: torch.Tensor  # of the path from the root [m, w]
    token_ids: torch.Tensor  # [m, w]
    is_true: torch.Tensor  # bool [m, w]: the whole path is the true continuation
    parents: torch.Tensor  # int64 [m, w]: row of the chains that proposed it
    depth: int  # from 0; the root has -1


def grow_trees(drafter: Drafter, batch: Batch, shape: TreeShape) -> list[_Candidates]:
    """The levels of a tree at every anchor of the batch."""
    context = drafter.encode(batch)
    chains = drafter.start(context, batch.anchors)
    newest = torch.stack((batch.token_ids[batch.anchors], batch.token_ids[batch.anchors + 1]), dim=1)
    levels = [_propose(drafter, context, chains, _roots(batch), shape.children)]
    for depth in range(1, _level_limit(drafter, shape)):
        parents = _best(levels[-1], shape.beams)
        rows = parents.parents.flatten()
        chains = chains.select(rows)
        newest = torch.cat((newest[rows], parents.token_ids.flatten()[:, None]), dim=1)[:, -3:]
        if drafter.config.depth_heads == 1:
            embeddings = drafter.token_embeddings[newest[:, -drafter.config.trigram_order :]].flatten(1)
            chains = drafter.extend(context, chains, drafter.trigram_encoder(embeddings))
        levels.append(_propose(drafter, context, chains, parents, shape.children))
    return levels


def _roots(batch: Batch) -> _Candidates:
    rows = torch.arange(len(batch.anchors), device=batch.anchors.device)[:, None]
    return _Candidates(
        log_probabilities=torch.zeros(rows.shape, device=rows.device),
        token_ids=batch.token_ids[batch.anchors + 1, None],
        is_true=torch.ones_like(rows, dtype=torch.bool),
        parents=rows,
        depth=-1,
    )


def _level_limit(drafter: Drafter, shape: TreeShape) -> int:
    """The paper's form has one level for each of its heads."""
    heads = drafter.config.depth_heads
    return shape.depth if heads == 1 else min(heads, shape.depth)


def true_path_ranks(levels: list[_Candidates], max_depth: int) -> torch.Tensor:
    """int64 [m, max_depth]: the rank, from 0, of each true node in the tree of at most max_depth levels.

    A tree of N nodes holds the nodes of rank below N. Nodes that were no candidates rank beyond any N.
    """
    everything = torch.cat([level.log_probabilities for level in levels[:max_depth]], dim=1)
    ranks = []
    for level in levels[:max_depth]:
        own = level.log_probabilities.masked_fill(~level.is_true, float("-inf")).amax(dim=1)
        rank = (everything > own[:, None]).sum(dim=1)
        ranks.append(rank.masked_fill(~level.is_true.any(dim=1), _NOT_IN_TREE))
    return torch.stack(ranks, dim=1)


def _propose(
    drafter: Drafter, context: Context, chains: Chains, parents: _Candidates, n_children: int
) -> _Candidates:
    """Children of `parents` [m, w], whose chains are the m * w rows of `chains`."""
    batch, (m, w), depth = context.batch, parents.token_ids.shape, parents.depth + 1
    depth_head = depth if drafter.config.depth_heads > 1 else 0
    logits = drafter.residual_head(drafter.head_states(context, chains, depth_head)).float()
    best = logits.log_softmax(dim=-1).topk(min(n_children, logits.shape[-1]), dim=-1)
    token_ids = drafter.draft_vocabulary[best.indices].view(m, w, -1)
    true_index = torch.minimum(batch.anchors + depth + 2, batch.last_index[batch.anchors])
    is_true = parents.is_true[..., None] & (token_ids == batch.token_ids[true_index, None, None])
    rows = torch.arange(m * w, device=token_ids.device).view(m, w, 1).expand_as(token_ids)
    return _Candidates(
        log_probabilities=(parents.log_probabilities[..., None] + best.values.view(m, w, -1)).flatten(1),
        token_ids=token_ids.flatten(1),
        is_true=is_true.flatten(1),
        parents=rows.flatten(1),
        depth=depth,
    )


def _best(level: _Candidates, n: int) -> _Candidates:
    """The n most probable candidates of each anchor."""
    chosen = level.log_probabilities.topk(min(n, level.token_ids.shape[1]), dim=1).indices
    names = ("log_probabilities", "token_ids", "is_true", "parents")
    return dataclasses.replace(level, **{name: getattr(level, name).gather(1, chosen) for name in names})
