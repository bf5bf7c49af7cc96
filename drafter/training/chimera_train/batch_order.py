"""Which sequences form a batch, and when: a function of data, seed and epoch alone, so that a resumed run goes on
exactly."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from chimera_train.batch import Batch, pack
from chimera_train.dataset import Dataset

_BATCHES_PER_BUCKET = 16  # sequences of so many batches are sorted by length


def batch_order(lengths: list[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """All batches of an epoch, as indices of sequences; those of a batch have similar lengths."""
    generator = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    generator.shuffle(order)
    bucket_size = batch_size * _BATCHES_PER_BUCKET
    batches = []
    for start in range(0, len(order), bucket_size):
        bucket = sorted(order[start : start + bucket_size], key=lambda index: lengths[index])
        batches += [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
    generator.shuffle(batches)
    return batches


def read_batches(dataset: Dataset, batches: list[list[int]]) -> Iterator[Batch]:
    """Packs batch after batch; the next one is read while the caller works on the one before."""

    def read(indices: list[int]) -> Batch:
        return pack([dataset.sequence(index) for index in indices])

    with ThreadPoolExecutor(max_workers=1) as reader:
        pending = None
        for indices in batches:
            upcoming = reader.submit(read, indices)
            if pending is not None:
                yield pending.result()
            pending = upcoming
        if pending is not None:
            yield pending.result()
