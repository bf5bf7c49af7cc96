"""Trees agree with the roll-out along the true tokens, and with counting by hand."""

import pytest
import tiny_target
import torch

from chimera_train.acceptance import StepCount, leading_true
from chimera_train.batch import pack
from chimera_train.draft_tree import TreeShape, grow_trees, true_path_ranks
from chimera_train.rollout import rollout


@pytest.mark.parametrize("changes", [{}, {"trigram_encoder": False}, {"depth_heads": 3}])
def test_true_path_has_the_probability_of_the_rollout(new_drafter, target, changes):
    drafter = new_drafter(**changes)
    batch = pack([tiny_target.new_sequence(target, index, 0.0, n_tokens=24) for index in range(2)])
    n_children = drafter.config.draft_vocab_size  # all, so that every known token is a candidate
    with torch.no_grad():
        trees = grow_trees(drafter, batch, TreeShape(depth=3, beams=n_children, children=n_children))
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
        levels = grow_trees(drafter, batch, TreeShape(depth=2, beams=4, children=4))
    ranks = true_path_ranks(levels, 2)
    for row in range(len(batch.anchors)):
        candidates = torch.cat([level.log_probabilities[row] for level in levels]).sort(descending=True).values.tolist()
        for depth, level in enumerate(levels):
            own = level.log_probabilities[row][level.is_true[row]]
            expected = candidates.index(float(own[0])) if len(own) else 1 << 30
            assert int(ranks[row, depth]) == expected
        if ranks[row, 1] < 1 << 30:
            assert ranks[row, 0] < ranks[row, 1]  # a tree holds the parents of its nodes


def test_steps_are_counted_as_in_serving():
    count = StepCount()
    count.add(torch.tensor([2, 0, 0, 0, 5, 0]))  # steps at 0 (two and bonus), 3 (bonus), 4 (one is left, and bonus)
    assert (count.tokens, count.steps, count.tau) == (6, 3, 2.0)


def test_leading_true():
    hits = torch.tensor([[True, True, False], [False, True, True], [True, True, True]])
    assert leading_true(hits).tolist() == [2, 0, 3]
