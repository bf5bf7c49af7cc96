"""A draft network in plain PyTorch, on the dequantised weights of a drafter file and with the kernels' roundings.

Rounded as docs/architecture.md says and nowhere else: what a quantised matrix multiplies, to 8 bits in blocks of 32;
keys and values, to fp16. It shares no code with Chimera: files are read by PyPI `safetensors` and `gguf`, arithmetic
is PyTorch's.
"""

import gguf
import numpy as np
import torch
from safetensors import safe_open

BLOCK = 32
PAGE_POSITIONS = 16
MIN_MAGNITUDE = 2.0**-100


def round_activations(x):
    """x [..., n] in 8 bits: each block of 32 in 127ths of its largest magnitude."""
    blocks = x.unflatten(-1, (-1, BLOCK))
    largest = blocks.abs().amax(dim=-1, keepdim=True)
    is_zero = largest < MIN_MAGNITUDE
    values = (blocks * (127 / largest)).clamp(-127, 127).round()
    return torch.where(is_zero, 0.0, values * (largest / 127)).flatten(-2)


class ReferenceDrafter:
    """One sequence at a time, and chains behind many of its positions."""

    def __init__(self, drafter_path, model_path, rounds_activations=True):
        with safe_open(drafter_path, framework="pt") as file:
            self.metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        self._rounds_activations = rounds_activations
        self._quantised = {name for name, tensor in tensors.items() if tensor.dtype == torch.uint8}
        self.weights = {name: self._widen(tensor) for name, tensor in tensors.items()}
        self.tapped_layers = self.metadata["tapped_layers"]
        self.draft_vocab_size = len(tensors["draft_vocabulary"])
        self.depth_heads = self._number("depth_heads")
        self._query_heads, self._kv_heads = self._number("query_head_count"), self._number("kv_head_count")
        self._head_dim, self._window = self._number("head_dim"), self._number("context_window")
        self._trigram_order = self._number("trigram_order")
        self._rope_base = float(np.float32(self.metadata["rope_base"]))
        self._epsilon = float(self.metadata["rms_norm_epsilon"])
        self._embedding = _read_embedding(model_path)

    def _number(self, key):
        return int(self.metadata[key])

    def _widen(self, tensor):
        if tensor.dtype != torch.uint8:
            return tensor.float()
        kind = gguf.GGMLQuantizationType[self.metadata["weight_type"]]
        return torch.from_numpy(gguf.quants.dequantize(tensor.numpy(), kind).astype(np.float32))

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
        keys, values = self._keys_values(z, torch.arange(len(z)))
        visible = self._visible(known, len(z))
        newest = known - 2
        encoding = self._encode(z[newest], newest, (keys, values, visible), ())
        residuals = self._linear(features[newest], "residual_head.weight").unflatten(1, (self.depth_heads, -1))
        if self.depth_heads > 1:
            return [self._score(encoding, residuals[:, head]) for head in range(self.depth_heads)]
        levels, chain = [self._score(encoding, residuals[:, 0])], ()
        for drafted in range(1, depth + 1):
            count = int((known + drafted <= len(token_ids)).sum())
            positions = newest[:count] + drafted
            chain_z = self._mix(trigrams[positions + 1], encoding[:count])
            chain = tuple(pair[:, :count] for pair in chain) + (self._keys_values(chain_z, positions),)
            encoding = self._encode(chain_z, positions, (keys, values, visible[:count]), chain)
            levels.append(self._score(encoding, residuals[:count, 0]))
        return levels

    def _linear(self, x, name):
        if self._rounds_activations and name in self._quantised:
            x = round_activations(x)
        return x @ self.weights[name].T

    def _norm(self, x, weight):
        return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + self._epsilon) * weight

    def _block_norm(self, x, name):
        return self._norm(x, self.weights[f"context_encoder.{name}"])

    def _encode_trigrams(self, token_ids):
        """[n, hidden_size]: row i encodes the tokens up to i; those before the first are zero."""
        rows = self._norm(self._embedding[token_ids], 1.0)
        order = self._trigram_order
        padded = torch.cat((torch.zeros(order - 1, rows.shape[1]), rows))
        ngrams = torch.cat([padded[i : i + len(rows)] for i in range(order)], dim=1)
        hidden = torch.nn.functional.silu(self._linear(ngrams, "trigram_encoder.w1"))
        return self._linear(hidden, "trigram_encoder.w2")

    def _fuse(self, states):
        norms = self.weights["fuse.norms"].view(states.shape[1:])
        return self._linear(self._norm(states, norms).flatten(1), "fuse.weight")

    def _mix(self, trigrams, features):
        normed = (self._block_norm(trigrams, "token_norm"), self._block_norm(features, "feature_norm"))
        return self._linear(torch.cat(normed, dim=1), "context_encoder.input")

    def _heads(self, z, name, count):
        normed = self._block_norm(z, "attention_norm")
        return self._linear(normed, f"context_encoder.{name}").unflatten(1, (count, self._head_dim))

    def _rotate(self, heads, positions):
        """RoPE on the interleaved pairs of heads [n, n_heads, head_dim]."""
        exponents = torch.arange(0, self._head_dim, 2, dtype=torch.float64) / self._head_dim
        angles = positions[:, None, None].double() * self._rope_base**-exponents
        cos, sin = angles.cos().float(), angles.sin().float()
        even, odd = heads[..., 0::2], heads[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)

    def _keys_values(self, z, positions):
        """[2, n, kv_heads, head_dim], of fp16 precision."""
        keys = self._rotate(self._heads(z, "key", self._kv_heads), positions)
        return torch.stack((keys, self._heads(z, "value", self._kv_heads))).half().float()

    def _visible(self, known, row_count):
        """bool [n_known, row_count]: the rows a context holds. It slides by pages, from where its first row came."""
        first_rows = int(known[0]) - 1
        origin = first_rows - self._window if first_rows > self._window else 0
        pages = torch.ceil((known - 1 - origin) / PAGE_POSITIONS).long()
        page_limit = -(-self._window // PAGE_POSITIONS) + 1
        begin = origin + (pages - page_limit).clamp(min=0) * PAGE_POSITIONS
        rows = torch.arange(row_count)
        return (rows >= begin[:, None]) & (rows <= known[:, None] - 2)

    def _encode(self, z, positions, context, chain):
        keys, values, visible = context
        query = self._rotate(self._heads(z, "query", self._query_heads), positions) * self._head_dim**-0.5
        query = query.unflatten(1, (self._kv_heads, -1))
        past_scores = torch.einsum("ahgd,thd->ahgt", query, keys).masked_fill(~visible[:, None, None], -torch.inf)
        chain_scores = [torch.einsum("ahgd,ahd->ahg", query, key)[..., None] for key, _ in chain]
        weights = torch.cat([past_scores, *chain_scores], dim=-1).softmax(dim=-1)
        mixed = torch.einsum("ahgt,thd->ahgd", weights[..., : len(keys)], values)
        for i, (_, value) in enumerate(chain):
            mixed = mixed + weights[..., len(keys) + i, None] * value[:, :, None]
        hidden = z + self._linear(mixed.flatten(1), "context_encoder.attention_output")
        normed = self._block_norm(hidden, "ffn_norm")
        gate = torch.nn.functional.silu(self._linear(normed, "context_encoder.ffn_gate"))
        gated = gate * self._linear(normed, "context_encoder.ffn_up")
        return hidden + self._linear(gated, "context_encoder.ffn_down")

    def _score(self, encoding, residuals):
        normed = self._norm(encoding + residuals, self.weights["residual_head.norm"])
        return self._linear(normed, "residual_head.embedding")


def _read_embedding(model_path):
    """The target's token embedding, fp32 [vocab_size, hidden_size]."""
    for tensor in gguf.GGUFReader(model_path).tensors:
        if tensor.name == "token_embd.weight":
            return torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
    raise ValueError(f"{model_path} has no token_embd.weight")
