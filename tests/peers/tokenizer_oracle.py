#!/usr/bin/env python3
"""Writes the token ids that PyPI `tokenizers` gives, for the C++ tokenizer to be compared with.

The tokenizer is built from the vocabulary and merges of a GGUF file, so that nothing but the file
is needed. Texts: every prompt of a JSONL file, conversations made of those prompts (rendered by
Jinja from the file's own template), and random Unicode for each pre-tokenizer Chimera knows.

    pip install gguf tokenizers jinja2
    tests/peers/tokenizer_oracle.py MODEL.gguf --output tests/data/tokenizer_expected.jsonl
    tests/peers/tokenizer_oracle.py MODEL.gguf --fuzz 30000 --seed 2 --output /tmp/fuzz.jsonl
    CHIMERA_TOKENIZER_EXPECTED=/tmp/fuzz.jsonl build/release/bin/default_model_tokenizer_test

Each line has `ids` and either `messages`, or `pre_tokenizer`, `text` and `parse` (whether special
tokens in the text are meant as such).

PCRE2 10.42 has the character classes of Unicode 14, `tokenizers` 0.23 those of Unicode 16 and 17, so
that the two split differently around letters and numbers assigned in between. Random texts have only
characters assigned in Unicode 14, which is what Python 3.11 (Debian 12's) knows.
"""

import argparse
import json
import pathlib
import random
import unicodedata

import gguf
import jinja2
from tokenizers import AddedToken, Regex, Tokenizer, models
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CONTROL, USER_DEFINED = 3, 4

LLAMA_3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PRE_TOKENIZERS = {
    "smollm": Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]),
    "gpt-2": ByteLevel(add_prefix_space=False),
    "llama-bpe": Sequence([Split(Regex(LLAMA_3_PATTERN), "isolated"),
                           ByteLevel(add_prefix_space=False, use_regex=False)]),
}

# Ranges of code points to draw from, first and last.
SCRIPTS = {
    "ascii": [(0x20, 0x7E)],
    "letters": [(0x61, 0x7A)],
    "latin": [(0xA0, 0x24F), (0x1E00, 0x1EFF)],
    "greek_cyrillic": [(0x370, 0x52F)],
    "hebrew_arabic": [(0x590, 0x77F), (0xFB50, 0xFDFF)],
    "indic": [(0x900, 0xDFF)],
    "south_east_asian": [(0xE00, 0x109F), (0x1780, 0x17FF)],
    "kana": [(0x3040, 0x30FF), (0xFF00, 0xFFEF)],
    "cjk": [(0x3000, 0x303F), (0x4E00, 0x9FFF)],
    "cjk_rare": [(0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0xF900, 0xFAFF)],
    "hangul": [(0x1100, 0x11FF), (0xAC00, 0xD7A3)],
    "combining": [(0x300, 0x36F), (0x483, 0x489), (0x1AB0, 0x1AFF), (0x20D0, 0x20F0)],
    "emoji": [(0x1F300, 0x1FAFF), (0x2600, 0x27BF), (0x1F1E6, 0x1F1FF), (0x1F3FB, 0x1F3FF)],
    "joiners": [(0x200B, 0x200F), (0xFE00, 0xFE0F), (0xE0020, 0xE007F), (0x180B, 0x180E)],
    "digits": [(0x30, 0x39), (0x660, 0x669), (0x966, 0x96F), (0xFF10, 0xFF19), (0x1D7CE, 0x1D7FF)],
    "numbers": [(0xB2, 0xB3), (0xBC, 0xBE), (0x2150, 0x218B), (0x2460, 0x249B), (0x3021, 0x3029)],
    "controls": [(0x00, 0x1F), (0x7F, 0x9F), (0x2028, 0x2029), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFD)],
    "spaces": [(0x09, 0x0D), (0x20, 0x20), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0),
               (0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F),
               (0x3000, 0x3000)],
    "symbols": [(0x2010, 0x2027), (0x2030, 0x205E), (0x20A0, 0x20BF), (0x2190, 0x23FF)],
    "private": [(0xE000, 0xF8FF), (0xF0000, 0xF00FF)],
    "any": [(0x0, 0x10FFFF)],
}
SNIPPETS = ["'s", "'LL", "'\u017f", "\u2019t", "\r\n", "\r\n\r\n", "\n\n", "\n \n", "\t\t", "  ",
            "        ", "\U0001F468\u200D\U0001F469\u200D\U0001F467", "\U0001F3F3\uFE0F\u200D\U0001F308",
            "<|im_start|>", "<|im_end|>", "<|im_", "|>", "<repo_name>", "<reponame>", "3.14159",
            "2024-12-31", "1,000,000", "https://example.org/?q=1&r=a%20b", "for (int i = 0; i < n;",
            "def f(x):\n    return x", "e\u0301", "\u1100\u1161\u11A8", "\u212A", "_", "...", "!?"]
