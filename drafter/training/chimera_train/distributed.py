"""One process, or several that torchrun started."""

import functools
import os
import time

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

    def product_dtype(self) -> torch.dtype:
        """product_dtype() as the first process finds it, in all: a measurement may come out differently in another."""
        is_bf16 = product_dtype(self.device) == torch.bfloat16
        return torch.bfloat16 if self.first_value(float(is_bf16)) else torch.float32

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


def product_dtype(device: torch.device) -> torch.dtype:
    """What matrix products are computed in: bf16 where that is faster, else fp32."""
    return torch.bfloat16 if device.type == "cuda" or _processor_is_faster_in_bf16() else torch.float32


def mixed_precision(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Computes matrix products in `dtype`, fp32 or bf16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16)


@functools.cache
def _processor_is_faster_in_bf16() -> bool:
    """Measured: of the processors that have bf16 products some take twice as long for them as for those in fp32."""
    if not torch.cpu._is_avx512_bf16_supported():
        return False
    return _product_seconds(torch.bfloat16) < 0.8 * _product_seconds(torch.float32)


def _product_seconds(dtype: torch.dtype) -> float:
    """The best of a few products of the size that training has."""
    left, right = torch.ones(2048, 576, dtype=dtype), torch.ones(576, 2048, dtype=dtype)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return min(seconds)
