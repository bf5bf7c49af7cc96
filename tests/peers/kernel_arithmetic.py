"""Chimera's arithmetic in PyTorch: the operations that common/ops/*.h prescribe, in the order that they prescribe.

The order matters to a comparison: another one changes sums in their last bits, now and then an activation falls on the
other side of a rounding to 8 bits, and a few layers on that is as much noise as the rounding itself.
"""

import numpy as np
import torch

BLOCK = 32
LANES = 16
MIN_MAGNITUDE = 2.0**-100
_BLOCK_BYTES = {"Q8_0": 34, "Q4_0": 18}


def fma(a, b, c):
    """a * b + c, rounded once, but for the rare double that lies between two floats exactly."""
    return (a.double() * b.double() + c.double()).float()


def exp(x):
    """ExpF (common/base/vector_math.h)."""
    shifter = torch.tensor(float.fromhex("0x1.8p23"))
    n = fma(x, torch.tensor(float.fromhex("0x1.715476p+0")), shifter) - shifter
    r = fma(n, torch.tensor(float.fromhex("-0x1.62e43p-1")), x)
    r = fma(n, torch.tensor(float.fromhex("0x1.05c61p-29")), r)
    p = torch.tensor(float.fromhex("0x1.6a21a8p-10"))
    for coefficient in ("0x1.123b6ap-7", "0x1.5558fcp-5", "0x1.555490p-3", "0x1.fffffcp-2"):
        p = fma(p, r, torch.tensor(float.fromhex(coefficient)))
    p = fma(r * r, p, r) + 1.0
    y = torch.ldexp(p, n.to(torch.int32))
    return torch.where(x < -87.0, 0.0, torch.where(x > 88.0, torch.inf, y))


def sum_lanes(lanes):
    """Adds sixteen partial sums, the last dimension."""
    half = LANES // 2
    while half:
        lanes = lanes[..., :half] + lanes[..., half : 2 * half]
        half //= 2
    return lanes[..., 0]


def dot(a, b):
    """Of the last dimensions, a multiple of sixteen, in lanes."""
    lanes = torch.zeros(())
    for i in range(0, a.shape[-1], LANES):
        lanes = fma(a[..., i : i + LANES], b[..., i : i + LANES], lanes)
    return sum_lanes(lanes)


def square_root(x):
    """Rounded once: PyTorch's own for fp32 is not."""
    return x.double().sqrt().float()


def rms_norm(x, weight, epsilon):
    mean = dot(x, x) / x.shape[-1]
    scale = 1.0 / square_root(mean + torch.tensor(epsilon, dtype=torch.float32))
    return x * scale[..., None] * weight


def silu(x):
    return x / (1.0 + exp(-x))


def rotate(heads, positions, base):
    """RoPE on the interleaved pairs of heads [n, n_heads, head_dim]."""
    exponents = torch.arange(0, heads.shape[-1], 2, dtype=torch.float64) / heads.shape[-1]
    angles = positions[:, None, None].double() * base**-exponents
    cos, sin = angles.cos().float(), angles.sin().float()
    even, odd = heads[..., 0::2], heads[..., 1::2]
    return torch.stack((fma(even, cos, odd * -sin), fma(odd, cos, even * sin)), dim=-1).flatten(-2)


def attend(query, keys, values, is_visible):
    """Outputs [n, n_heads, head_dim] of rows over T positions in order.

    query [n, n_heads, head_dim]; keys and values [n or 1, T, n_heads, head_dim]; is_visible [n, T]. The first position
    belongs to lane 0.
    """
    scores = dot(query[:, None], keys) * (1.0 / square_root(torch.tensor(float(query.shape[-1]))))  # [n, T, n_heads]
    hidden = ~is_visible[..., None]
    largest = scores.masked_fill(hidden, -torch.inf).amax(dim=1, keepdim=True)
    weights = exp(scores - largest).masked_fill(hidden, 0.0)
    lanes = torch.zeros(len(query), query.shape[1], LANES)
    sums = torch.zeros(query.shape)
    for position in range(weights.shape[1]):
        lanes[..., position % LANES] += weights[:, position]
        sums = fma(weights[:, position, :, None], values[:, position], sums)
    return sums / sum_lanes(lanes)[..., None]


class FloatMatrix:
    """A linear layer whose weights are not quantised: fp32 sums over the inputs in order."""

    def __init__(self, weight):
        self.weight = weight.float()  # [out_features, in_features]

    def __call__(self, x):
        sums = torch.zeros(len(x), len(self.weight))
        for i in range(x.shape[1]):
            sums = fma(self.weight[:, i], x[:, i, None], sums)
        return sums


class QuantisedMatrix:
    """A linear layer in blocks of 32, which multiplies activations in 8 bits; fp32 sums over the blocks in order."""

    def __init__(self, rows, kind):
        """rows uint8 [out_features, row_bytes] in GGUF's layout of `kind`, Q8_0 or Q4_0."""
        blocks = rows.numpy().reshape(len(rows), -1, _BLOCK_BYTES[kind])
        scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0]
        data = blocks[..., 2:]
        values = data.view(np.int8) if kind == "Q8_0" else np.concatenate((data & 15, data >> 4), axis=-1)
        self._scales = torch.from_numpy(scales.astype(np.float32))  # [out_features, n_blocks]
        self._values = torch.from_numpy(values.astype(np.float32))  # [out_features, n_blocks, 32], integers
        self._offset = 0.0 if kind == "Q8_0" else -8.0
        self.weight = (self._scales[..., None] * (self._values + self._offset)).flatten(1)

    def __call__(self, x):
        values, scales = quantise(x)
        sums = torch.zeros(len(x), len(self._values))
        for block in range(values.shape[1]):
            products = values[:, block] @ self._values[:, block].T  # integers, exact
            sums = fma(scales[:, block, None] * self._scales[:, block], products, sums)
            if self._offset:
                total = scales[:, block] * values[:, block].sum(dim=-1)
                sums = fma(self._offset * self._scales[:, block], total[:, None], sums)
        return sums


def quantise(x):
    """x [n, k] as integers [n, k / 32, 32] and the scale of each block."""
    blocks = x.unflatten(-1, (-1, BLOCK))
    largest = blocks.abs().amax(dim=-1)
    is_zero = largest < MIN_MAGNITUDE
    # Not 127 / largest, which PyTorch takes for 127 times the reciprocal.
    inverse = torch.where(is_zero, 0.0, torch.tensor(127.0).div(largest))
    values = (blocks * inverse[..., None]).clamp(-127, 127).round()
    return values, torch.where(is_zero, 0.0, largest / 127.0)
