"""Answers are packed without their states, and the target reads them again into the same shards."""

import json
import lzma

import pytest
import torch
from dataset_test import rewrite
from generate_test import generate, write_lines
from safetensors import safe_open
from safetensors.torch import load_file

from chimera_train.answers import read_answers
from chimera_train.cli import main
from chimera_train.dataset import Dataset


@pytest.fixture
def packed(chat_target, generator, tmp_path):
    """A file of nine answers; the shards are in output/."""
    prompts = write_lines(tmp_path / "prompts.jsonl", [f"Question {i}" for i in range(9)])
    assert generate(chat_target, prompts, tmp_path / "output", generator) == 0
    assert main(["pack", "--data", str(tmp_path / "output"), "--out", str(tmp_path / "answers.jsonl.xz")]) == 0
    return tmp_path / "answers.jsonl.xz"


def change(path, number, **members):
    """Changes members of a line."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    lines[number] |= members
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def recompute(target, packed, output, generator, *options):
    arguments = ["--target", target, "--packed", packed, "--output", output, "--generator", generator]
    return main(["generate", *map(str, arguments), "--tapped-layers", "1,2,4", *map(str, options)])


def test_states_are_computed_again(chat_target, packed, generator, tmp_path):
    assert recompute(chat_target, packed, tmp_path / "again", generator) == 0
    first, again = (load_file(tmp_path / name / "shard-00000.safetensors") for name in ("output", "again"))
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    call = json.loads((tmp_path / "again" / "calls.jsonl").read_text())
    assert call["target_identity"] == "identity"
    plan = [json.loads(line) for line in (tmp_path / "again" / "prompts.jsonl").read_text().splitlines()]
    assert {line["category"] for line in plan} == {"test"}
    dataset = Dataset([tmp_path / "output"])
    assert [line.get("temperature", 0) > 0 for line in plan] == [value > 0 for value in dataset.temperatures()]
    assert recompute(chat_target, packed, tmp_path / "again", generator) == 0  # finds everything done
    assert recompute(chat_target, packed, tmp_path / "some", generator, "--limit", 4) == 0
    assert len(Dataset([tmp_path / "some"])) == 4


def test_file_is_small(packed, tmp_path):
    shard = next((tmp_path / "output").glob("shard-*.safetensors"))
    assert packed.stat().st_size < shard.stat().st_size / 10
    answers = read_answers(packed)
    dataset = Dataset([tmp_path / "output"])
    assert answers.header.response_tokens == dataset.response_token_count()
    for index, line in enumerate(answers.lines):
        sequence = dataset.sequence(index)
        assert line["response_ids"] == sequence.token_ids[sequence.response_start :].tolist()


def test_answers_of_another_target_are_refused(chat_target, packed, generator, tmp_path, capfd):
    change(packed, 0, target_identity="other")
    assert recompute(chat_target, packed, tmp_path / "again", generator) == 1
    assert "target_identity of the answers is another" in capfd.readouterr().err


def test_answers_of_other_weights_are_refused(chat_target, packed, generator, tmp_path, capsys):
    change(packed, 0, target_weights="other")
    assert recompute(chat_target, packed, tmp_path / "again", generator) == 1
    assert "target_weights is other, but weights in" in capsys.readouterr().err


def test_answers_are_missing_only_where_they_are_too_long(chat_target, packed, generator, tmp_path, capsys):
    change(packed, 3, prompt="A LONG question")
    assert recompute(chat_target, packed, tmp_path / "long", generator) == 0
    assert "1 answers are left out as too long, so that token_ids_sha256" in capsys.readouterr().out
    assert recompute(chat_target, packed, tmp_path / "long", generator) == 0  # left out again
    change(packed, 4, prompt="A LOST question")
    assert recompute(chat_target, packed, tmp_path / "lost", generator) == 1
    assert "has 7 answers, but 9 of" in capsys.readouterr().err


def test_held_out_prompts_are_refused(chat_target, packed, generator, tmp_path, capsys):
    held_out = write_lines(tmp_path / "held-out.jsonl", ["something", "QUESTION   3"])
    assert recompute(chat_target, packed, tmp_path / "again", generator, "--exclude", held_out) == 1
    error = capsys.readouterr().err
    assert "1 prompts are held out" in error and "answers.jsonl.xz:" in error
    assert not (tmp_path / "again").exists()


def test_prompts_that_are_encoded_otherwise_are_noticed(chat_target, packed, generator, tmp_path, capsys):
    shard = next((tmp_path / "output").glob("shard-*.safetensors"))
    with safe_open(shard, framework="pt") as file:
        token_ids = file.get_tensor("token_ids")
    token_ids[0] = (token_ids[0] + 1) % 64
    rewrite(shard, token_ids=token_ids)
    assert main(["pack", "--data", str(tmp_path / "output"), "--out", str(packed)]) == 0
    assert recompute(chat_target, packed, tmp_path / "again", generator) == 1
    assert "token_ids_sha256 is not that of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "members", "message"),
    [
        (0, {"format": "other"}, 'format is "other", must be "chimera-answers-1"'),
        (0, {"answers": 8}, "has 9 answers, but answers is 8"),
    ],
)
def test_bad_file(chat_target, packed, generator, tmp_path, capsys, number, members, message):
    change(packed, number, **members)
    assert recompute(chat_target, packed, tmp_path / "again", generator) == 1
    assert message in capsys.readouterr().err


def test_unreadable_file(chat_target, packed, generator, tmp_path, capsys):
    packed.write_bytes(packed.read_bytes()[:-20])
    assert recompute(chat_target, packed, tmp_path / "again", generator) == 1
    assert "answers.jsonl.xz: not a readable file of answers" in capsys.readouterr().err


def test_shards_without_their_prompts_cannot_be_packed(packed, tmp_path, capsys):
    (tmp_path / "output" / "prompts.jsonl").unlink()
    assert main(["pack", "--data", str(tmp_path / "output"), "--out", str(packed)]) == 1
    assert "prompts.jsonl: has no prompt" in capsys.readouterr().err
