"""Compares Chimera's draft network with PyTorch on the same quantised weights, and fails where they are too far apart.

    scripts/peer compare_drafter [--drafter FILE] [--data FOLDER] [--sequences 20] [--tokens 64] [--depth 3]

Both sides see the same tokens and hidden states of the target's answers: shards of chimera-generate in FOLDER, or
answers to development prompts, generated now. For every position of the answers they give the logits of the next draft
token, and those behind 1 to `depth` further true tokens, where the network goes on from its own output. Without
--drafter the weights are random, and the context window is shorter than the answers. Required: the most probable token
is the same on at least 99.5 % of all.

PyTorch follows the kernels' arithmetic (kernel_arithmetic.py), so that nearly all logits are the same in every bit:
`identical_logits`. `unrounded` compares with the same forward without the rounding of activations and in another order
of additions, as a measure of what rounding costs and of what the comparison notices.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import reference_drafter

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"
MIN_TOP1_AGREEMENT = 0.995
SHORT_WINDOW = 64


class ChimeraDrafter:
    """build/release/bin/dump_draft_logits on one shard."""

    def __init__(self, drafter_path, model_path, shard_path, drafter):
        self._drafter = drafter
        self._process = subprocess.Popen(
            [BIN / "dump_draft_logits", drafter_path, model_path, shard_path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )

    def draft_logits(self, sequence, length, begin, end, depth):
        """As ReferenceDrafter.draft_logits, of a sequence of `length` tokens."""
        request = {"sequence": sequence, "begin": begin, "end": end, "depth": depth}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        levels = [[] for _ in range(max(depth + 1, self._drafter.depth_heads))]
        for known in range(begin, end):
            heads = self._drafter.depth_heads
            for row in range(heads if heads > 1 else 1 + min(depth, length - known)):
                levels[row].append(self._read_row())
        return [torch.stack(rows) for rows in levels if rows]

    def _read_row(self):
        size = self._drafter.draft_vocab_size * 4
        data = self._process.stdout.read(size)
        if len(data) != size:
            sys.exit(f"dump_draft_logits ended early, status {self._process.wait()}")
        return torch.from_numpy(np.frombuffer(data, dtype="<f4").copy())

    def close(self):
        self._process.stdin.close()
        if self._process.wait() != 0:
            sys.exit("dump_draft_logits failed")


class Agreement:
    """Counts positions per number of drafted tokens."""

    def __init__(self):
        self._same, self._all, self._identical, self._difference = {}, {}, 0, 0.0

    def add(self, expected_levels, actual_levels):
        for level, (expected, actual) in enumerate(zip(expected_levels, actual_levels, strict=True)):
            same = int((expected.argmax(-1) == actual.argmax(-1)).sum())
            self._same[level] = self._same.get(level, 0) + same
            self._all[level] = self._all.get(level, 0) + len(expected)
            differences = (expected - actual).abs().amax(dim=-1)
            self._identical += int((differences == 0).sum())
            self._difference = max(self._difference, float(differences.amax() / expected.abs().amax()))

    def share(self):
        return sum(self._same.values()) / max(sum(self._all.values()), 1)

    def summary(self):
        return {
            "positions": sum(self._all.values()),
            "top1_agreement": round(self.share(), 5),
            "top1_agreement_per_level": [round(self._same[level] / self._all[level], 5) for level in sorted(self._all)],
            "identical_logits": round(self._identical / sum(self._all.values()), 5),
            "largest_difference": round(self._difference, 6),  # of the largest logit
        }


def generate(model_path, tapped_layers, arguments, folder):
    """Answers development prompts; returns the folder of the shards."""
    prompts = pathlib.Path(folder, "prompts.jsonl")
    output = pathlib.Path(folder, "answers")
    output.mkdir()
    with open(ROOT / "tests/data/prompts.jsonl", encoding="utf-8") as lines:
        first_turns = [json.loads(line)["turns"][0] for line in lines][: arguments.sequences]
    prompts.write_text("".join(json.dumps({"prompt": turn}) + "\n" for turn in first_turns), encoding="utf-8")
    command = [
        BIN / "chimera-generate", f"--model={model_path}", f"--prompts={prompts}", f"--output={output}",
        f"--tapped_layers={tapped_layers}", f"--max_tokens={arguments.tokens}", "--max_length=2048",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return output


def write_random_drafter(arguments, folder):
    """Returns the path of a drafter of random weights that fits the data."""
    path = pathlib.Path(folder, "random.safetensors")
    command = [BIN / "write_random_drafter", arguments.model, path]
    if arguments.data:
        with safe_open(next(pathlib.Path(arguments.data).glob("shard-*.safetensors")), framework="pt") as shard:
            command += ["1", shard.metadata()["tapped_layers"]]
    subprocess.run(command, check=True)
    with safe_open(path, framework="pt") as file:
        tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
    save_file(tensors, path, metadata | {"context_window": str(SHORT_WINDOW)})
    return path


def sequences(shard_path):
    """Yields number, tokens, states and the length of the prompt of each sequence of a shard."""
    with safe_open(shard_path, framework="pt") as shard:
        starts, responses = shard.get_tensor("sequence_starts"), shard.get_tensor("response_starts")
        tokens, states = shard.get_tensor("token_ids").long(), shard.get_slice("hidden_states")
        for number, response in enumerate(responses.tolist()):
            start, end = starts[number : number + 2].tolist()
            yield number, tokens[start:end], states[start:end], response - start


def compare(arguments, drafter_path, folder):
    drafters = {
        name: reference_drafter.ReferenceDrafter(drafter_path, arguments.model, rounds)
        for name, rounds in (("rounded", True), ("unrounded", False))
    }
    rounded = drafters["rounded"]
    data = arguments.data or generate(arguments.model, rounded.tapped_layers, arguments, folder)
    results = {name: Agreement() for name in drafters}
    done = 0
    for shard_path in sorted(pathlib.Path(data).glob("shard-*.safetensors")):
        if done == arguments.sequences:
            break
        chimera = ChimeraDrafter(drafter_path, arguments.model, shard_path, rounded)
        for number, tokens, states, prompt_length in sequences(shard_path):
            if done == arguments.sequences:
                break
            span = (max(prompt_length, 2), len(tokens) + 1, arguments.depth)
            actual = chimera.draft_logits(number, len(tokens), *span)
            for name, drafter in drafters.items():
                results[name].add(drafter.draft_logits(tokens, states, *span), actual)
            done += 1
            print(f"\r{done} of {arguments.sequences} sequences", end="", file=sys.stderr, flush=True)
        chimera.close()
    print(file=sys.stderr)
    print(json.dumps({name: result.summary() for name, result in results.items()}))
    if done == 0 or not results["rounded"].share() >= MIN_TOP1_AGREEMENT:
        sys.exit(f"too far apart: agreement must be >= {MIN_TOP1_AGREEMENT}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--drafter")
    parser.add_argument("--data")
    parser.add_argument("--sequences", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--depth", type=int, default=3)
    arguments = parser.parse_args()
    if pathlib.Path(arguments.model).is_dir():
        parser.error(f"--model is {arguments.model}, must be a GGUF file: the forward in PyTorch reads no folders")
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments, arguments.drafter or write_random_drafter(arguments, folder), folder)


if __name__ == "__main__":
    main()