UNICODE_VERSION = "14.0.0"


class Oracle:
    """`tokenizers` on the vocabulary of a GGUF file."""

    def __init__(self, path):
        fields = gguf.GGUFReader(path).fields
        tokens = fields["tokenizer.ggml.tokens"].contents()
        types = fields["tokenizer.ggml.token_type"].contents()
        self.vocabulary = {token: i for i, token in enumerate(tokens)}
        self.merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
        self.special = [t for t, kind in zip(tokens, types) if kind in (CONTROL, USER_DEFINED)]
        self.template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(
            fields["tokenizer.chat_template"].contents())
        self.tokenizers = {}

    def encode(self, pre_tokenizer, text, parse):
        key = (pre_tokenizer, parse)
        if key not in self.tokenizers:
            self.tokenizers[key] = self._build(*key)
        return self.tokenizers[key].encode(text, add_special_tokens=False).ids

    def render(self, messages):
        return self.template.render(messages=messages, add_generation_prompt=True)

    def _build(self, pre_tokenizer, parse):
        tokenizer = Tokenizer(models.BPE(vocab=self.vocabulary, merges=self.merges,
                                         ignore_merges=pre_tokenizer == "llama-bpe"))
        tokenizer.pre_tokenizer = PRE_TOKENIZERS[pre_tokenizer]
        if parse:
            tokenizer.add_special_tokens(
                [AddedToken(text, special=True, normalized=False) for text in self.special])
        return tokenizer


def random_character(rng, ranges):
    while True:
        character = chr(rng.randint(*rng.choice(ranges)))
        if unicodedata.category(character) not in ("Cn", "Cs"):  # unassigned, surrogate
            return character


def random_text(rng):
    pieces = []
    for _ in range(rng.randint(1, 12)):
        if rng.random() < 0.25:
            pieces.append(rng.choice(SNIPPETS))
            continue
        ranges = SCRIPTS[rng.choice(list(SCRIPTS))]
        pieces.append("".join(random_character(rng, ranges) for _ in range(rng.randint(1, 9))))
        if rng.random() < 0.3:
            pieces.append(" ")
    return "".join(pieces)


def text_lines(prompts, arguments):
    for turns in prompts:
        for turn in turns:
            yield {"pre_tokenizer": "smollm", "text": turn, "parse": True}
    rng = random.Random(arguments.seed)
    for _ in range(arguments.fuzz):
        for pre_tokenizer in PRE_TOKENIZERS:
            yield {"pre_tokenizer": pre_tokenizer, "text": random_text(rng),
                   "parse": rng.random() < 0.5}


def chat_lines(prompts):
    for i, turns in enumerate(prompts):
        messages = [{"role": "system", "content": "Be brief.\n"}] if i % 4 == 0 else []
        for turn in turns[:-1]:
            messages += [{"role": "user", "content": turn},
                         {"role": "assistant", "content": " \nI see: 1 + 1 = 2."}]
        yield {"messages": messages + [{"role": "user", "content": turns[-1]}]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--prompts", default=REPOSITORY / "tests/data/prompts.jsonl")
    parser.add_argument("--fuzz", type=int, default=200, help="random texts per pre-tokenizer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    if unicodedata.unidata_version != UNICODE_VERSION:
        parser.error(f"needs a Python with Unicode {UNICODE_VERSION}, such as 3.11")

    oracle = Oracle(arguments.model)
    with open(arguments.prompts, encoding="utf-8") as lines:
        prompts = [json.loads(line)["turns"] for line in lines]
    with open(arguments.output, "w", encoding="utf-8") as output:
        for line in text_lines(prompts, arguments):
            line["ids"] = oracle.encode(line["pre_tokenizer"], line["text"], line["parse"])
            output.write(json.dumps(line, separators=(",", ":")) + "\n")
        for line in chat_lines(prompts):
            line["ids"] = oracle.encode("smollm", oracle.render(line["messages"]), True)
            output.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
