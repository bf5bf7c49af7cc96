"""Compares Chimera's logits with an fp32 reference forward, teacher-forced, and fails where they are too far apart.

    scripts/peer compare_logits [--model FILE] [--limit 50] [--answer-tokens 32]

A sequence is a development prompt in the chat template and the reference's own greedy answer to it. Both sides then see
the same tokens, whatever they would have chosen. Required of all positions together: the most probable token is the
same on at least 97 % of them, and the mean KL divergence from the reference is below 0.02 nats.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np
import torch

import chat_prompts
import reference_forward
import reference_tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
MIN_TOP1_AGREEMENT = 0.97
MAX_MEAN_KL = 0.02


class ChimeraLogits:
    """build/release/bin/dump_logits as a function from token ids to logits."""

    def __init__(self, model_path, vocab_size):
        self._vocab_size = vocab_size
        self._process = subprocess.Popen(
            [ROOT / "build/release/bin/dump_logits", model_path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )

    def __call__(self, token_ids):
        self._process.stdin.write(json.dumps(token_ids).encode() + b"\n")
        self._process.stdin.flush()
        size = len(token_ids) * self._vocab_size * 4
        data = self._process.stdout.read(size)
        if len(data) != size:
            sys.exit(f"dump_logits ended early, status {self._process.wait()}")
        return torch.from_numpy(np.frombuffer(data, dtype="<f4").reshape(len(token_ids), -1).copy())


def compare(reference, chimera):
    """Per position: whether the most probable token is the same, and KL(reference || chimera) in nats."""
    expected, actual = reference.double().log_softmax(-1), chimera.double().log_softmax(-1)
    return expected.argmax(-1) == actual.argmax(-1), (expected.exp() * (expected - actual)).sum(-1)


def summary(same, kl):
    return {
        "positions": len(kl),
        "top1_agreement": round(same.double().mean().item(), 5),
        "mean_kl": round(kl.mean().item(), 6),
        "max_kl": round(kl.max().item(), 4),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--answer-tokens", type=int, default=32)
    arguments = parser.parse_args()

    reference = reference_forward.ReferenceModel(arguments.model)
    tokenizer = reference_tokenizer.build_tokenizer(reference.fields)
    end_id = tokenizer.token_to_id(chat_prompts.END_OF_TURN)
    chimera = ChimeraLogits(arguments.model, reference.output.shape[0])

    parts = {"prompt": ([], []), "answer": ([], [])}
    messages = chat_prompts.first_turns(ROOT / "tests/data/prompts.jsonl", arguments.limit)
    for index, message in enumerate(messages, start=1):
        prompt = tokenizer.encode(chat_prompts.chat_prompt(message)).ids
        answer = reference.continue_greedily(prompt, arguments.answer_tokens, end_id)
        token_ids = prompt + answer
        same, kl = compare(reference.forward(token_ids, reference.new_cache()), chimera(token_ids))
        answer_start = len(prompt) - 1  # the position whose logits choose the first token of the answer
        for name, part in (("prompt", slice(0, answer_start)), ("answer", slice(answer_start, None))):
            parts[name][0].append(same[part])
            parts[name][1].append(kl[part])
        print(f"\r{index} of {len(messages)} prompts", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    results = {name: summary(torch.cat(same), torch.cat(kl)) for name, (same, kl) in parts.items()}
    results["all"] = summary(
        torch.cat([x for same, _ in parts.values() for x in same]),
        torch.cat([x for _, kl in parts.values() for x in kl]),
    )
    print(json.dumps(results))
    total = results["all"]
    if total["top1_agreement"] < MIN_TOP1_AGREEMENT or not total["mean_kl"] < MAX_MEAN_KL:
        sys.exit(f"too far apart: agreement must be >= {MIN_TOP1_AGREEMENT}, mean KL < {MAX_MEAN_KL}")


if __name__ == "__main__":
    main()
