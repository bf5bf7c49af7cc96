"""One process, or several that torchrun started."""

import os

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from chimera_train.errors import ChimeraTrainError


class Processes:
    """The processes of a run and this one's place among them. A context: leaving it ends their connection."""

    def __init__(self, device: str) -> None:
        """`device`: "cpu", "cuda", or "auto" for CUDA where there is any."""
        self.rank = int(os.environ.get("RANK", "0"))
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.device = choose_device(device)
        if self.size > 1:
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_) -> None:
        if self.size > 1:
            distributed.destroy_process_group()

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """A module whose gradients are means over all processes."""
        module = module.to(self.device)
        return DistributedDataParallel(module, broadcast_buffers=False) if self.size > 1 else module

    def first_value(self, value: float) -> float:
        """The first process's value, in all."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(tensor, src=0)
        return tensor.item()

    def sum(self, value: int) -> int:
        if self.size == 1:
            return value
        tensor = torch.tensor(value, device=self.device)
        distributed.all_reduce(tensor)
        return int(tensor)


def choose_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        if not torch.cuda.is_available():
            raise ChimeraTrainError("--device is cuda, but PyTorch finds no CUDA device")
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device(name)


def mixed_precision(device: torch.device) -> torch.autocast:
    """bf16 for matrix products where the machine computes in bf16, else fp32."""
    enabled = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
