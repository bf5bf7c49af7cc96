"""The drafter: trigram encoder, fused features, context encoder and residual head as one network."""

import dataclasses

import torch
from torch import nn

from chimera_train.attention import attend_past, attend_past_and_chain
from chimera_train.batch import Batch, pad, unpad
from chimera_train.context_encoder import ContextEncoder
from chimera_train.drafter_config import DrafterConfig
from chimera_train.feature_fusion import FeatureFusion
from chimera_train.layers import rms_norm
from chimera_train.residual_head import ResidualHead
from chimera_train.trigram_encoder import TrigramEncoder, packed_ngrams


@dataclasses.dataclass
class Context:
    """What the drafter knows of the true tokens of a batch of n tokens in B sequences of at most T."""

    batch: Batch
    trigrams: torch.Tensor  # t [n, D], of the trigram that ends in each token
    features: torch.Tensor  # f [n, D]
    z: torch.Tensor  # [n, D]; row i is of t_{i+1} and f_i, and predicts token i + 2
    keys: torch.Tensor  # [B, T, kv_head_count, head_dim], of the rows of z
    values: torch.Tensor  # [B, T, kv_head_count, head_dim]


@dataclasses.dataclass
class Chains:
    """m drafts in the making: each began at an anchor and has gone `depth` tokens beyond the first prediction."""

    anchors: torch.Tensor  # int64 [m], as Batch.anchors
    outputs: torch.Tensor  # g [m, D] of the newest step
    keys: torch.Tensor  # [m, depth, kv_head_count, head_dim], of the drafted steps
    values: torch.Tensor  # [m, depth, kv_head_count, head_dim]

    @property
    def depth(self) -> int:
        return self.keys.shape[1]

    def select(self, rows: torch.Tensor) -> "Chains":
        """The chains that `rows`, int64, name. A chain may be taken several times, to branch."""
        return Chains(self.anchors[rows], self.outputs[rows], self.keys[rows], self.values[rows])


class Drafter(nn.Module):
    """Names of parameters are the names of tensors in the exported file."""

    def __init__(
        self,
        config: DrafterConfig,
        target_embedding: torch.Tensor,
        draft_vocabulary: torch.Tensor,
        head_embedding: torch.Tensor,
    ) -> None:
        """target_embedding [vocab_size, D]; draft_vocabulary [draft_vocab], ascending token ids; head_embedding
        [draft_vocab, D], see ResidualHead."""
        super().__init__()
        self.config = config
        self.trigram_encoder = TrigramEncoder(config)
        self.fuse = FeatureFusion(config)
        self.context_encoder = ContextEncoder(config)
        self.residual_head = ResidualHead(config, head_embedding)
        self.register_buffer("draft_vocabulary", draft_vocabulary.long())
        normed = rms_norm(target_embedding, None, config.rms_norm_epsilon)
        self.register_buffer("token_embeddings", normed, persistent=False)

    def encode(self, batch: Batch) -> Context:
        """Reads the true tokens and states of a batch."""
        embeddings = packed_ngrams(
            self.token_embeddings[batch.token_ids], batch.positions, self.config.trigram_order
        )
        trigrams = self.trigram_encoder(embeddings)
        features = self.fuse(batch.hidden_states)
        z = self.context_encoder.combine(trigrams.roll(-1, dims=0), features)  # a sequence's last row is never used
        keys, values = self.context_encoder.keys_values(z, batch.positions)
        return Context(batch, trigrams, features, z, pad(keys, batch.lengths), pad(values, batch.lengths))

    def start(self, context: Context, anchors: torch.Tensor) -> Chains:
        """Step 0 at each anchor, from true tokens and states only."""
        positions = context.batch.positions[anchors]
        z = context.z[anchors]
        counts = context.batch.row_counts(anchors)
        query = pad(self.context_encoder.queries(z, positions), counts)
        attended = attend_past(query, context.keys, context.values, self._visible(context, anchors, counts, 0))
        outputs = self.context_encoder.finish(z, unpad(attended, counts))
        nothing = context.keys.new_empty(len(anchors), 0, *context.keys.shape[2:])
        return Chains(anchors, outputs, nothing, nothing)

    def extend(self, context: Context, chains: Chains, trigrams: torch.Tensor) -> Chains:
        """One step further: trigrams t [m, D] end in each chain's newest token, and g stands in for f."""
        depth = chains.depth + 1
        positions = context.batch.positions[chains.anchors] + depth
        z = self.context_encoder.combine(trigrams, chains.outputs)
        key, value = self.context_encoder.keys_values(z, positions)
        keys = torch.cat((chains.keys, key[:, None]), dim=1)
        values = torch.cat((chains.values, value[:, None]), dim=1)
        counts = context.batch.row_counts(chains.anchors)
        attended = attend_past_and_chain(
            pad(self.context_encoder.queries(z, positions), counts),
            (context.keys, context.values),
            (pad(keys, counts), pad(values, counts)),
            self._visible(context, chains.anchors, counts, depth),
        )
        return Chains(chains.anchors, self.context_encoder.finish(z, unpad(attended, counts)), keys, values)

    def head_states(self, context: Context, chains: Chains, depth_head: int = 0) -> torch.Tensor:
        """[m, D]: ResidualHead.states() of chains, f_n being the feature at their anchors."""
        return self.residual_head.states(chains.outputs, context.features[chains.anchors], depth_head)

    def _visible(self, context: Context, anchors: torch.Tensor, counts: list[int], depth: int) -> torch.Tensor:
        """[B, A, T]: the true rows that a row `depth` steps behind its anchor sees: up to the anchor, in the window."""
        newest = pad(context.batch.positions[anchors], counts)[:, :, None]
        key_positions = torch.arange(context.keys.shape[1], device=newest.device)
        oldest = newest + depth - self.config.context_window + 1
        return (key_positions <= newest) & (key_positions >= torch.minimum(oldest, newest))
