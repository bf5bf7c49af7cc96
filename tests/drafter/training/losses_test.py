"""The chunked cross-entropy equals PyTorch's, gradients included; hard labels leave out what cannot be drafted."""

import pytest
import tiny_target
import torch

from chimera_train import losses
from chimera_train.batch import pack
from chimera_train.losses import DistillationLoss, SoftCrossEntropy, TargetDistribution


def test_equals_pytorch(monkeypatch):
    monkeypatch.setattr(losses, "_ROWS_PER_CHUNK", 5)
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(13, 8, generator=generator, requires_grad=True)
    embedding = torch.randn(20, 8, generator=generator, requires_grad=True)
    table = torch.randn(30, 20, generator=generator).softmax(dim=-1)
    rows = torch.randperm(30, generator=generator)[:13]
    expected = torch.nn.functional.cross_entropy(states @ embedding.T, table[rows], reduction="sum")
    expected_grads = torch.autograd.grad(3 * expected, (states, embedding))
    loss = SoftCrossEntropy.apply(states, embedding, table, rows, torch.float32)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(3 * loss, (states, embedding)), expected_grads)


@pytest.mark.parametrize("labels", ["soft", "hard"])
def test_distillation_loss_is_the_mean_over_levels(new_drafter, target, labels):
    drafter = new_drafter()
    batch = pack([tiny_target.new_sequence(target, index, 0.7) for index in range(3)])
    vocabulary = drafter.draft_vocabulary
    soft = TargetDistribution(target.output_norm, target.output[vocabulary], tiny_target.EPSILON, torch.bfloat16)
    everything = torch.ones(len(batch.anchors), dtype=torch.bool)
    loss = DistillationLoss(drafter, soft if labels == "soft" else None, depth_decay=0.5)
    total = loss(batch, batch.hidden_states, 2, everything)

    means = []
    for level in losses.rollout(drafter, drafter.encode(batch), 2):
        log_probabilities = drafter.residual_head(level.head_states).log_softmax(dim=-1)
        if labels == "soft":
            wanted = soft(batch.hidden_states[level.labels - 1, -1]).float()
            means.append(-(wanted * log_probabilities).sum(dim=-1).mean())
        else:
            known = (batch.token_ids[level.labels] < len(vocabulary)).nonzero()[:, 0]
            assert 0 < len(known) < len(level.labels)
            means.append(-log_probabilities[known, batch.token_ids[level.labels][known]].mean())
    torch.testing.assert_close(total, (means[0] + 0.5 * means[1]) / 1.5)
