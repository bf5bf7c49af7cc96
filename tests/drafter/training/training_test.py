"""From shards to a drafter file, on a tiny target; resumption; faults."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_target
import torch
from dataset_test import rewrite
from safetensors import safe_open

from chimera_train import distributed
from chimera_train.batch import pack
from chimera_train.checkpoint import Checkpoint
from chimera_train.cli import main
from chimera_train.curve import read_curve
from chimera_train.dataset import Dataset
from chimera_train.exporter import load_drafter_file
from chimera_train.rollout import rollout
from chimera_train.target import load_target
from chimera_train.training_log import TrainingLog, read_metrics

SIZE_OPTIONS = ["--draft-vocab-size", "56", "--ffn-size", "64", "--batch-size", "8", "--warmup-steps", "5"]

PACKAGE = Path(__file__).resolve().parents[3] / "drafter" / "training"


def train(files: Path, run: Path, *options: str, data: Path | None = None) -> int:
    target, answers, held_out = files / "target.gguf", data or files / "answers", files / "held-out"
    arguments = ["train", "--target", target, "--data", answers, "--held-out", held_out, "--run-dir", run]
    return main([*map(str, arguments), *SIZE_OPTIONS, "--device", "cpu", *options])


def losses_of(run: Path) -> list[float]:
    return [line["loss"] for line in read_metrics(run / "metrics.jsonl") if "loss" in line]


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
    """A finished run of ten epochs."""
    folder = tmp_path_factory.mktemp("run")
    assert train(files, folder, "--epochs", "10", "--evaluation-interval", "30", "--learning-rate", "0.01") == 0
    return folder


def test_learns_and_reports(files, run, tmp_path, capsys):
    losses = losses_of(run)
    assert len(losses) == 60
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    assert (run / "curve.png").stat().st_size > 1000
    points = read_curve(run)
    assert [point.step for point in points] == [29, 59]
    assert points[0].loss == pytest.approx(sum(losses[:30]) / 30)
    assert 0 < points[0].minutes < points[1].minutes
    assert 0 < points[0].response_tokens < points[1].response_tokens
    assert 1 < points[1].chain_tau < points[1].tree_tau
    assert len((run / "curve.csv").read_text().splitlines()) == 3
    assert main(["curve", "--run-dir", str(run)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.count("|") for line in table[-4:]] == [9] * 4
    assert any((run / "tensorboard").iterdir())
    report_path = tmp_path / "report.json"
    common = ["--target", str(files / "target.gguf"), "--data", str(files / "held-out"), "--device", "cpu"]
    options = ["--run-dir", str(run), "--report", str(report_path), "--tree-shape", "2,1"]
    capsys.readouterr()
    assert main(["evaluate", *common, *options]) == 0
    calibration = capsys.readouterr().out.split("were right, at all depths and at each:\n")[1].splitlines()
    report = json.loads(report_path.read_text())
    assert report["answers"] == 24
    assert 1.0 < report["tree_tau"]["4"]["8"] <= report["tree_tau"]["64"]["8"] <= 9.0
    assert report["tau"] == report["tree_tau"]["16"]["8"] > report["chain_tau"]["1"]
    assert report["chain_tau"]["2"] < report["static_tau"] < report["tree_tau"]["64"]["8"]
    options += ["--min-path-probability", "0", "--min-extend-probability", "0"]
    assert main(["evaluate", *common, *options]) == 0
    unlimited = json.loads(report_path.read_text())
    assert unlimited["tree_tau"]["64"]["8"] > report["tree_tau"]["64"]["8"]
    assert unlimited["levels"] == report["levels"]
    accuracies = report["levels"][0]
    assert 0.1 < accuracies["top1"] <= accuracies["top2"] <= accuracies["top4"] <= accuracies["top8"] <= 1
    assert sum(bin["guesses"] for bin in report["calibration"][0]) == 8 * accuracies["tokens"]
    assert all(0 <= bin["predicted"] - bin["from"] <= 0.1001 for bins in report["calibration"] for bin in bins)
    guesses = sum(bin["guesses"] for bins in report["calibration"] for bin in bins)
    assert sum(int(row.split()[1]) for row in calibration[1:]) == guesses


@pytest.mark.parametrize(("weight_type", "tolerance"), [("BF16", 0.02), ("Q8_0", 0.04), ("Q4_1", 0.3), ("Q4_0", 0.4)])
def test_exported_file_computes_the_same(files, run, tmp_path, weight_type, tolerance):
    path = tmp_path / "drafter.safetensors"
    target_option = ["--target", str(files / "target.gguf")]
    types = ["--weight-type", weight_type, "--embedding-weight-type", weight_type]
    options = ["--run-dir", str(run), "--out", str(path), *types, "--with-embeddings"]
    assert main(["export", *target_option, *options]) == 0
    target = load_target(files / "target.gguf")
    original = Checkpoint.load(run).restore_drafter(target)
    exported, source = load_drafter_file(path, target)
    assert source == tiny_target.SOURCE
    assert exported.config == original.config
    dataset = Dataset([files / "held-out"])
    batch = pack([dataset.sequence(index) for index in range(3)])
    with torch.no_grad():
        both = [list(rollout(drafter, drafter.encode(batch), 4)) for drafter in (original, exported)]
        for ours, theirs in zip(*both, strict=True):
            expected = original.residual_head(ours.head_states)
            error = (exported.residual_head(theirs.head_states) - expected).square().mean().sqrt()
            assert error < tolerance * expected.std()


def test_exported_file_follows_its_format(files, run, tmp_path):
    path = tmp_path / "drafter.safetensors"
    options = ["--target", str(files / "target.gguf"), "--run-dir", str(run), "--embedding-weight-type", "Q4_1"]
    assert main(["export", *options, "--out", str(path)]) == 0
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    assert metadata["format"] == "chimera-drafter-1"
    assert metadata["tapped_layers"] == "1,2,4"
    assert (metadata["weight_type"], metadata["embedding_weight_type"]) == ("Q8_0", "Q4_1")
    answers, progress = Dataset([files / "answers"]), Checkpoint.load(run).progress
    assert metadata["training_set_answers"] == "48"
    assert metadata["training_set_tokens"] == str(answers.response_token_count())
    assert metadata["training_tokens_seen"] == str(progress.response_tokens)
    assert progress.response_tokens > 5 * answers.response_token_count()  # ten epochs
    encoder = ("token_norm", "feature_norm", "input", "attention_norm", "query", "key", "value", "attention_output",
               "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
    assert set(tensors) == {
        "trigram_encoder.w1", "trigram_encoder.w2", "fuse.norms", "fuse.weight", "residual_head.weight",
        "residual_head.norm", "residual_head.embedding", "draft_vocabulary",
        *(f"context_encoder.{name}" for name in encoder),
    }
    assert tensors["fuse.norms"].dtype == torch.float32 and tensors["fuse.norms"].shape == (3, 32)
    assert tensors["fuse.weight"].dtype == torch.uint8 and tensors["fuse.weight"].shape == (32, 3 * 34)
    assert tensors["residual_head.embedding"].shape == (56, 20)
    vocabulary = tensors["draft_vocabulary"]
    assert vocabulary.dtype == torch.int32 and (vocabulary.diff() > 0).all()


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_resumed_run_is_the_uninterrupted_one(files, tmp_path, monkeypatch, optimizer):
    options = ("--epochs", "3", "--checkpoint-interval", "4", "--optimizer", optimizer)
    assert train(files, tmp_path / "whole", *options) == 0
    add = TrainingLog.add
    for last_step in (2, 6, 13):  # before the first checkpoint, between two, while rolling out

        def stop(log, step, scalars, last_step=last_step):
            add(log, step, scalars)
            if step == last_step:
                raise KeyboardInterrupt

        monkeypatch.setattr(TrainingLog, "add", stop)
        assert train(files, tmp_path / "parts", *options) == 130
    monkeypatch.setattr(TrainingLog, "add", add)
    assert train(files, tmp_path / "parts", *options) == 0
    assert losses_of(tmp_path / "whole") == losses_of(tmp_path / "parts")
    whole, parts = (Checkpoint.load(tmp_path / name) for name in ("whole", "parts"))
    assert all(torch.equal(tensor, parts.drafter[name]) for name, tensor in whole.drafter.items())


def test_resumed_run_keeps_its_product_type(files, tmp_path, monkeypatch):
    """Whether bf16 is faster is measured, so it may come out differently when a run goes on."""
    options = ("--epochs", "2", "--checkpoint-interval", "4")
    monkeypatch.setattr(distributed, "_processor_is_faster_in_bf16", lambda: False)
    assert train(files, tmp_path / "whole", *options) == 0
    add = TrainingLog.add

    def stop(log, step, scalars):
        add(log, step, scalars)
        if step == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patches:
        patches.setattr(TrainingLog, "add", stop)
        assert train(files, tmp_path / "parts", *options) == 130
    monkeypatch.setattr(distributed, "_processor_is_faster_in_bf16", lambda: True)
    assert train(files, tmp_path / "parts", *options) == 0
    assert losses_of(tmp_path / "parts") == losses_of(tmp_path / "whole")
    assert train(files, tmp_path / "other", *options) == 0
    assert losses_of(tmp_path / "other") != losses_of(tmp_path / "whole")


def test_short_run_is_watched(files, tmp_path):
    assert train(files, tmp_path, "--epochs", "9") == 0
    assert [point.step for point in read_curve(tmp_path)] == [49, 53]


def test_same_seed_and_data_give_the_same_curve(files, tmp_path):
    for name in ("first", "second"):
        assert train(files, tmp_path / name, "--epochs", "1") == 0
    assert losses_of(tmp_path / "first") == losses_of(tmp_path / "second")


def test_killed_run_goes_on(files, tmp_path):
    options = ["--epochs", "10", "--checkpoint-interval", "5"]
    assert train(files, tmp_path / "whole", *options) == 0
    run = tmp_path / "parts"
    arguments = ["--target", files / "target.gguf", "--data", files / "answers", "--run-dir", run]
    command = [sys.executable, "-m", "chimera_train", "train", *map(str, arguments), *SIZE_OPTIONS, *options,
               "--device", "cpu", "--threads", "1"]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "1"}

    def has_lines(count):
        return lambda: len(read_metrics(run / "metrics.jsonl")) >= count

    def has_checkpoint():
        return (run / "checkpoint.pt").exists()

    # Before the first checkpoint, as one appears, between two, and in the roll-out.
    for moment in (has_lines(3), has_checkpoint, has_lines(18), has_lines(44)):
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            while not moment() and process.poll() is None:
                time.sleep(0.002)
            process.kill()
        assert process.returncode == -signal.SIGKILL
    assert train(files, run, *options) == 0
    assert losses_of(tmp_path / "whole") == losses_of(run)


def test_another_seed_gives_another_curve(files, tmp_path):
    for seed in ("1", "2"):
        assert train(files, tmp_path / seed, "--epochs", "0.5", "--seed", seed) == 0
    assert losses_of(tmp_path / "1") != losses_of(tmp_path / "2")


@pytest.mark.parametrize(
    "options",
    [
        ("--depth-heads", "3"),
        ("--no-trigram-encoder",),
        ("--no-residual-head",),
        ("--labels", "hard"),
        ("--optimizer", "adamw", "--rollout-steps", "1"),
    ],
)
def test_variants_train_export_and_evaluate(files, tmp_path, options):
    assert train(files, tmp_path, "--epochs", "1", *options) == 0
    target_option, path = ["--target", str(files / "target.gguf")], str(tmp_path / "drafter.safetensors")
    assert main(["export", *target_option, "--run-dir", str(tmp_path), "--out", path]) == 0
    evaluation = ["--data", str(files / "held-out"), "--drafter", path, "--answers", "3", "--device", "cpu"]
    assert main(["evaluate", *target_option, *evaluation]) == 0


def test_two_processes_share_the_work(files, tmp_path, capsys):
    arguments = ["--target", files / "target.gguf", "--data", files / "answers", "--run-dir", tmp_path / "run"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
               "chimera_train", "train", *map(str, arguments), *SIZE_OPTIONS, "--epochs", "2", "--device", "cpu",
               "--threads", "1"]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(losses_of(tmp_path / "run")) == 6
    answers = Dataset([files / "answers"])
    drafted = sum(len(pack([answers.sequence(index)]).anchors) for index in range(len(answers)))
    assert Checkpoint.load(tmp_path / "run").progress.response_tokens == 2 * drafted
    assert train(files, tmp_path / "run", "--epochs", "3") == 1
    assert "was begun with 2 processes, not 1: go on with the same, or begin" in capsys.readouterr().err


@pytest.fixture
def broken(target, tmp_path):
    """One shard to break."""
    tiny_target.write_shards(target, tmp_path / "data", n_shards=1)
    return tmp_path / "data"


def test_bad_hidden_states_are_named(files, broken, tmp_path, capsys):
    path = broken / "shard-00000.safetensors"
    with safe_open(path, framework="pt") as file:
        states = file.get_tensor("hidden_states")
    states[800, 1, 5] = float("nan")
    rewrite(path, hidden_states=states)
    assert train(files, tmp_path / "run", "--epochs", "1", data=broken) == 1
    error = capsys.readouterr().err
    assert "loss is nan at step" in error
    assert "shard-00000.safetensors, sequence" in error


def test_diverging_loss_is_an_error(files, tmp_path, capsys):
    options = ("--epochs", "3", "--learning-rate", "1e30", "--warmup-steps", "1")
    assert train(files, tmp_path, *options) == 1
    assert "the learning rate is too high" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"tapped_layers": "1,2,9"}, "tapped layer 9 is unknown: tiny has layers up to 4"),
        ({"vocab_size": "65"}, "vocab_size is 65 in the data, but 64 in the target tiny"),
    ],
)
def test_data_of_another_target(files, broken, tmp_path, capsys, metadata, message):
    rewrite(broken / "shard-00000.safetensors", metadata)
    assert train(files, tmp_path / "run", "--epochs", "1", data=broken) == 1
    assert message in capsys.readouterr().err


def test_answers_of_other_weights(files, broken, tmp_path, capsys):
    path = broken / "shard-00000.safetensors"
    with safe_open(path, framework="pt") as file:
        rewrite(path, token_ids=(file.get_tensor("token_ids") + 1) % 64)
    assert train(files, tmp_path / "run", "--epochs", "1", data=broken) == 1
    assert "the data come from another target" in capsys.readouterr().err


def test_changed_recipe_and_other_target_are_refused(files, broken, tmp_path, capsys):
    assert train(files, tmp_path / "run", "--epochs", "0.3") == 0
    assert train(files, tmp_path / "run", "--epochs", "1", "--labels", "hard") == 1
    assert "was begun with labels soft, not hard" in capsys.readouterr().err
    assert train(files, tmp_path / "run", "--epochs", "1", "--context-window", "9") == 1
    assert "the checkpoint has context_window 512, not 9" in capsys.readouterr().err
    rewrite(broken / "shard-00000.safetensors", {"target_identity": "0123"})
    assert train(files, tmp_path / "run", "--epochs", "1", data=broken) == 1
    assert "is of target identity, but the data is of 0123" in capsys.readouterr().err
