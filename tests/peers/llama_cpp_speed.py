"""Plain decoding of Chimera and of llama.cpp side by side: same model file, prompts, machine and number of threads.

    scripts/peer llama_cpp_speed [--model FILE] [--threads 2] [--rounds 5] [--tokens 128]

Rounds alternate between the two, so that a noisy machine hits both; figures are medians over the rounds. Chimera's time
is what `chimera bench --modes off` sees over gRPC: scheduling, sampling and detokenisation included. llama.cpp's is the
time inside llama_decode alone, for the same prompt and number of tokens: its sampling is left out. Prints one JSON line
with, for each,

    ms_per_token       of every token after the first; Chimera's is the difference to a run of one token
    tokens_per_second  of the whole answer, the prompt's time included

and `ratio`, llama.cpp's ms_per_token over Chimera's: above 1 Chimera is faster. `step_ms` is llama.cpp's time for one
pass over so many rows. llama.cpp's threads wait for each other spinning, so where other programs take the processors its
times grow many times over: believe a result only if `load_average`, that of the minute before the start, is far below 1.
"""

import argparse
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import llama_cpp

import chat_prompts

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTEXT = 256
STEP_ROWS = (1, 2, 4, 8, 16, 32)
MESSAGE = "Explain in detail how a sailing boat can move against the wind."


@llama_cpp.llama_log_callback
def ignore_log(_level, _text, _user_data):
    """Takes llama.cpp's log in place of standard error."""


class LlamaCpp:
    def __init__(self, model_path, threads):
        llama_cpp.llama_log_set(ignore_log, None)
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(
            model_path.encode(), llama_cpp.llama_model_default_params()
        )
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = CONTEXT
        parameters.n_threads = parameters.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, parameters)
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self._vocab_size = llama_cpp.llama_vocab_n_tokens(self._vocabulary)

    def tokenize(self, text):
        data, ids = text.encode(), (llama_cpp.llama_token * CONTEXT)()
        add_special, parse_special = False, True
        count = llama_cpp.llama_tokenize(
            self._vocabulary, data, len(data), ids, CONTEXT, add_special, parse_special
        )
        return list(ids[:count])

    def _memory(self):
        return llama_cpp.llama_get_memory(self._context)

    def _decode(self, token_ids, position):
        """Seconds of one llama_decode with logits of every row."""
        batch = llama_cpp.llama_batch_init(len(token_ids), 0, 1)
        batch.n_tokens = len(token_ids)
        for row, token in enumerate(token_ids):
            batch.token[row], batch.pos[row] = token, position + row
            batch.n_seq_id[row], batch.seq_id[row][0], batch.logits[row] = 1, 0, 1
        start = time.perf_counter()
        status = llama_cpp.llama_decode(self._context, batch)
        llama_cpp.llama_synchronize(self._context)
        seconds = time.perf_counter() - start
        llama_cpp.llama_batch_free(batch)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status}")
        return seconds

    def _most_probable(self, row):
        logits = llama_cpp.llama_get_logits_ith(self._context, row)
        values = ctypes.cast(logits, ctypes.POINTER(ctypes.c_float * self._vocab_size)).contents
        return max(range(self._vocab_size), key=values.__getitem__)

    def generate(self, prompt_ids, count):
        """Seconds for the prompt, and for each of the `count` - 1 steps after the first token."""
        llama_cpp.llama_memory_clear(self._memory(), True)
        prefill = self._decode(prompt_ids, 0)
        token, steps = self._most_probable(len(prompt_ids) - 1), []
        for position in range(len(prompt_ids), len(prompt_ids) + count - 1):
            steps.append(self._decode([token], position))
            token = self._most_probable(0)
        return prefill, steps

    def step_seconds(self, rows, repeats=20):
        """Median seconds of one pass over `rows` tokens at position 128."""
        llama_cpp.llama_memory_clear(self._memory(), True)
        self._decode([1] * 128, 0)
        seconds = []
        for _ in range(repeats):
            seconds.append(self._decode([1] * rows, 128))
            llama_cpp.llama_memory_seq_rm(self._memory(), 0, 128, -1)
        return statistics.median(seconds)


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


def figures(first_token_seconds, total_seconds, tokens):
    """The figures of one side; both arguments in seconds have one entry per round."""
    per_token = [
        (total - first) / (tokens - 1) for first, total in zip(first_token_seconds, total_seconds)
    ]
    return {
        "ms_per_token": round(1000 * statistics.median(per_token), 3),
        "tokens_per_second": round(tokens / statistics.median(total_seconds), 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=128)
    arguments = parser.parse_args()
    load_average = os.getloadavg()[0]

    llama = LlamaCpp(arguments.model, arguments.threads)
    prompt_ids = llama.tokenize(chat_prompts.chat_prompt(MESSAGE))
    if not 2 <= arguments.tokens <= CONTEXT - len(prompt_ids):
        parser.error(f"--tokens must be in [2, {CONTEXT - len(prompt_ids)}]")
    llama_first, llama_total, chimera_first, chimera_total = [], [], [], []
    for _ in range(arguments.rounds):
        prefill, steps = llama.generate(prompt_ids, arguments.tokens)
        llama_first.append(prefill)
        llama_total.append(prefill + sum(steps))
        chimera_first.append(chimera_seconds(arguments.model, arguments.threads, 1))
        chimera_total.append(chimera_seconds(arguments.model, arguments.threads, arguments.tokens))
    chimera = figures(chimera_first, chimera_total, arguments.tokens)
    llama_cpp_figures = figures(llama_first, llama_total, arguments.tokens)
    llama_cpp_figures["step_ms"] = {
        rows: round(1000 * llama.step_seconds(rows), 2) for rows in STEP_ROWS
    }
    result = {
        "load_average": round(load_average, 2),
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "prompt_tokens": len(prompt_ids),
        "tokens": arguments.tokens,
        "chimera": chimera,
        "llama_cpp": llama_cpp_figures,
        "ratio": round(llama_cpp_figures["ms_per_token"] / chimera["ms_per_token"], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
