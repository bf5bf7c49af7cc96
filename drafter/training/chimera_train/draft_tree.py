"""Dynamic trees: where the true continuation ranks among all candidates, by path probability."""

import dataclasses
import math

import torch

from chimera_train.batch import Batch
from chimera_train.drafter import Chains, Context, Drafter

_NOT_IN_TREE = 1 << 30


@dataclasses.dataclass(frozen=True)
class TreeLimits:
    """How a tree grows: level by level, as in serving, whose limits these are (`drafter/tree_grower.h`,
    `drafter/chimera_draft_model.h`, `drafter/network/candidate_selector.cc`)."""

    depth: int = 8  # levels of nodes
    beams: int = 8  # nodes of a level that get children, at most
    children: int = 8  # of each that are looked at
    min_path_probability: float = 0.01  # less probable nodes are not proposed
    min_extend_probability: float = 0.04  # less probable nodes get no children, but in the paper's form, free of cost
    logit_range: float = 10.0  # tokens further below the best do not count in probabilities


@dataclasses.dataclass
class _Candidates:
    """One level of the trees of all m anchors, w places for candidates each."""

    log_probabilities: torch.Tensor  # of the path from the root [m, w]; -inf: no candidate
    token_ids: torch.Tensor  # [m, w]
    is_true: torch.Tensor  # bool [m, w]: the whole path is the true continuation
    chains: torch.Tensor  # int64 [m, w]: row of the chains that proposed it; at the root, that of the anchor
    depth: int  # from 0; the root has -1


def grow_trees(drafter: Drafter, batch: Batch, limits: TreeLimits) -> list[_Candidates]:
    """The levels of a tree at every anchor of the batch, as far as any tree goes."""
    context = drafter.encode(batch)
    chains = drafter.start(context, batch.anchors)
    newest = torch.stack((batch.token_ids[batch.anchors], batch.token_ids[batch.anchors + 1]), dim=1)
    roots = _roots(batch)
    levels = [_propose(drafter, context, chains, roots, roots.log_probabilities == 0, limits)]
    several_heads = drafter.config.depth_heads > 1
    least = _log(limits.min_path_probability if several_heads else limits.min_extend_probability)
    for _ in range(1, _level_limit(drafter, limits)):
        parents = _best(levels[-1], limits.beams)
        grows = parents.log_probabilities >= max(least, torch.finfo(torch.float32).min)
        if not grows.any():
            break
        rows = parents.chains[grows]  # anchors still ascend
        chains = chains.select(rows)
        newest = torch.cat((newest[rows], parents.token_ids[grows][:, None]), dim=1)[:, -3:]
        if not several_heads:
            embeddings = drafter.token_embeddings[newest[:, -drafter.config.trigram_order :]].flatten(1)
            chains = drafter.extend(context, chains, drafter.trigram_encoder(embeddings))
        levels.append(_propose(drafter, context, chains, parents, grows, limits))
    return levels


def _roots(batch: Batch) -> _Candidates:
    rows = torch.arange(len(batch.anchors), device=batch.anchors.device)[:, None]
    return _Candidates(
        log_probabilities=torch.zeros(rows.shape, device=rows.device),
        token_ids=batch.token_ids[batch.anchors + 1, None],
        is_true=torch.ones_like(rows, dtype=torch.bool),
        chains=rows,
        depth=-1,
    )


def _level_limit(drafter: Drafter, limits: TreeLimits) -> int:
    """The paper's form has one level for each of its heads."""
    heads = drafter.config.depth_heads
    return limits.depth if heads == 1 else min(heads, limits.depth)


def true_path_ranks(levels: list[_Candidates], max_depth: int) -> torch.Tensor:
    """int64 [m, levels]: the rank, from 0, of each true node in the tree of at most max_depth levels.

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
    drafter: Drafter, context: Context, chains: Chains, parents: _Candidates, grows: torch.Tensor, limits: TreeLimits
) -> _Candidates:
    """Children of those `parents` [m, w] that `grows`, bool [m, w], picks, n in all: their chains are the n rows of
    `chains`, in order."""
    batch, depth = context.batch, parents.depth + 1
    depth_head = depth if drafter.config.depth_heads > 1 else 0
    logits = drafter.residual_head(drafter.head_states(context, chains, depth_head)).float()
    too_low = logits < logits.amax(dim=-1, keepdim=True) - limits.logit_range
    log_probabilities = logits.masked_fill(too_low, float("-inf")).log_softmax(dim=-1)
    best = log_probabilities.topk(min(limits.children, logits.shape[-1]), dim=-1)
    path = parents.log_probabilities[grows][:, None] + best.values
    path = path.masked_fill(path < _log(limits.min_path_probability), float("-inf"))
    token_ids = drafter.draft_vocabulary[best.indices]
    true_index = torch.minimum(batch.anchors + depth + 2, batch.last_index[batch.anchors])
    true_ids = batch.token_ids[true_index][grows.nonzero()[:, 0], None]
    is_true = parents.is_true[grows][:, None] & (token_ids == true_ids) & path.isfinite()
    rows = torch.arange(len(token_ids), device=token_ids.device)[:, None].expand_as(token_ids)

    def spread(values: torch.Tensor, nothing: float) -> torch.Tensor:
        """From [n, children] to [m, w * children]."""
        wide = values.new_full((*grows.shape, values.shape[1]), nothing)
        wide[grows] = values
        return wide.flatten(1)

    return _Candidates(
        log_probabilities=spread(path, float("-inf")),
        token_ids=spread(token_ids, 0),
        is_true=spread(is_true, False),
        chains=spread(rows, 0),
        depth=depth,
    )


def _best(level: _Candidates, n: int) -> _Candidates:
    """The n most probable candidates of each anchor."""
    chosen = level.log_probabilities.topk(min(n, level.token_ids.shape[1]), dim=1).indices
    names = ("log_probabilities", "token_ids", "is_true", "chains")
    return dataclasses.replace(level, **{name: getattr(level, name).gather(1, chosen) for name in names})


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else float("-inf")
