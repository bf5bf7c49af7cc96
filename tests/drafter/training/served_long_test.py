"""From 400 prompts to a drafter that serves: the tau that evaluate predicts is the tau of the served pair.

Needs the default model and built programs: of CHIMERA_BINARIES, else of the release build.
"""

import json
import lzma
import os
from pathlib import Path

import pytest

from chimera_train.cli import main
from chimera_train.dataset import Dataset
from chimera_train.serving import measure_served

pytestmark = pytest.mark.served

ROOT = Path(__file__).resolve().parents[3]
BINARIES = Path(os.environ.get("CHIMERA_BINARIES", ROOT / "build" / "release" / "bin"))
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chimera"
MODEL = Path(os.environ.get("CHIMERA_MODEL") or CACHE / "SmolLM2-135M-Instruct.Q4_1.gguf")
# Trees of one shape: those of serving depend on what was accepted before, which evaluate does not know.
SHAPE = "4,2,1"
NODES, DEPTH = 20, 3  # of that shape
# A busy machine makes drafts late, and a late draft is none.
NODE_FLAGS = (f"--tree_shape={SHAPE}", f"--max_nodes={NODES}", f"--max_depth={DEPTH}", "--draft_deadline=10s")
MAX_TOKENS = 128
TOLERANCE = 0.03


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    """A folder with train.jsonl, 400 prompts, and held-out.jsonl, every third one of tests/data that is not long."""
    folder = tmp_path_factory.mktemp("prompts")
    with lzma.open(ROOT / "drafter" / "training" / "data" / "train.jsonl.xz", "rt", encoding="utf-8") as file:
        lines = file.readlines()
    (folder / "train.jsonl").write_text("".join(lines[:: len(lines) // 400][:400]), encoding="utf-8")
    lines = (ROOT / "tests" / "data" / "prompts.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    short = [line for line in lines if len(line) < 1000]
    (folder / "held-out.jsonl").write_text("".join(short[::3]), encoding="utf-8")
    return folder


def test_served_tau_is_the_predicted_one(prompts, tmp_path):
    drafter = tmp_path / "drafter.safetensors"
    arguments = [
        "--target", MODEL, "--prompts", prompts / "train.jsonl", "--held-out-prompts", prompts / "held-out.jsonl",
        "--exclude", ROOT / "tests" / "data" / "prompts.jsonl", "--generator", BINARIES / "chimera-generate",
        "--max-tokens", MAX_TOKENS, "--work", tmp_path / "work", "--out", drafter,
        # Epochs, so that a busy machine trains as much as an idle one, which takes some three minutes.
        "--epochs", 3, "--warmup-steps", 10, "--batch-size", 12, "--learning-rate", 0.003, "--rollout-steps", 2,
        "--draft-vocab-size", 4096, "--tree-shape", SHAPE,
    ]  # fmt: skip
    assert main(["all", *map(str, arguments)]) == 0
    report = json.loads((tmp_path / "work" / "report-exported.json").read_text())
    predicted = report["static_tau"]

    served = measure_served(
        node=BINARIES / "verify_all_node",
        client=BINARIES / "chimera",
        target=MODEL,
        drafter=drafter,
        prompts=prompts / "held-out.jsonl",
        max_tokens=MAX_TOKENS,
        node_flags=NODE_FLAGS,
    )
    measured = served["auto"]["tokens_per_step"]
    print(f"tau: predicted {predicted:.4f}, served {measured:.4f}, {measured / predicted - 1:+.2%}")
    assert served["auto"]["identical_to_first_mode"]
    assert served["auto"]["tokens"] == Dataset([tmp_path / "work" / "held-out"]).response_token_count()
    assert predicted > 1.1  # it has learnt something
    assert abs(measured / predicted - 1) <= TOLERANCE
