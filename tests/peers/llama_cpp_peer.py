"""llama.cpp through llama-cpp-python's C interface, with the times that its functions take."""

import ctypes
import os
import time

import llama_cpp
import numpy as np

CONTEXT = 1024
STEP_CONTEXT = 256
STEP_ROWS = (1, 2, 4, 8, 16, 32, 64)
PREFILL_TOKENS = 512
Q4_0_FILE_TYPE = 2  # LLAMA_FTYPE_MOSTLY_Q4_0


@llama_cpp.llama_log_callback
def ignore_log(_level, _text, _user_data):
    """Takes llama.cpp's log in place of standard error."""


def start_quietly():
    """To be called first."""
    llama_cpp.llama_log_set(ignore_log, None)
    llama_cpp.llama_backend_init()


class LlamaCpp:
    """A model and one sequence."""

    def __init__(self, model_path, threads):
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

    def _decode(self, token_ids, position, every_row=True):
        """Seconds of one llama_decode; logits of every row, or of the last one."""
        batch = llama_cpp.llama_batch_init(len(token_ids), 0, 1)
        batch.n_tokens = len(token_ids)
        for row, token in enumerate(token_ids):
            batch.token[row], batch.pos[row] = token, position + row
            batch.n_seq_id[row], batch.seq_id[row][0] = 1, 0
            batch.logits[row] = every_row or row + 1 == len(token_ids)
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
        return int(np.ctypeslib.as_array(logits, shape=(self._vocab_size,)).argmax())

    def generate(self, prompt_ids, count):
        """Seconds for the prompt, and for each of the `count` - 1 steps after the first token."""
        llama_cpp.llama_memory_clear(self._memory(), True)
        prefill = self._decode(prompt_ids, 0, every_row=False)
        token, steps = self._most_probable(len(prompt_ids) - 1), []
        for position in range(len(prompt_ids), len(prompt_ids) + count - 1):
            steps.append(self._decode([token], position))
            token = self._most_probable(0)
        return prefill, steps

    def answer(self, prompt_ids, limit, draft=None):
        """Answers greedily with at most `limit` tokens, up to an end of generation.

        draft(ids) gives the tokens that it believes to follow, which are checked all in one step. Returns the tokens,
        the seconds of prompt and steps, drafting included, and the number of steps.
        """
        llama_cpp.llama_memory_clear(self._memory(), True)
        seconds, steps = self._decode(prompt_ids, 0, every_row=False), 0
        ids = [*prompt_ids, self._most_probable(len(prompt_ids) - 1)]
        end = len(prompt_ids) + limit
        while len(ids) < end and not llama_cpp.llama_vocab_is_eog(self._vocabulary, ids[-1]):
            start = time.perf_counter()
            candidates = [] if draft is None else [int(token) for token in draft(np.array(ids, dtype=np.intc))]
            seconds += time.perf_counter() - start
            position = len(ids) - 1
            seconds += self._decode([ids[-1], *candidates], position)
            steps += 1
            for row in range(len(candidates) + 1):
                ids.append(self._most_probable(row))
                is_over = len(ids) == end or llama_cpp.llama_vocab_is_eog(self._vocabulary, ids[-1])
                if is_over or row == len(candidates) or candidates[row] != ids[-1]:
                    break
            if candidates:
                llama_cpp.llama_memory_seq_rm(self._memory(), 0, len(ids) - 1, -1)
        return ids[len(prompt_ids) :], seconds, steps

    def step_seconds(self, rows, repeats=20):
        """Best seconds of one pass over `rows` tokens behind STEP_CONTEXT positions."""
        llama_cpp.llama_memory_clear(self._memory(), True)
        self._decode([1] * STEP_CONTEXT, 0, every_row=False)
        seconds = []
        for _ in range(repeats):
            seconds.append(self._decode([1] * rows, STEP_CONTEXT))
            llama_cpp.llama_memory_seq_rm(self._memory(), 0, STEP_CONTEXT, -1)
        return min(seconds)

    def prefill_seconds(self, repeats=5):
        """Best seconds of PREFILL_TOKENS tokens at once."""
        seconds = []
        for _ in range(repeats):
            llama_cpp.llama_memory_clear(self._memory(), True)
            seconds.append(self._decode([1] * PREFILL_TOKENS, 0, every_row=False))
        return min(seconds)


def requantise(model_path, directory):
    """Path of the model in Q4_0, made by llama.cpp."""
    path = os.path.join(directory, "q4_0.gguf")
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype, parameters.allow_requantize = Q4_0_FILE_TYPE, True
    if llama_cpp.llama_model_quantize(model_path.encode(), path.encode(), ctypes.byref(parameters)) != 0:
        raise RuntimeError("llama_model_quantize failed")
    return path
