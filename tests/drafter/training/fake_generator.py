#!/usr/bin/env python3
"""Stands in for chimera-generate: answers with the tiny target, and writes what was asked to calls.jsonl.

Given answers have to be its own.

Lines whose prompt or raw text contains "FAIL" end the program with status 1, after the shard of the lines before.
Those with "LONG" are left out as too long, those with "LOST" without a word.
"""

import json
import sys
from pathlib import Path

import tiny_target
import torch
from shard_writer import write_shard

from chimera_train.dataset import Shard

options = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
folder = Path(options["output"])
with open(folder / "calls.jsonl", "a", encoding="utf-8") as file:
    file.write(json.dumps(options) + "\n")
if options.get("target_identity", tiny_target.SOURCE.target_identity) != tiny_target.SOURCE.target_identity:
    sys.exit("target_identity of the answers is another")
shards = sorted(folder.glob("shard-*.safetensors"))
answered = {int(index) for path in shards for index in Shard(path).prompt_index}
lines = [json.loads(line) for line in Path(options["prompts"]).read_text(encoding="utf-8").splitlines()]
todo = [(index, line) for index, line in enumerate(lines) if index not in answered]
too_long = [index for index, line in todo if "LONG" in line.get("prompt", "")]
lost = [index for index, line in todo if "LOST" in line.get("prompt", "")]
todo = [(index, line) for index, line in todo if index not in too_long + lost]
failing = [place for place, (_, line) in enumerate(todo) if "FAIL" in line.get("prompt", "")]
if failing and not (folder / "failed").exists():
    (folder / "failed").touch()
    todo = todo[: failing[0]]
else:
    failing = []
if todo:
    torch.set_num_threads(1)
    target = tiny_target.new_target()
    temperatures = [line.get("temperature", 0.0) for _, line in todo]
    sequences = [
        tiny_target.new_sequence(target, index, temperature)
        for (index, _), temperature in zip(todo, temperatures, strict=True)
    ]
    for (_, line), sequence in zip(todo, sequences, strict=True):
        answer = sequence.token_ids[sequence.response_start :].tolist()
        assert line.get("response_ids", answer) == answer
    path = folder / f"shard-{len(shards):05d}.safetensors"
    write_shard(path, sequences, temperatures, tiny_target.SOURCE, "test")
    with open(path.with_suffix(".jsonl"), "w", encoding="utf-8") as file:
        for index, _ in todo:
            text = f" Message number {index // 2} of the model\n" if index != 3 else "short"
            file.write(json.dumps({"prompt_index": index, "response": text}) + "\n")
if failing:
    sys.exit(1)
print(f"{len(todo)} prompts answered, {len(too_long)} left out as too long, 0 tokens in 0 s", file=sys.stderr)
