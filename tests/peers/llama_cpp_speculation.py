"""Whole answers by Chimera and by llama.cpp, each with and without speculation: tokens/s side by side, one stream.

    scripts/peer llama_cpp_speculation [--drafter FILE] [--prompts 20] [--tokens 160] [--threads 2] [--rounds 5]

llama.cpp runs the file as it is and requantised by itself to Q4_0, for which it has its fastest kernels (other weights,
and so another model, but its best speed); plainly and with the prompt-lookup speculation of llama-cpp-python, guessing
as many tokens at once as --lookup-tokens says: 2 is what it recommends without a GPU, 10 its default. Chimera runs with
speculation off and auto, the draft model being --drafter. All answer the same development prompts greedily, up to the
end of turn.

Rounds alternate between the programs, so that a noisy machine hits all. Chimera's seconds are those of `chimera bench`
over gRPC: scheduling, sampling, detokenisation and the link to the drafter included. llama.cpp's are those inside
llama_decode and the lookup alone, in its favour. Prints a table, medians over the rounds, and one JSON line. Believe it
only if `load_average`, that of the minute before the start, is far below 1.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

import chat_prompts
import drafter_state
from llama_cpp_peer import CONTEXT, LlamaCpp, requantise, start_quietly

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"
LONGEST_DRAFT = 16


class LlamaCppAnswers:
    """One way of llama.cpp to answer prompts."""

    def __init__(self, peer, prompts, limit, lookup_tokens):
        self._peer, self._limit = peer, limit
        self._prompts = [peer.tokenize(chat_prompts.chat_prompt(prompt)) for prompt in prompts]
        self._draft = LlamaPromptLookupDecoding(num_pred_tokens=lookup_tokens) if lookup_tokens else None

    def run(self):
        """Tokens, seconds and steps of all answers."""
        answers = [self._peer.answer(prompt, self._limit, self._draft) for prompt in self._prompts]
        return sum(len(ids) for ids, _, _ in answers), sum(a[1] for a in answers), sum(a[2] for a in answers)


@contextlib.contextmanager
def chimera_node(arguments, folder):
    """Yields the address of a node, once its drafter is ready."""
    address = f"unix:{folder}/node.sock"
    command = [
        BIN / "chimera-node", f"--model={arguments.model}", f"--draft_model={arguments.drafter}",
        f"--threads={arguments.threads}", f"--listen={address}", "--metrics_listen=",
    ]
    with open(f"{folder}/node.log", "w", encoding="utf-8") as log:
        node = subprocess.Popen(command, stdout=log, stderr=log)

    def check():
        if node.poll() is not None:
            sys.exit(f"chimera-node ended:\n{pathlib.Path(folder, 'node.log').read_text(encoding='utf-8')}")

    try:
        drafter_state.wait_until_ready(BIN / "chimera", address, check)
        yield address
    finally:
        node.terminate()
        node.wait()


def chimera_answers(address, prompt_path, tokens):
    """Tokens, seconds and steps of all answers, per mode."""
    command = [
        BIN / "chimera", "bench", f"--server={address}", f"--prompts={prompt_path}", "--modes=off,auto",
        f"--max-tokens={tokens}",
    ]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    modes = [json.loads(line) for line in output.splitlines()]
    if not all(mode["identical_to_first_mode"] for mode in modes):
        sys.exit("Chimera's answers with and without speculation differ")
    return {f"chimera, {mode['mode']}": (mode["tokens"], mode["seconds"], mode["steps"]) for mode in modes}


def summary(runs, answer_count):
    """Figures of the rounds of one program; the first token of an answer comes with its prompt, without a step."""
    tokens, _, steps = runs[0]
    return {
        "tokens_per_second": round(statistics.median(tokens / seconds for tokens, seconds, _ in runs), 2),
        "tokens_per_step": round((tokens - answer_count) / max(steps, 1), 3),
        "tokens": tokens,
    }


def table(figures):
    best = max(f["tokens_per_second"] for name, f in figures.items() if not name.startswith("chimera"))
    lines = ["| | tokens/s | tokens per step | to llama.cpp's best |", "| --- | ---: | ---: | ---: |"]
    for name, f in figures.items():
        ratio = f["tokens_per_second"] / best
        lines.append(f"| {name} | {f['tokens_per_second']:.1f} | {f['tokens_per_step']:.2f} | {ratio:.2f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--drafter", default="ngram", help="what chimera-node --draft_model takes; default ngram")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=160)
    parser.add_argument("--lookup-tokens", default="2,10")
    arguments = parser.parse_args()
    load_average = os.getloadavg()[0]

    start_quietly()
    prompts = chat_prompts.first_turns(ROOT / "tests/data/prompts.jsonl", arguments.prompts)
    lookups = [0, *(int(part) for part in arguments.lookup_tokens.split(","))]
    with tempfile.TemporaryDirectory() as folder, chimera_node(arguments, folder) as address:
        prompt_path = pathlib.Path(folder, "prompts.jsonl")
        prompt_path.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts), encoding="utf-8")
        peers = {}
        for weights, path in (("", arguments.model), (" Q4_0", requantise(arguments.model, folder))):
            peer = LlamaCpp(path, arguments.threads)
            longest = max(len(peer.tokenize(chat_prompts.chat_prompt(prompt))) for prompt in prompts)
            if longest + arguments.tokens + LONGEST_DRAFT > CONTEXT:
                limit = CONTEXT - longest - LONGEST_DRAFT
                parser.error(f"a prompt has {longest} tokens: --tokens must be at most {limit}")
            for lookup in lookups:
                name = f"llama.cpp{weights}, " + (f"prompt lookup of {lookup}" if lookup else "plain")
                peers[name] = LlamaCppAnswers(peer, prompts, arguments.tokens, lookup)
        runs = {}
        for number in range(arguments.rounds):
            for name, peer in peers.items():
                runs.setdefault(name, []).append(peer.run())
            for name, run in chimera_answers(address, prompt_path, arguments.tokens).items():
                runs.setdefault(name, []).append(run)
            print(f"\rround {number + 1} of {arguments.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    figures = {name: summary(of_program, len(prompts)) for name, of_program in runs.items()}
    print(table(figures))
    print(json.dumps({"load_average": load_average, "threads": arguments.threads, "programs": figures}))


if __name__ == "__main__":
    main()
