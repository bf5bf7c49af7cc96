"""What the tests share."""

import contextlib
import os
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "drafter" / "training"))

import tiny_target  # noqa: E402  (found through the paths above)

from chimera_train.drafter import Drafter  # noqa: E402
from chimera_train.drafter_config import DrafterConfig  # noqa: E402
from chimera_train.target import Target  # noqa: E402

torch.set_num_threads(1)

TEMPLATE = (
    "{% for message in messages %}{% if loop.first %}<|start|>system\nBe brief.<|end|>\n{% endif %}"
    "<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "served: needs the default model and built programs, and takes long")


@pytest.fixture(scope="session")
def target() -> Target:
    return tiny_target.new_target()


@pytest.fixture(scope="session")
def files(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with target.gguf, and shards in answers/ and held-out/."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny_target.write_gguf(target, folder / "target.gguf")
    tiny_target.write_shards(target, folder / "answers")
    tiny_target.write_shards(target, folder / "held-out", n_shards=1, first_index=1000)
    return folder


@pytest.fixture
def new_drafter(target: Target):
    """Makes a drafter with random weights; keywords change its configuration."""

    def make(**changes) -> Drafter:
        torch.manual_seed(3)
        values = {
            "hidden_size": tiny_target.HIDDEN_SIZE,
            "ffn_size": 64,
            "query_head_count": 4,
            "kv_head_count": 2,
            "head_dim": tiny_target.HEAD_DIM,
            "rope_base": 10000.0,
            "rms_norm_epsilon": tiny_target.EPSILON,
            "trigram_hidden_size": 64,
            "tapped_layers": tiny_target.TAPPED_LAYERS,
            "draft_vocab_size": 48,
        }
        config = DrafterConfig(**values | changes)
        vocabulary = torch.arange(0, 48)
        drafter = Drafter(config, target.embedding, vocabulary, target.output[vocabulary])
        for name, parameter in drafter.named_parameters():
            if parameter.dim() == 1 or name in ("fuse.norms", "residual_head.weight"):
                torch.nn.init.normal_(parameter, mean=0.5, std=0.3)  # so that nothing hides behind ones and zeros
        return drafter

    return make


@pytest.fixture
def generator(tmp_path, monkeypatch):
    """The fake generator as a program."""
    here = Path(__file__).resolve().parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(here), str(here.parents[2] / "drafter" / "training"))))
    path = tmp_path / "fake-generator"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -B {here / "fake_generator.py"} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def killed_before_replacing(monkeypatch):
    """A context: within it whoever is about to replace a file of that name, which it has written anew, is stopped."""

    @contextlib.contextmanager
    def kill(name: str):
        replace = os.replace

        def stop(source, destination):
            if Path(destination).name == name:
                raise KeyboardInterrupt
            replace(source, destination)

        with monkeypatch.context() as patches:
            patches.setattr(os, "replace", stop)
            yield

    return kill


@pytest.fixture
def chat_target(target, tmp_path):
    """A GGUF file with a chat template."""
    path = tmp_path / "chat.gguf"
    tiny_target.write_gguf(target, path, TEMPLATE)
    return path
