"""Development prompts as the text that the default model is served."""

import json

SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
END_OF_TURN = "<|im_end|>"


def chat_prompt(message):
    """One user message in the model's ChatML template, up to where the answer begins."""
    return (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n"
        f"<|im_start|>user\n{message}<|im_end|>\n<|im_start|>assistant\n"
    )


def first_turns(path, limit):
    """The first user message of each of the first `limit` lines of a prompt file."""
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)["turns"][0] for line in lines][:limit]
