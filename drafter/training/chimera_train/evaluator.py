"""Evaluation on held-out answers: what the served pair would accept."""

import collections
import dataclasses
from collections.abc import Iterator

import torch

from chimera_train.acceptance import StepCount, leading_true
from chimera_train.batch import Batch, pack
from chimera_train.dataset import Dataset
from chimera_train.distributed import mixed_precision, product_dtype
from chimera_train.draft_tree import TreeLimits, grow_trees, true_path_ranks
from chimera_train.drafter import Drafter
from chimera_train.level_statistics import LevelStatistics

TREE_NODES = (4, 8, 12, 16, 24, 32, 48, 64)
HEADLINE_NODES = 16
CHAIN_LENGTH = 5
_QUICK_SEQUENCES = 48
_OTHER = "other"


@dataclasses.dataclass
class _Taus:
    """Step counts by chain length, and by nodes and depth of trees."""

    chains: dict[int, StepCount] = dataclasses.field(default_factory=lambda: collections.defaultdict(StepCount))
    trees: dict[tuple[int, int], StepCount] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(StepCount)
    )


@dataclasses.dataclass(frozen=True)
class EvaluationOptions:
    answers: int | None = None  # that are used; None for all
    limits: TreeLimits = TreeLimits()  # of dynamic trees, whose nodes are limited besides
    tree_shape: tuple[int, ...] = ()  # of static trees, in which each node of level i has tree_shape[i] children


@torch.no_grad()
def evaluate(
    drafter: Drafter, dataset: Dataset, categories: dict[int, str], device: torch.device, options: EvaluationOptions
) -> dict:
    """All figures, as JSON can hold them. `categories` is by prompt index."""
    limits, tree_shape = options.limits, options.tree_shape
    n_levels = _level_count(drafter, limits.depth)
    statistics = LevelStatistics(n_levels)
    overall, by_category, static = _Taus(), collections.defaultdict(_Taus), StepCount()
    widths = torch.tensor(tree_shape[:n_levels])
    n_sequences = n_tokens = 0
    drafter.to(device)
    dtype = product_dtype(device)
    for batch, prompt_index in _answers(dataset, device, options.answers):
        with mixed_precision(device, dtype):
            guess_ranks = statistics.add(drafter, batch)
            levels = grow_trees(drafter, batch, limits)
        static.add(leading_true(guess_ranks[:, : len(widths)] < widths))
        n_sequences += 1
        n_tokens += len(batch.anchors)
        for taus in (overall, by_category[categories.get(prompt_index, _OTHER)]):
            for length in range(1, n_levels + 1):
                taus.chains[length].add(leading_true(guess_ranks[:, :length] == 0))
            for depth in range(1, n_levels + 1):
                ranks = true_path_ranks(levels, depth).cpu()
                for nodes in TREE_NODES:
                    taus.trees[nodes, depth].add(leading_true(ranks < nodes))
    headline = (HEADLINE_NODES, n_levels)
    return {
        "target_name": dataset.source.target_name,
        "target_identity": dataset.source.target_identity,
        "answers": n_sequences,
        "tokens": n_tokens,
        "tau": overall.trees[headline].tau,
        "levels": statistics.accuracy(),
        "chain_tau": {str(length): count.tau for length, count in overall.chains.items()},
        "tree_limits": dataclasses.asdict(limits),
        "tree_tau": _tree_table(overall, n_levels),
        **({"tree_shape": list(tree_shape), "static_tau": static.tau} if tree_shape else {}),
        "categories": {
            name: {
                "chain_tau": taus.chains[min(CHAIN_LENGTH, n_levels)].tau,
                "tree_tau": {str(nodes): taus.trees[nodes, n_levels].tau for nodes in TREE_NODES},
            }
            for name, taus in sorted(by_category.items())
        },
        "calibration": statistics.calibration(),
    }


@torch.no_grad()
def quick_figures(drafter: Drafter, dataset: Dataset, device: torch.device, dtype: torch.dtype) -> dict[str, float]:
    """What to watch during training, on some of the answers: first-level accuracy, tau of chains and of trees."""
    limits = TreeLimits()
    statistics, chains, trees = LevelStatistics(_level_count(drafter, CHAIN_LENGTH)), StepCount(), StepCount()
    for batch, _ in _answers(dataset, device, _QUICK_SEQUENCES):
        with mixed_precision(device, dtype):
            chains.add(leading_true(statistics.add(drafter, batch) == 0))
            ranks = true_path_ranks(grow_trees(drafter, batch, limits), limits.depth)
        trees.add(leading_true(ranks < HEADLINE_NODES))
    first = statistics.accuracy()[0]
    return {"top1": first["top1"], "top4": first["top4"], "chain_tau": chains.tau, "tree_tau": trees.tau}


def _answers(dataset: Dataset, device: torch.device, limit: int | None) -> Iterator[tuple[Batch, int]]:
    """Evenly chosen answers, one a batch, with their prompt indices."""
    n = min(limit or len(dataset), len(dataset))
    for i in range(n):
        sequence = dataset.sequence(i * len(dataset) // n)
        batch = pack([sequence]).to(device)
        if len(batch.anchors):
            yield batch, sequence.prompt_index


def _level_count(drafter: Drafter, limit: int) -> int:
    heads = drafter.config.depth_heads
    return limit if heads == 1 else min(heads, limit)


def _tree_table(taus: _Taus, n_levels: int) -> dict[str, dict[str, float]]:
    """Nodes -> greatest depth -> tau."""
    return {
        str(nodes): {str(depth): taus.trees[nodes, depth].tau for depth in range(1, n_levels + 1)}
        for nodes in TREE_NODES
    }
