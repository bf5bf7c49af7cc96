"""A draft network in PyTorch, with the arithmetic of Chimera's kernels (kernel_arithmetic.py).

It shares no code with Chimera: files are read by PyPI `safetensors` and `gguf`, arithmetic is PyTorch's.
"""

import gguf
import numpy as np
import torch
from safetensors import safe_open

import kernel_arithmetic

PAGE_POSITIONS = 16


class ReferenceDrafter:
    """One sequence at a time, and chains behind many of its positions."""

    def __init__(self, drafter_path, model_path, rounds_activations=True):
        """Without `rounds_activations` matrices multiply what they are given, dequantised and in any order."""
        with safe_open(drafter_path, framework="pt") as file:
            self.metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        self.tapped_layers = self.metadata["tapped_layers"]
        self.draft_vocab_size = len(tensors.pop("draft_vocabulary"))
        self.depth_heads = self._number("depth_heads")
        self._rounds_activations = rounds_activations
        self._norms = {name: tensor for name, tensor in tensors.items() if "norm" in name}
        self._matrices = {name: self._matrix(name, tensor) for name, tensor in tensors.items() if "norm" not in name}
        self._query_heads, self._kv_heads = self._number("query_head_count"), self._number("kv_head_count")
        self._head_dim, self._window = self._number("head_dim"), self._number("context_window")
        self._trigram_order = self._number("trigram_order")
        self._rope_base = float(np.float32(self.metadata["rope_base"]))
        self._epsilon = float(self.metadata["rms_norm_epsilon"])
        self._embedding = _read_embedding(model_path)

    def _number(self, key):
        return int(self.metadata[key])

    def _matrix(self, name, tensor):
        if tensor.dtype == torch.uint8:
            key = "embedding_weight_type" if name == "residual_head.embedding" else "weight_type"
            return kernel_arithmetic.QuantisedMatrix(tensor, self.metadata[key])
        return kernel_arithmetic.FloatMatrix(tensor)

    @torch.no_grad()
    def draft_logits(self, token_ids, states, begin, end, depth):
        """Logits along the true tokens of a sequence behind its first k tokens, for k = begin, ..., end - 1.

        token_ids int64 [n]; states bf16 [n, n_tapped, hidden_size]. The context grows from `begin` tokens, which come
        at once, one by one. Returns a list: element d [n_rows, draft_vocab_size] is behind d drafted tokens, a row for
        each k with k + d <= n; with several depth heads, element d is that of head d.
        """
        known = torch.arange(begin, end)
        trigrams = self._encode_trigrams(token_ids)
        features = self._fuse(states[:-1].float())
        z = self._mix(trigrams[1:], features)  # row j: the features of position j, the token of position j + 1
        keys_values, oldest = self._keys_values(z, torch.arange(len(z))), self._begin_of_context(known)
        newest = known - 2
        encoding = self._encode(z[newest], newest, (keys_values, oldest, known - 1), ())
        residuals = self._linear(features[newest], "residual_head.weight").unflatten(1, (self.depth_heads, -1))
        if self.depth_heads > 1:
            return [self._score(encoding, residuals[:, head]) for head in range(self.depth_heads)]
        levels, chain = [self._score(encoding, residuals[:, 0])], ()
        for drafted in range(1, depth + 1):
            count = int((known + drafted <= len(token_ids)).sum())
            if count == 0:
                break
            positions = newest[:count] + drafted
            chain_z = self._mix(trigrams[positions + 1], encoding[:count])
            chain = tuple(pair[:, :count] for pair in chain) + (self._keys_values(chain_z, positions),)
            context = (keys_values, oldest[:count], known[:count] - 1)
            encoding = self._encode(chain_z, positions, context, chain)
            levels.append(self._score(encoding, residuals[:count, 0]))
        return levels

    def _linear(self, x, name):
        matrix = self._matrices[name]
        return matrix(x) if self._rounds_activations else x @ matrix.weight.T

    def _norm(self, x, weight):
        return kernel_arithmetic.rms_norm(x, weight, self._epsilon)

    def _block_norm(self, x, name):
        return self._norm(x, self._norms[f"context_encoder.{name}"])

    def _encode_trigrams(self, token_ids):
        """[n, hidden_size]: row i encodes the tokens up to i; those before the first are zero."""
        rows = self._norm(self._embedding[token_ids], 1.0)
        order = self._trigram_order
        padded = torch.cat((torch.zeros(order - 1, rows.shape[1]), rows))
        ngrams = torch.cat([padded[i : i + len(rows)] for i in range(order)], dim=1)
        hidden = kernel_arithmetic.silu(self._linear(ngrams, "trigram_encoder.w1"))
        return self._linear(hidden, "trigram_encoder.w2")

    def _fuse(self, states):
        norms = self._norms["fuse.norms"].view(states.shape[1:])
        return self._linear(self._norm(states, norms).flatten(1), "fuse.weight")

    def _mix(self, trigrams, features):
        normed = (self._block_norm(trigrams, "token_norm"), self._block_norm(features, "feature_norm"))
        return self._linear(torch.cat(normed, dim=1), "context_encoder.input")

    def _heads(self, z, name, count):
        normed = self._block_norm(z, "attention_norm")
        return self._linear(normed, f"context_encoder.{name}").unflatten(1, (count, self._head_dim))

    def _rotate(self, heads, positions):
        return kernel_arithmetic.rotate(heads, positions, self._rope_base)

    def _keys_values(self, z, positions):
        """[2, n, kv_heads, head_dim], of fp16 precision."""
        keys = self._rotate(self._heads(z, "key", self._kv_heads), positions)
        return torch.stack((keys, self._heads(z, "value", self._kv_heads))).half().float()

    def _begin_of_context(self, known):
        """int64 [n_known]: the first row that a context holds. It slides by pages, from where its first row came."""
        first_rows = int(known[0]) - 1
        origin = first_rows - self._window if first_rows > self._window else 0
        pages = torch.ceil((known - 1 - origin) / PAGE_POSITIONS).long()
        page_limit = -(-self._window // PAGE_POSITIONS) + 1
        return origin + (pages - page_limit).clamp(min=0) * PAGE_POSITIONS

    def _encode(self, z, positions, context, chain):
        """Outputs of the encoder for rows z [n, hidden_size], which see their context and a chain behind it.

        context: keys_values [2, T, ...] of the true rows, and of each row of z where its context begins and ends.
        chain: keys_values [2, n, ...] of each drafted row.
        """
        keys_values, begin, end = context
        first = int(begin.min())
        group = self._query_heads // self._kv_heads
        past = keys_values[:, None, first:].expand(-1, len(z), -1, -1, -1)
        place = torch.arange(first, first + past.shape[2])
        is_visible = (place >= begin[:, None]) & (place < end[:, None])
        # A chain goes on where its context ends, so that its rows count on from there.
        past = torch.cat([past, past.new_zeros(2, len(z), len(chain), *past.shape[3:])], dim=2)
        is_visible = torch.cat([is_visible, is_visible.new_zeros(len(z), len(chain))], dim=1)
        row = torch.arange(len(z))
        for i, pair in enumerate(chain):
            past[:, row, end - first + i] = pair
            is_visible[row, end - first + i] = True
        keys, values = past.repeat_interleave(group, dim=3)
        query = self._rotate(self._heads(z, "query", self._query_heads), positions)
        mixed = kernel_arithmetic.attend(query, keys, values, is_visible)
        hidden = z + self._linear(mixed.flatten(1), "context_encoder.attention_output")
        normed = self._block_norm(hidden, "ffn_norm")
        gate = kernel_arithmetic.silu(self._linear(normed, "context_encoder.ffn_gate"))
        gated = gate * self._linear(normed, "context_encoder.ffn_up")
        return hidden + self._linear(gated, "context_encoder.ffn_down")

    def _score(self, encoding, residuals):
        normed = self._norm(encoding + residuals, self._norms["residual_head.norm"])
        return self._linear(normed, "residual_head.embedding")


def _read_embedding(model_path):
    """The token embedding of a GGUF file, fp32 [vocab_size, hidden_size]."""
    for tensor in gguf.GGUFReader(model_path).tensors:
        if tensor.name == "token_embd.weight":
            return torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
    raise ValueError(f"{model_path} has no token_embd.weight")
