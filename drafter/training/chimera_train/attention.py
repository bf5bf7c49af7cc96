"""Attention of draft rows: to the true past of their sequence, and to the chain of drafted rows before them."""

import torch
from torch.nn import functional


def rotate(heads: torch.Tensor, positions: torch.Tensor, base: float) -> torch.Tensor:
    """RoPE on interleaved pairs. heads [n, n_heads, head_dim], positions [n]; keeps the type of `heads`."""
    head_dim = heads.shape[-1]
    exponents = torch.arange(0, head_dim, 2, device=heads.device, dtype=torch.float32) / head_dim
    angles = positions[:, None, None].float() * base**-exponents
    cos, sin = angles.cos(), angles.sin()
    even, odd = heads.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2).to(heads.dtype)


def attend_past(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, visible: torch.Tensor
) -> torch.Tensor:
    """Attention to the true past alone.

    query [B, A, H, head_dim]; keys and values [B, T, KV, head_dim]; visible [B, A, T], at least one per row.
    Returns [B, A, H, head_dim].
    """
    group = query.shape[2] // keys.shape[2]
    return functional.scaled_dot_product_attention(
        query.transpose(1, 2),
        keys.repeat_interleave(group, dim=2).transpose(1, 2),
        values.repeat_interleave(group, dim=2).transpose(1, 2),
        attn_mask=visible[:, None],
    ).transpose(1, 2)


def attend_past_and_chain(
    query: torch.Tensor,
    past: tuple[torch.Tensor, torch.Tensor],
    chain: tuple[torch.Tensor, torch.Tensor],
    visible: torch.Tensor,
) -> torch.Tensor:
    """Attention to the true past and to each row's own chain, under one softmax.

    Shapes as in attend_past(); past = (keys, values); chain = (keys, values), each [B, A, n_chain, KV, head_dim].
    """
    past_length, kv_heads = past[0].shape[1], past[0].shape[2]
    query = query.unflatten(2, (kv_heads, -1)) * query.shape[-1] ** -0.5  # [B, A, KV, G, head_dim]
    past_scores = torch.einsum("bakgd,btkd->bkagt", query, past[0]).float()
    past_scores = past_scores.masked_fill(~visible[:, None, :, None], float("-inf"))
    chain_scores = torch.einsum("bakgd,bankd->bkagn", query, chain[0]).float()
    weights = torch.cat((past_scores, chain_scores), dim=-1).softmax(dim=-1).to(query.dtype)
    past_weights, chain_weights = weights[..., :past_length], weights[..., past_length:]
    attended = torch.einsum("bkagt,btkd->bakgd", past_weights, past[1])
    attended = attended + torch.einsum("bkagn,bankd->bakgd", chain_weights, chain[1])
    return attended.flatten(2, 3)
