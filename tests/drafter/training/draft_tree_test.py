"""Trees agree with the roll-out along the true tokens, with the trees of serving, and with counting by hand."""

import math

import pytest
import tiny_target
import torch

from chimera_train.acceptance import StepCount, leading_true
from chimera_train.batch import pack
from chimera_train.draft_tree import TreeLimits, grow_trees, true_path_ranks
from chimera_train.rollout import rollout


# Trees without any limit but their width.
WIDE = {"min_path_probability": 0.0, "min_extend_probability": 0.0, "logit_range": math.inf}


@pytest.mark.parametrize("changes", [{}, {"trigram_encoder": False}, {"depth_heads": 3}])
def test_true_path_has_the_probability_of_the_rollout(new_drafter, target, changes):
    drafter = new_drafter(**changes)
    batch = pack([tiny_target.new_sequence(target, index, 0.0, n_tokens=24) for index in range(2)])
    n_children = drafter.config.draft_vocab_size  # all, so that every known token is a candidate
    with torch.no_grad():
        trees = grow_trees(drafter, batch, TreeLimits(3, n_children, n_children, **WIDE))
        rollout_levels = list(rollout(drafter, drafter.encode(batch), 3))
    path = torch.zeros(len(batch.token_ids))
    n_compared = 0
    for tree, level in zip(trees, rollout_levels, strict=True):
        log_probabilities = drafter.residual_head(level.head_states).log_softmax(dim=-1)
        for row, anchor in enumerate(level.anchors):
            token = int(batch.token_ids[level.labels[row]])
            path[anchor] += log_probabilities[row, token] if token < n_children else float("-inf")
            place = int((batch.anchors == anchor).nonzero())
            found = tree.log_probabilities[place][tree.is_true[place]]
            if len(found):
                torch.testing.assert_close(found[0], path[anchor], rtol=1e-4, atol=1e-4)
                n_compared += 1
    assert n_compared > 30


def test_ranks_count_more_probable_candidates(new_drafter, target):
    drafter = new_drafter()
    batch = pack([tiny_target.new_sequence(target, 5, 0.0)])
    with torch.no_grad():
        levels = grow_trees(drafter, batch, TreeLimits(2, 4, 4, **WIDE))
    ranks = true_path_ranks(levels, 2)
    for row in range(len(batch.anchors)):
        candidates = torch.cat([level.log_probabilities[row] for level in levels]).sort(descending=True).values.tolist()
        for depth, level in enumerate(levels):
            own = level.log_probabilities[row][level.is_true[row]]
            expected = candidates.index(float(own[0])) if len(own) else 1 << 30
            assert int(ranks[row, depth]) == expected
        if ranks[row, 1] < 1 << 30:
            assert ranks[row, 0] < ranks[row, 1]  # a tree holds the parents of its nodes


def served_tree(drafter, batch, budget, limits):
    """Paths of the nodes that ChimeraDraftModel proposes behind the batch's one anchor: its rules, node by node."""
    context = drafter.encode(batch)
    known = batch.token_ids[batch.anchors[0] : batch.anchors[0] + 2].tolist()
    candidates = {}  # path -> probability, in the order in which they were found

    def look_behind(path):
        chains = drafter.start(context, batch.anchors)
        for end in range(1, len(path) + 1):
            newest = torch.tensor((known + list(path[:end]))[-3:])
            embeddings = drafter.token_embeddings[newest].view(1, -1)
            chains = drafter.extend(context, chains, drafter.trigram_encoder(embeddings))
        logits = drafter.residual_head(drafter.head_states(context, chains))[0].tolist()
        least = max(logits) - limits.logit_range
        weights = {token: math.exp(logit - max(logits)) for token, logit in enumerate(logits) if logit >= least}
        for token in sorted(weights, key=weights.get, reverse=True)[: limits.children]:
            probability = candidates.get(path, 1.0) * weights[token] / sum(weights.values())
            if len(path) < limits.depth and probability >= limits.min_path_probability:
                candidates[*path, token] = probability

    def best():
        return sorted(candidates, key=candidates.get, reverse=True)[:budget]

    look_behind(())
    done = set()
    while True:
        more = [path for path in best() if path not in done and candidates[path] >= limits.min_extend_probability]
        if not more:
            return set(best())
        for path in more[: limits.beams]:
            look_behind(path)
            done.add(path)


def test_trees_are_those_of_serving(new_drafter, target):
    drafter, limits = new_drafter(), TreeLimits()
    drafter.residual_head.norm.data *= 0.8  # neither sure nor at a loss, so that trees branch and have several levels
    n_paths, depths = 0, set()
    for index in range(4):
        batch = pack([tiny_target.new_sequence(target, index, 0.0, n_tokens=24)])
        anchor = 12
        batch.anchors = torch.tensor([anchor])
        with torch.no_grad():
            trees = {budget: served_tree(drafter, batch, budget, limits) for budget in (2, 6, 63)}
        for path in trees[63]:
            # Whatever follows is the truth; it does not count in what the drafter sees.
            batch.token_ids[anchor + 2 : anchor + 2 + len(path)] = torch.tensor(path)
            with torch.no_grad():
                ranks = true_path_ranks(grow_trees(drafter, batch, limits), limits.depth)[0]
            for budget, nodes in trees.items():
                assert (int(ranks[len(path) - 1]) < budget) == (path in nodes)
            depths.add(len(path))
            n_paths += 1
    assert n_paths > 20 and {1, 2, 3} <= depths


def test_steps_are_counted_as_in_serving():
    count = StepCount()
    count.add(torch.tensor([2, 0, 0, 0, 5, 0]))  # steps at 0 (two and bonus), 3 (bonus), 4 (one is left, and bonus)
    assert (count.tokens, count.steps, count.tau) == (6, 3, 2.0)


def test_leading_true():
    hits = torch.tensor([[True, True, False], [False, True, True], [True, True, True]])
    assert leading_true(hits).tolist() == [2, 0, 3]
