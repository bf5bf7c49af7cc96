"""Chimera and llama.cpp side by side: same model file, prompts, machine and number of threads.

    scripts/peer llama_cpp_speed [--model FILE] [--threads 2] [--rounds 5] [--tokens 128]

llama.cpp runs the file as it is (`llama_cpp`) and requantised by itself to Q4_0, for which it has its fastest kernels
(`llama_cpp_q4_0`): other weights, and so another model, but its best speed. Prints one JSON line with, for each,

    ms_per_token        plain decoding, median over the rounds, every token after the first
    step_ms             one pass over so many rows behind 256 positions, the best of many
    prefill_tokens_per_second  of 512 tokens at once, the best of several

and `ratios`, llama.cpp's times over Chimera's: above 1 Chimera is faster. Rounds alternate between the programs, so that
a noisy machine hits all. Chimera's ms_per_token is what `chimera bench --modes off` sees over gRPC: scheduling, sampling
and detokenisation included; its steps and its prefill are those of chimera-cpu-bench, sampling included. llama.cpp's
are the times inside llama_decode alone. llama.cpp's threads wait for each other spinning, so where other programs take
the processors its times grow many times over: believe a result only if `load_average`, that of the minute before the
start, is far below 1.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import chat_prompts
from llama_cpp_peer import CONTEXT, PREFILL_TOKENS, STEP_CONTEXT, STEP_ROWS, LlamaCpp, requantise, start_quietly

ROOT = pathlib.Path(__file__).resolve().parents[2]
MESSAGE = "Explain in detail how a sailing boat can move against the wind."


def cpu_bench(model_path, threads):
    """What chimera-cpu-bench measures."""
    command = [
        ROOT / "build/release/bin/chimera-cpu-bench", f"--model={model_path}", f"--threads={threads}",
        f"--context={STEP_CONTEXT}", "--json",
    ]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def chimera_seconds(model_path, threads, tokens):
    """Seconds of the whole answer, cut to `tokens` tokens."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as prompts:
        prompts.write(json.dumps({"prompt": MESSAGE}) + "\n")
        prompts.flush()
        command = [
            ROOT / "build/release/bin/chimera", "bench", "--local", f"--model={model_path}",
            f"--threads={threads}", f"--prompts={prompts.name}", "--modes=off", f"--max-tokens={tokens}",
        ]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result = json.loads(output.splitlines()[-1])
    if result["tokens"] != tokens:
        raise RuntimeError(f"the answer ended after {result['tokens']} of {tokens} tokens")
    return result["seconds"]


def ms_per_token(first_token_seconds, total_seconds, tokens):
    """Median over the rounds; the arguments in seconds have one entry per round."""
    per_token = [
        (total - first) / (tokens - 1) for first, total in zip(first_token_seconds, total_seconds)
    ]
    return 1000 * statistics.median(per_token)


def rounded(figures):
    return {
        name: {key: round(value, 3) for key, value in figure.items()} if isinstance(figure, dict)
        else round(figure, 3)
        for name, figure in figures.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=128)
    arguments = parser.parse_args()
    load_average = os.getloadavg()[0]

    start_quietly()
    with tempfile.TemporaryDirectory() as directory:
        peers = {
            "llama_cpp": LlamaCpp(arguments.model, arguments.threads),
            "llama_cpp_q4_0": LlamaCpp(requantise(arguments.model, directory), arguments.threads),
        }
    prompt_ids = peers["llama_cpp"].tokenize(chat_prompts.chat_prompt(MESSAGE))
    if not 2 <= arguments.tokens <= CONTEXT - len(prompt_ids):
        parser.error(f"--tokens must be in [2, {CONTEXT - len(prompt_ids)}]")
    names = ["chimera", *peers]
    first = {name: [] for name in names}
    total = {name: [] for name in names}
    for _ in range(arguments.rounds):
        for name, peer in peers.items():
            prefill, steps = peer.generate(prompt_ids, arguments.tokens)
            first[name].append(prefill)
            total[name].append(prefill + sum(steps))
        first["chimera"].append(chimera_seconds(arguments.model, arguments.threads, 1))
        total["chimera"].append(chimera_seconds(arguments.model, arguments.threads, arguments.tokens))
    figures = {name: {"ms_per_token": ms_per_token(first[name], total[name], arguments.tokens)} for name in names}
    for name, peer in peers.items():
        figures[name]["step_ms"] = {rows: 1000 * peer.step_seconds(rows) for rows in STEP_ROWS}
        figures[name]["prefill_tokens_per_second"] = PREFILL_TOKENS / peer.prefill_seconds()
    bench = cpu_bench(arguments.model, arguments.threads)
    chimera = figures["chimera"]
    chimera["step_ms"] = {step["rows"]: step["ms"] for step in bench["steps"]}
    chimera["prefill_tokens_per_second"] = bench["prefill"]["tokens_per_s"]
    ratios = {
        name: {
            "plain": figures[name]["ms_per_token"] / chimera["ms_per_token"],
            "step_of_8": figures[name]["step_ms"][8] / chimera["step_ms"][8],
            "prefill": chimera["prefill_tokens_per_second"] / figures[name]["prefill_tokens_per_second"],
        }
        for name in peers
    }
    result = {
        "load_average": round(load_average, 2),
        "isa": bench["isa"],
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "prompt_tokens": len(prompt_ids),
        "tokens": arguments.tokens,
        **{name: rounded(figures[name]) for name in names},
        "ratios": {name: rounded(ratio) for name, ratio in ratios.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
