"""A run goes on with the answers it was begun with, wherever they are, and with no others."""

import shutil

import pytest
import tiny_target
import torch
from dataset_test import rewrite
from safetensors.torch import load_file
from training_test import losses_of, train

from chimera_train.checkpoint import FILE_NAME


@pytest.fixture
def begun(files, tmp_path):
    """A folder with data, and a run on them that has just begun."""
    shutil.copytree(files / "answers", tmp_path / "data")
    assert train(files, tmp_path / "run", "--epochs", "0.3", data=tmp_path / "data") == 0
    return tmp_path


def test_grown_data_are_refused(files, begun, target, capsys):
    tiny_target.write_shards(target, begun / "more", n_shards=1, first_index=48)
    (begun / "more" / "shard-00000.safetensors").rename(begun / "data" / "shard-00002.safetensors")
    assert train(files, begun / "run", "--epochs", "1", data=begun / "data") == 1
    error = capsys.readouterr().err
    assert f"{begun / 'run'} was begun with other data: 48 answers, " in error and "not 72 answers, " in error
    assert f"begin a run in another folder, from these weights with --initial-run {begun / 'run'}" in error
    initial = ("--initial-run", str(begun / "run"))
    assert train(files, begun / "other", "--epochs", "0.3", *initial, data=begun / "data") == 0


def test_as_many_other_tokens_are_refused(files, begun, capsys):
    path = begun / "data" / "shard-00001.safetensors"
    tokens = load_file(path)["token_ids"]
    tokens[-1] = (tokens[-1] + 1) % tiny_target.VOCAB_SIZE
    rewrite(path, token_ids=tokens)
    assert train(files, begun / "run", "--epochs", "1", data=begun / "data") == 1
    assert "was begun with other data: 48 answers, " in capsys.readouterr().err


def test_moved_data_are_the_same(files, begun):
    (begun / "data").rename(begun / "moved")
    assert train(files, begun / "run", "--epochs", "1", data=begun / "moved") == 0
    assert len(losses_of(begun / "run")) == 6


def test_old_checkpoint_goes_on_with_a_warning(files, begun, capsys):
    path = begun / "run" / FILE_NAME
    values = torch.load(path, weights_only=True)
    del values["inputs"]
    torch.save(values, path)
    assert train(files, begun / "run", "--epochs", "0.5", data=begun / "data") == 0
    assert "does not say of which data and how many processes it is" in capsys.readouterr().err
    assert train(files, begun / "run", "--epochs", "1", data=begun / "data") == 0
    assert "does not say" not in capsys.readouterr().err
