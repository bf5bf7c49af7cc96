"""Optimizers and their learning rate."""

import math

import torch

from chimera_train.drafter import Drafter

_MUON_RATE = 4 / 3  # of Muon's learning rate to AdamW's


class DrafterOptimizer:
    """AdamW; or Muon for the matrices of the network, and AdamW for the norms and the head's embedding."""

    def __init__(self, drafter: Drafter, name: str, learning_rate: float, weight_decay: float) -> None:
        """`name` is "adamw" or "muon"; `learning_rate` is AdamW's at its peak. Norms do not decay."""
        matrices, embedding, norms = _parameter_groups(drafter)
        self._learning_rate = learning_rate
        self._optimizers: list[torch.optim.Optimizer] = []
        decaying = [embedding] if name == "muon" else [*matrices, embedding]
        groups = [{"params": decaying, "weight_decay": weight_decay}, {"params": norms, "weight_decay": 0.0}]
        self._optimizers.append(torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95)))
        if name == "muon":
            self._optimizers.append(
                torch.optim.Muon(
                    matrices, lr=learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
                )
            )

    def step(self, rate: float) -> None:
        """One step from the gradients at `rate` times the peak learning rate; clears the gradients."""
        for optimizer in self._optimizers:
            scale = _MUON_RATE if isinstance(optimizer, torch.optim.Muon) else 1.0
            for group in optimizer.param_groups:
                group["lr"] = self._learning_rate * scale * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict]:
        return [optimizer.state_dict() for optimizer in self._optimizers]

    def load_state_dict(self, states: list[dict]) -> None:
        for optimizer, state in zip(self._optimizers, states, strict=True):
            optimizer.load_state_dict(state)


def learning_rate_factor(step: int, progress: float, warmup_steps: int, floor: float = 0.03) -> float:
    """Linear warm-up over steps, times a cosine from 1 to `floor` over progress 0 to 1."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return min(1.0, (step + 1) / warmup_steps) * (floor + (1 - floor) * cosine)


def _parameter_groups(
    drafter: Drafter,
) -> tuple[list[torch.nn.Parameter], torch.nn.Parameter, list[torch.nn.Parameter]]:
    """Matrices, the head's embedding, norms."""
    embedding = drafter.residual_head.embedding
    is_norm = {name: parameter.dim() == 1 or name == "fuse.norms" for name, parameter in drafter.named_parameters()}
    named = [(name, parameter) for name, parameter in drafter.named_parameters() if parameter is not embedding]
    matrices = [parameter for name, parameter in named if not is_norm[name]]
    norms = [parameter for name, parameter in named if is_norm[name]]
    return matrices, embedding, norms
