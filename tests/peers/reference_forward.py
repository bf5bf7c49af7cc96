"""An fp32 forward pass of a LLaMA model in plain PyTorch, on the dequantised weights of a GGUF file.

It shares no code with Chimera: files are read by PyPI `gguf`, arithmetic is PyTorch's.
"""

import gguf
import numpy as np
import torch


class ReferenceModel:
    """Weights and configuration. Every linear layer is [out_features, in_features]."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.fields = reader.fields
        self.layer_count = self._number("llama.block_count")
        self.query_heads = self._number("llama.attention.head_count")
        self.kv_heads = self._number("llama.attention.head_count_kv")
        self.epsilon = self._number("llama.attention.layer_norm_rms_epsilon")
        self.rope_base = self._number("llama.rope.freq_base")
        self.weights = {
            tensor.name: torch.from_numpy(
                gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            )
            for tensor in reader.tensors
        }
        embedding = self.weights["token_embd.weight"]
        self.output = self.weights.get("output.weight", embedding)
        self.head_dim = embedding.shape[1] // self.query_heads

    def _number(self, key):
        field = self.fields[key]
        return field.parts[field.data[0]][0].item()

    def new_cache(self):
        """Keys and values of one sequence, for forward()."""
        return [None] * self.layer_count

    @torch.no_grad()
    def forward(self, token_ids, cache):
        """Logits [n_tokens, vocab_size] after each of the next tokens of the sequence that `cache` holds."""
        start = 0 if cache[0] is None else cache[0][0].shape[1]
        positions = torch.arange(start, start + len(token_ids))
        hidden = self.weights["token_embd.weight"][torch.tensor(token_ids)]
        for layer in range(self.layer_count):
            hidden = hidden + self._attention(layer, hidden, positions, cache)
            hidden = hidden + self._feed_forward(layer, hidden)
        return self._norm(hidden, "output_norm") @ self.output.T

    def _norm(self, hidden, name):
        scale = torch.rsqrt(hidden.square().mean(dim=-1, keepdim=True) + self.epsilon)
        return hidden * scale * self.weights[f"{name}.weight"]

    def _linear(self, hidden, layer, name):
        return hidden @ self.weights[f"blk.{layer}.{name}.weight"].T

    def _rotate(self, heads, positions):
        """RoPE on the interleaved pairs of `heads` [n_heads, n_tokens, head_dim]: how GGUF files order q and k."""
        exponents = torch.arange(0, self.head_dim, 2, dtype=torch.float64) / self.head_dim
        angles = positions[:, None].double() * self.rope_base**-exponents
        cos, sin = angles.cos().float(), angles.sin().float()
        even, odd = heads[..., 0::2], heads[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)

    def _attention(self, layer, hidden, positions, cache):
        normed = self._norm(hidden, f"blk.{layer}.attn_norm")

        def heads(name, count):
            return self._linear(normed, layer, name).view(-1, count, self.head_dim).transpose(0, 1)

        query = self._rotate(heads("attn_q", self.query_heads), positions)
        key = self._rotate(heads("attn_k", self.kv_heads), positions)
        value = heads("attn_v", self.kv_heads)
        if cache[layer] is not None:
            key = torch.cat((cache[layer][0], key), dim=1)
            value = torch.cat((cache[layer][1], value), dim=1)
        cache[layer] = (key, value)
        group = self.query_heads // self.kv_heads
        scores = query @ key.repeat_interleave(group, dim=0).transpose(1, 2) * self.head_dim**-0.5
        is_future = torch.arange(key.shape[1])[None, :] > positions[:, None]
        weights = scores.masked_fill(is_future, -torch.inf).softmax(dim=-1)
        mixed = (weights @ value.repeat_interleave(group, dim=0)).transpose(0, 1).flatten(1)
        return self._linear(mixed, layer, "attn_output")

    def _feed_forward(self, layer, hidden):
        normed = self._norm(hidden, f"blk.{layer}.ffn_norm")
        gate = torch.nn.functional.silu(self._linear(normed, layer, "ffn_gate"))
        return self._linear(gate * self._linear(normed, layer, "ffn_up"), layer, "ffn_down")

    def continue_greedily(self, prompt_ids, count, end_id):
        """The `count` most probable next tokens, one by one; fewer if `end_id` is among them."""
        cache = self.new_cache()
        pending, generated = list(prompt_ids), []
        while len(generated) < count:
            token = int(self.forward(pending, cache)[-1].argmax())
            generated.append(token)
            if token == end_id:
                break
            pending = [token]
        return generated
