"""The packed, batched network equals the definition, computed row by row."""

import pytest
import tiny_target
import torch
from torch.nn import functional

from chimera_train.batch import pack
from chimera_train.rollout import rollout


def reference_logits(drafter, sequence, anchor, depth):
    """Logits `depth` steps behind `anchor` of one sequence, from the formulas."""
    config, weights = drafter.config, drafter.state_dict()
    size, heads, kv_heads, head_dim = config.hidden_size, config.query_head_count, config.kv_head_count, config.head_dim

    def norm(x, weight):
        return x / (x.square().mean() + config.rms_norm_epsilon).sqrt() * weight

    def trigram(i):
        tokens = [sequence.token_ids[j] if j >= 0 else None for j in range(i - config.trigram_order + 1, i + 1)]
        rows = [torch.zeros(size) if t is None else drafter.token_embeddings[t] for t in tokens]
        hidden = functional.silu(weights["trigram_encoder.w1"] @ torch.cat(rows))
        return weights["trigram_encoder.w2"] @ hidden

    def feature(i):
        states = sequence.hidden_states[i].float()
        return weights["fuse.weight"] @ torch.cat([norm(h, w) for h, w in zip(states, weights["fuse.norms"])])

    def encoder(name):
        return weights[f"context_encoder.{name}"]

    def rotated(x, position):
        out = x.clone()
        for pair in range(head_dim // 2):
            angle = torch.tensor(position * config.rope_base ** (-2 * pair / head_dim))
            a, b = x[:, 2 * pair], x[:, 2 * pair + 1]
            out[:, 2 * pair] = a * angle.cos() - b * angle.sin()
            out[:, 2 * pair + 1] = a * angle.sin() + b * angle.cos()
        return out

    def combined(t, f):
        return encoder("input") @ torch.cat((norm(t, encoder("token_norm")), norm(f, encoder("feature_norm"))))

    def key_value(z, position):
        normed = norm(z, encoder("attention_norm"))
        key = (encoder("key") @ normed).view(kv_heads, head_dim)
        return rotated(key, position), (encoder("value") @ normed).view(kv_heads, head_dim)

    def block(z, position, seen):
        query = rotated((encoder("query") @ norm(z, encoder("attention_norm"))).view(heads, head_dim), position)
        attended = []
        for head in range(heads):
            group = head * kv_heads // heads
            scores = torch.stack([query[head] @ key[group] for key, _ in seen]) / head_dim**0.5
            attended.append(scores.softmax(0) @ torch.stack([value[group] for _, value in seen]))
        hidden = z + encoder("attention_output") @ torch.cat(attended)
        normed = norm(hidden, encoder("ffn_norm"))
        gated = functional.silu(encoder("ffn_gate") @ normed) * (encoder("ffn_up") @ normed)
        return hidden + encoder("ffn_down") @ gated

    past = [(i, key_value(combined(trigram(i + 1), feature(i)), i)) for i in range(anchor + 1)]
    chain, output = [], feature(anchor)
    for step in range(depth + 1):
        position = anchor + step
        z = combined(trigram(position + 1), output)
        if step > 0:
            chain.append(key_value(z, position))
        oldest = min(position - config.context_window + 1, anchor)
        output = block(z, position, [entry for i, entry in past if i >= oldest] + chain)
    if config.residual_head:
        output = output + weights["residual_head.weight"] @ feature(anchor)
    return weights["residual_head.embedding"] @ norm(output, weights["residual_head.norm"])


@pytest.mark.parametrize("changes", [{}, {"trigram_encoder": False}, {"residual_head": False}, {"context_window": 7}])
def test_equals_the_definition(new_drafter, target, changes):
    drafter = new_drafter(**changes)
    sequences = [tiny_target.new_sequence(target, index, 0.7, n_tokens=14 + 3 * index) for index in range(3)]
    batch = pack(sequences)
    starts = [0, 14, 31]
    n_compared = 0
    with torch.no_grad():
        for level in rollout(drafter, drafter.encode(batch), 4):
            logits = drafter.residual_head(level.head_states)
            assert torch.equal(level.labels, level.anchors + level.depth + 2)
            for row in range(0, len(level.anchors), 5):
                number = int(batch.sequence_ids[level.anchors[row]])
                anchor = int(level.anchors[row]) - starts[number]
                expected = reference_logits(drafter, sequences[number], anchor, level.depth)
                torch.testing.assert_close(logits[row], expected, rtol=1e-4, atol=1e-4)
                n_compared += 1
    assert n_compared > 20


def test_anchors_are_those_that_serving_has(target):
    sequence = tiny_target.new_sequence(target, 3, 0.0, n_tokens=20)
    batch = pack([sequence, sequence])
    first = sequence.response_start - 1  # its state is known when the first token of the answer is
    assert batch.anchors.tolist() == [*range(first, 18), *range(20 + first, 38)]


def test_paper_form_predicts_deeper_tokens_from_one_pass(new_drafter, target):
    drafter = new_drafter(depth_heads=3)
    batch = pack([tiny_target.new_sequence(target, 1, 0.0)])
    with torch.no_grad():
        levels = list(rollout(drafter, drafter.encode(batch), 3))
        context = drafter.encode(batch)
        chains = drafter.start(context, levels[2].anchors)
        size = drafter.config.hidden_size
        shortcut = context.features[levels[2].anchors] @ drafter.residual_head.weight[2 * size :].T
        expected = functional.rms_norm(
            chains.outputs + shortcut, (size,), drafter.residual_head.norm, drafter.config.rms_norm_epsilon
        )
    assert [len(level.anchors) for level in levels] == [len(batch.anchors) - k for k in range(3)]
    torch.testing.assert_close(levels[2].head_states, expected)
