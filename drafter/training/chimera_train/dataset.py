"""Shards of generated answers: read through memory maps, so that they may be larger than the memory."""

import dataclasses
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from chimera_train.batch import Sequence
from chimera_train.errors import ChimeraTrainError

FORMAT = "chimera-generated-1"
# What all shards of a data set have in common.
_SHARED_KEYS = ("target_identity", "target_weights", "target_name", "tapped_layers", "hidden_size", "vocab_size")
_DTYPES = {
    "token_ids": torch.int32,
    "sequence_starts": torch.int64,
    "response_starts": torch.int64,
    "prompt_index": torch.int64,
    "temperature": torch.float32,
}


@dataclasses.dataclass(frozen=True)
class Source:
    """Where generated data come from."""

    target_identity: str
    target_weights: str
    target_name: str
    tapped_layers: tuple[int, ...]
    hidden_size: int
    vocab_size: int


class Shard:
    """One file. Its small tensors are in memory, its hidden states are not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = safe_open(path, framework="pt")
            self._metadata = self._file.metadata() or {}
            self._check_format()
            tensors = {name: self._small_tensor(name, dtype) for name, dtype in _DTYPES.items()}
        except (SafetensorError, OSError) as error:
            size = path.stat().st_size if path.exists() else 0
            raise ChimeraTrainError(f"{path}: cannot be read; truncated at its {size} bytes? {error}") from error
        self.token_ids = tensors["token_ids"]
        self.sequence_starts = tensors["sequence_starts"]
        self.response_starts = tensors["response_starts"]
        self.prompt_index = tensors["prompt_index"]
        self.temperature = tensors["temperature"]
        self.source = self._read_source()
        self._check_sequences()
        self._check_hidden_states()

    def __len__(self) -> int:
        return len(self.response_starts)

    def sequence(self, number: int) -> Sequence:
        """Reads one answer with its prompt."""
        start, end = self.sequence_starts[number : number + 2].tolist()
        return Sequence(
            token_ids=self.token_ids[start:end].long(),
            hidden_states=self._file.get_slice("hidden_states")[start:end],
            response_start=int(self.response_starts[number]) - start,
            prompt_index=int(self.prompt_index[number]),
            origin=f"{self.path}, sequence {number}",
        )

    def response_tokens(self, number: int) -> torch.Tensor:
        """int32 [n]: the tokens of an answer."""
        return self.token_ids[int(self.response_starts[number]) : int(self.sequence_starts[number + 1])]

    def _fail(self, text: str) -> None:
        raise ChimeraTrainError(f"{self.path}: {text}")

    def _small_tensor(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        if name not in self._file.keys():
            self._fail(f"has no tensor {name}")
        tensor = self._file.get_tensor(name)
        if tensor.dtype != dtype or tensor.dim() != 1:
            self._fail(f"{name} is {tensor.dtype} {list(tensor.shape)}, must be {dtype} with one dimension")
        return tensor

    def _check_format(self) -> None:
        if self._metadata.get("format") != FORMAT:
            self._fail(f'format is "{self._metadata.get("format", "")}", must be "{FORMAT}"')
        for key in _SHARED_KEYS:
            if key not in self._metadata:
                self._fail(f"metadata lack {key}")

    def _read_source(self) -> Source:
        values = {key: self._metadata[key] for key in _SHARED_KEYS}
        try:
            layers = tuple(int(layer) for layer in values["tapped_layers"].split(",") if layer)
            sizes = {key: int(values[key]) for key in ("hidden_size", "vocab_size")}
        except ValueError as error:
            raise ChimeraTrainError(f"{self.path}: metadata: {error}") from error
        return Source(**values | sizes | {"tapped_layers": layers})

    def _check_sequences(self) -> None:
        starts, responses, n_sequences = self.sequence_starts, self.response_starts, len(self.response_starts)
        if not len(starts) - 1 == len(self.prompt_index) == len(self.temperature) == n_sequences:
            self._fail(
                f"numbers of sequences differ: {n_sequences} response_starts, {len(starts)} sequence_starts, "
                f"{len(self.prompt_index)} prompt_index, {len(self.temperature)} temperature"
            )
        if starts[0] != 0 or starts[-1] != len(self.token_ids) or (starts.diff() < 1).any():
            self._fail(f"sequence_starts must ascend from 0 to the number of tokens, {len(self.token_ids)}")
        if (responses < starts[:-1]).any() or (responses > starts[1:]).any():
            self._fail("response_starts lie outside their sequences")
        vocab_size = self.source.vocab_size
        if len(self.token_ids) and not 0 <= int(self.token_ids.min()) <= int(self.token_ids.max()) < vocab_size:
            self._fail(f"token ids reach {int(self.token_ids.max())}, but vocab_size is {vocab_size}")

    def _check_hidden_states(self) -> None:
        expected = [len(self.token_ids), len(self.source.tapped_layers), self.source.hidden_size]
        if not self.source.tapped_layers:
            return
        if "hidden_states" not in self._file.keys():
            self._fail("has no tensor hidden_states")
        states = self._file.get_slice("hidden_states")
        if states.get_dtype() != "BF16" or states.get_shape() != expected:
            self._fail(f"hidden_states are {states.get_dtype()} {states.get_shape()}, must be BF16 {expected}")


class Dataset:
    """The sequences of all shards of some folders, in the order of their names."""

    def __init__(self, folders: list[Path], layers: tuple[int, ...] | None = None) -> None:
        """`layers`, ascending, are those of the tapped layers whose hidden states are read; None for all."""
        paths = [path for folder in folders for path in sorted(Path(folder).glob("shard-*.safetensors"))]
        if not paths:
            raise ChimeraTrainError(f"no shard-*.safetensors in {', '.join(str(folder) for folder in folders)}")
        self.shards = [Shard(path) for path in paths]
        self.source = self.shards[0].source
        for shard in self.shards[1:]:
            _check_same_source(self.shards[0], shard)
        self._columns = None
        if layers is not None and layers != self.source.tapped_layers:
            self._columns = [_column(self.source, layer) for layer in layers]
            self.source = dataclasses.replace(self.source, tapped_layers=layers)
        self._places = [(shard, number) for shard in self.shards for number in range(len(shard))]

    def __len__(self) -> int:
        return len(self._places)

    def sequence(self, index: int) -> Sequence:
        shard, number = self._places[index]
        sequence = shard.sequence(number)
        if self._columns is not None:
            sequence.hidden_states = sequence.hidden_states[:, self._columns]
        return sequence

    def lengths(self) -> list[int]:
        """Tokens of each sequence, without reading any."""
        return torch.cat([shard.sequence_starts.diff() for shard in self.shards]).tolist()

    def temperatures(self) -> list[float]:
        return torch.cat([shard.temperature for shard in self.shards]).tolist()

    def response_token_count(self) -> int:
        return sum(int((shard.sequence_starts[1:] - shard.response_starts).sum()) for shard in self.shards)

    def response_token_counts(self) -> torch.Tensor:
        """int64 [vocab_size]: how often each token occurs in the answers."""
        counts = torch.zeros(self.source.vocab_size, dtype=torch.int64)
        for shard in self.shards:
            answers = [shard.response_tokens(number) for number in range(len(shard))]
            counts += torch.cat(answers).bincount(minlength=len(counts))
        return counts


def _column(source: Source, layer: int) -> int:
    if layer not in source.tapped_layers:
        raise ChimeraTrainError(f"layer {layer} is wanted, but the data hold layers {source.tapped_layers} only")
    return source.tapped_layers.index(layer)


def _check_same_source(first: Shard, other: Shard) -> None:
    for field in dataclasses.fields(Source):
        values = [getattr(shard.source, field.name) for shard in (first, other)]
        if values[0] != values[1]:
            raise ChimeraTrainError(
                f"{other.path}: {field.name} is {values[1]}, but {values[0]} in {first.path}: not the same target"
            )
