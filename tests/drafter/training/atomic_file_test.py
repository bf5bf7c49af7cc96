"""What is rewritten is whole at every moment, and what would not change is not rewritten."""

import os

import pytest
from generate_test import generate, write_lines

from chimera_train.atomic_file import replacing, write_text
from chimera_train.generation_plan import read_plan, write_plan
from chimera_train.training_log import TrainingLog, read_metrics


def test_replaces_or_leaves(tmp_path):
    path = tmp_path / "file"
    write_text(path, "old\n")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old\n"
    write_text(path, "ü\n")
    assert path.read_bytes() == "ü\n".encode()
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_links_and_devices_stay(tmp_path):
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    file.write_text("old")
    link.symlink_to(file)
    write_text(link, "new")
    assert link.is_symlink() and file.read_text() == "new"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert pipe.is_fifo() and os.read(reader, 10) == b"text"
    os.close(reader)


def test_equal_plan_is_not_rewritten(chat_target, generator, tmp_path):
    prompts, output = write_lines(tmp_path / "prompts.jsonl", ["One", "Two"]), tmp_path / "output"
    assert generate(chat_target, prompts, output, generator) == 0
    plan = output / "prompts.jsonl"
    before = plan.stat()
    assert generate(chat_target, prompts, output, generator) == 0
    assert (plan.stat().st_mtime_ns, plan.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_plan_survives_a_kill_while_it_is_replaced(tmp_path, killed_before_replacing):
    write_plan([{"prompt": "One"}], tmp_path)
    with pytest.raises(KeyboardInterrupt), killed_before_replacing("prompts.jsonl"):
        write_plan([{"prompt": "Two"}], tmp_path)
    assert read_plan(tmp_path) == [{"prompt": "One"}]
    write_plan([{"prompt": "Two"}], tmp_path)
    assert read_plan(tmp_path) == [{"prompt": "Two"}]


def test_log_survives_a_kill_while_it_is_shortened(tmp_path, killed_before_replacing):
    log = TrainingLog(tmp_path, 0)
    for step in range(6):
        log.add(step, {"loss": 1.0 + step})
    log.close()
    with pytest.raises(KeyboardInterrupt), killed_before_replacing("metrics.jsonl"):
        TrainingLog(tmp_path, 4)
    assert [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl")] == list(range(6))
