"""The tokenizer of a GGUF file with byte-level BPE, by PyPI `tokenizers`."""

import tokenizers

_CONTROL_TOKEN = 3  # GGUF's tokenizer.ggml.token_type


def build_tokenizer(fields):
    """A tokenizer from the metadata `fields` of a GGUF file whose pre-tokenizer is smollm."""
    tokens, merges = fields["tokenizer.ggml.tokens"].contents(), fields["tokenizer.ggml.merges"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            vocab={token: index for index, token in enumerate(tokens)},
            merges=[tuple(merge.split(" ")) for merge in merges],
        )
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Digits(individual_digits=True),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [token for token, kind in zip(tokens, types) if kind == _CONTROL_TOKEN]
    )
    return tokenizer
