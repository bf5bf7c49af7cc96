"""Shape of a drafter."""

import dataclasses

from chimera_train.errors import ChimeraTrainError

_POSITIVE_FIELDS = (
    "hidden_size",
    "ffn_size",
    "query_head_count",
    "kv_head_count",
    "head_dim",
    "trigram_hidden_size",
    "depth_heads",
    "context_window",
    "draft_vocab_size",
)


@dataclasses.dataclass(frozen=True)
class DrafterConfig:
    """Everything the shapes and the arithmetic of a drafter depend on."""

    hidden_size: int  # D, the target's
    ffn_size: int  # of the context encoder's feed-forward layer
    query_head_count: int
    kv_head_count: int
    head_dim: int  # even: RoPE turns pairs
    rope_base: float
    rms_norm_epsilon: float
    trigram_hidden_size: int  # between the two matrices of the trigram encoder
    tapped_layers: tuple[int, ...]  # ascending; layer i is the input of block i, layer_count the output of the last
    draft_vocab_size: int
    trigram_encoder: bool = True  # False: the encoder sees the newest token only
    residual_head: bool = True  # False: no shortcut from the last true state to the head
    depth_heads: int = 1  # 1: roll-out form; K > 1: the paper's form, K heads on one encoder pass
    context_window: int = 512  # positions the context encoder sees, its own included

    def __post_init__(self) -> None:
        for name in _POSITIVE_FIELDS:
            if getattr(self, name) < 1:
                raise ChimeraTrainError(f"{name} is {getattr(self, name)}, must be positive")
        if self.query_head_count % self.kv_head_count:
            raise ChimeraTrainError(
                f"query_head_count {self.query_head_count} is no multiple of kv_head_count {self.kv_head_count}"
            )
        if self.head_dim % 2:
            raise ChimeraTrainError(f"head_dim is {self.head_dim}, must be even")
        layers = self.tapped_layers
        if not layers or layers[0] < 0 or list(layers) != sorted(set(layers)):
            raise ChimeraTrainError(f"tapped_layers {layers} must be ascending and not empty")
        if self.depth_heads > 1 and not self.residual_head:
            raise ChimeraTrainError("several depth_heads differ in their residual heads only, which are off")

    @property
    def trigram_order(self) -> int:
        """Tokens the trigram encoder sees at each position."""
        return 3 if self.trigram_encoder else 1

    def to_dict(self) -> dict:
        """As JSON can hold it; from_dict() is its inverse."""
        return dataclasses.asdict(self) | {"tapped_layers": list(self.tapped_layers)}

    @staticmethod
    def from_dict(values: dict) -> "DrafterConfig":
        return DrafterConfig(**values | {"tapped_layers": tuple(values["tapped_layers"])})
