"""Shards are read back as written, and each fault of one is named."""

import shutil

import pytest
import torch
import tiny_target
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from chimera_train.dataset import Dataset
from chimera_train.errors import ChimeraTrainError


def rewrite(path, metadata=None, **tensors):
    """Changes metadata and tensors of a shard; a tensor of None is dropped."""
    with safe_open(path, framework="pt") as file:
        old_metadata = file.metadata()
    new = {name: tensor for name, tensor in (load_file(path) | tensors).items() if tensor is not None}
    save_file(new, path, old_metadata | (metadata or {}))


@pytest.fixture
def shards(files, tmp_path):
    return shutil.copytree(files / "answers", tmp_path / "answers")


def test_reads_what_was_written(files, target):
    dataset = Dataset([files / "answers"])
    assert len(dataset) == 48
    for index in (0, 23, 24, 47):
        expected = tiny_target.new_sequence(target, index, 0.7 if index % 4 == 0 else 0.0, 30 + index % 13)
        sequence = dataset.sequence(index)
        assert torch.equal(sequence.token_ids, expected.token_ids)
        assert torch.equal(sequence.hidden_states, expected.hidden_states)
        assert (sequence.response_start, sequence.prompt_index) == (expected.response_start, index)
        assert dataset.lengths()[index] == len(expected.token_ids)


def test_counts_response_tokens(files):
    dataset = Dataset([files / "answers"])
    sequences = [dataset.sequence(index) for index in range(len(dataset))]
    answers = torch.cat([sequence.token_ids[sequence.response_start :] for sequence in sequences])
    assert torch.equal(dataset.response_token_counts(), answers.bincount(minlength=64))
    assert dataset.response_token_count() == len(answers)


def test_truncated_shard(shards):
    path = shards / "shard-00001.safetensors"
    data = path.read_bytes()
    for size in (4, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(ChimeraTrainError, match=rf"shard-00001.safetensors.*truncated at its {size} bytes"):
            Dataset([shards])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metadata": {"format": "other"}}, 'format is "other", must be "chimera-generated-1"'),
        ({"metadata": {"vocab_size": "40"}}, "token ids reach .*, but vocab_size is 40"),
        ({"metadata": {"hidden_size": "16"}}, r"hidden_states are BF16 .*, must be BF16 \[\d+, 3, 16\]"),
        ({"metadata": {"target_identity": "x"}}, "target_identity is x, but identity in .*: not the same target"),
        ({"metadata": {"tapped_layers": "1,2,3"}}, r"tapped_layers is \(1, 2, 3\), but \(1, 2, 4\)"),
        ({"hidden_states": None}, "has no tensor hidden_states"),
        ({"prompt_index": torch.zeros(3, dtype=torch.int64)}, "numbers of sequences differ.*3 prompt_index"),
        ({"temperature": torch.zeros(24)[None]}, "temperature is torch.float32"),
        ({"response_starts": torch.full((24,), 10**6)}, "response_starts lie outside"),
        ({"sequence_starts": torch.arange(25)}, "sequence_starts must ascend"),
    ],
)
def test_bad_shard(shards, changes, message):
    rewrite(shards / "shard-00001.safetensors", **changes)
    with pytest.raises(ChimeraTrainError, match="shard-00001.safetensors: " + message):
        Dataset([shards])


def test_empty_folder(tmp_path):
    with pytest.raises(ChimeraTrainError, match="no shard-"):
        Dataset([tmp_path])
