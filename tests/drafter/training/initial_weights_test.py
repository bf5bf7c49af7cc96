"""A new run may begin with what another has learnt, and with some of the layers that the data hold."""

import shutil
from pathlib import Path

import pytest
import tiny_target
from dataset_test import rewrite
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from training_test import losses_of, train

from chimera_train.checkpoint import Checkpoint
from chimera_train.cli import main
from chimera_train.exporter import read_training_tokens


@pytest.fixture(scope="module")
def old(files, tmp_path_factory):
    """A finished run, and its drafter file."""
    folder = tmp_path_factory.mktemp("old")
    assert train(files, folder, "--epochs", "2", "--learning-rate", "0.01") == 0
    assert export(files, folder, folder / "drafter.safetensors", "--weight-type", "BF16") == 0
    return folder


def export(files, run, out, *options):
    arguments = ["--target", files / "target.gguf", "--run-dir", run, "--out", out]
    return main(["export", *map(str, arguments), *options])


@pytest.mark.parametrize("option", ["--initial-run", "--initial-drafter"])
def test_new_run_starts_from_an_old_one(files, old, tmp_path, option):
    initial = old if option == "--initial-run" else old / "drafter.safetensors"
    assert train(files, tmp_path, "--epochs", "0.2", option, str(initial)) == 0
    assert losses_of(tmp_path)[0] < 0.9 * losses_of(old)[0]
    seen = Checkpoint.load(old).progress.response_tokens
    assert seen < Checkpoint.load(tmp_path).progress.response_tokens < 1.2 * seen
    # The same command goes on from its own checkpoint, not from the beginning.
    assert train(files, tmp_path, "--epochs", "0.5", option, str(initial)) == 0
    assert len(losses_of(tmp_path)) == 3


def test_committed_drafter_says_how_much_it_has_seen():
    committed = Path(__file__).resolve().parents[3] / "drafter" / "weights" / "smollm2-135m-instruct.safetensors"
    assert read_training_tokens(committed) == 7856175


def test_drafter_of_another_shape_is_refused(files, old, tmp_path, capsys):
    initial = ("--epochs", "1", "--initial-drafter", str(old / "drafter.safetensors"))
    for option, value, message in (
        ("--ffn-size", "32", "has ffn_size 64, not 32"),
        ("--draft-vocab-size", "40", "has draft_vocab_size 56, not 40"),
        ("--layers", "2,4", "has tapped_layers (1, 2, 4), not (2, 4)"),
    ):
        assert train(files, tmp_path / "run", *initial, option, value) == 1
        assert message in capsys.readouterr().err


def test_drafter_of_another_target_is_refused(files, old, tmp_path, capsys):
    data = shutil.copytree(files / "answers", tmp_path / "answers")
    for shard in data.iterdir():
        rewrite(shard, {"target_identity": "0123"})
    initial = ("--epochs", "1", "--initial-drafter", str(old / "drafter.safetensors"))
    assert train(files, tmp_path / "run", *initial, data=data) == 1
    assert "is of target identity, but the data is of 0123" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        ("draft_vocabulary", tiny_target.VOCAB_SIZE, "draft_vocabulary reaches token 64, but vocab_size of tiny is 64"),
        ("residual_head.norm", float("nan"), "residual_head.norm is not finite"),
    ],
)
def test_bad_drafter_is_refused(files, old, tmp_path, capsys, tensor, value, message):
    path = shutil.copy(old / "drafter.safetensors", tmp_path / "drafter.safetensors")
    changed = load_file(path)[tensor]
    changed[-1] = value
    rewrite(path, **{tensor: changed})
    assert train(files, tmp_path / "run", "--epochs", "1", "--initial-drafter", str(path)) == 1
    assert message in capsys.readouterr().err


def test_reads_some_of_the_layers(files, tmp_path, capsys):
    assert train(files, tmp_path / "run", "--epochs", "1", "--layers", "2,4") == 0
    out = tmp_path / "drafter.safetensors"
    assert export(files, tmp_path / "run", out) == 0
    with safe_open(out, framework="pt") as file:
        assert file.metadata()["tapped_layers"] == "2,4"
    evaluation = ["--target", str(files / "target.gguf"), "--data", str(files / "held-out"), "--drafter", str(out)]
    assert main(["evaluate", *evaluation, "--answers", "3", "--device", "cpu"]) == 0
    assert train(files, tmp_path / "other", "--epochs", "1", "--layers", "3,4") == 1
    assert "layer 3 is wanted, but the data hold layers (1, 2, 4) only" in capsys.readouterr().err
