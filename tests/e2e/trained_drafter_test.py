#!/usr/bin/env python3
"""From a Hugging Face folder to a drafter that serves losslessly: chimera-train, then chimera-node.

    trained_drafter_test.py FOLDER_OF_BINARIES

Skipped, with status 77, where scripts/train has not yet made its virtual environment.
"""

import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import tiny_hugging_face

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = (pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
          / "chimera/training-venv/bin/python")
SKIPPED = 77
PROMPT_COUNT, HELD_OUT_COUNT = 96, 8
START_SECONDS = 60

binaries: pathlib.Path


def write_prompts(path, count, seed):
    """Prompts of a few words."""
    generator = random.Random(seed)
    words = ("the", "cat", "sings", "again", "why", "is", "a", "question", "in", "this", "thing", "42", "and")
    texts = [" ".join(generator.choices(words, k=generator.randint(3, 9))) for _ in range(count)]
    lines = [json.dumps({"prompt": f"{text} {number}?", "category": "test", "source": "this file"})
             for number, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(*command):
    """Standard output of a program that must succeed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "drafter/training")}
    result = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result.stdout


class Node:
    """A chimera-node, stopped at the end of a with statement."""

    def __init__(self, folder, *flags):
        self.address = f"unix:{folder}/node.sock"
        # A slow machine may miss the usual deadline.
        common = ["--listen", self.address, "--metrics_listen=", "--draft_deadline=5s"]
        command = [binaries / "chimera-node", *common, *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=START_SECONDS)

    def facts(self):
        """What inspect says, once the drafter is ready."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"the node ended: {self.process.stderr.read().decode()}")
            command = [binaries / "chimera", "inspect", "--json", "--server", self.address]
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode == 0:
                facts = json.loads(result.stdout)
                if [drafter["state"] for drafter in facts["server"]["drafters"]] == ["ready"]:
                    return facts
            time.sleep(0.05)
        raise AssertionError(f"no drafter is ready after {START_SECONDS} s: {result.stdout} {result.stderr}")


def read_metadata(path):
    with open(path, "rb") as file:
        return json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))["__metadata__"]


class TrainedDrafterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="chimera-")
        cls.addClassCleanup(directory.cleanup)
        cls.folder = pathlib.Path(directory.name)
        cls.model = cls.folder / "tiny"
        tiny_hugging_face.write_folder(cls.model, seed=1)
        cls.held_out = write_prompts(cls.folder / "held-out.jsonl", HELD_OUT_COUNT, seed=2)
        cls.drafter = cls.folder / "drafter.safetensors"
        prompts = write_prompts(cls.folder / "prompts.jsonl", PROMPT_COUNT, seed=1)
        run(PYTHON, "-B", "-m", "chimera_train", "all", "--target", cls.model, "--prompts", prompts,
            "--held-out-prompts", cls.held_out, "--work", cls.folder / "work", "--out", cls.drafter,
            "--generator", binaries / "chimera-generate", "--epochs", 12, "--warmup-steps", 5, "--max-tokens", 64,
            "--device", "cpu", "--threads", 2)

    def bench(self, node, *flags):
        """The summaries of both modes."""
        output = run(binaries / "chimera", "bench", "--server", node.address, "--prompts", self.held_out,
                     "--modes", "off,auto", "--max-tokens", 96, "--concurrency", 2, *flags)
        return [json.loads(line) for line in output.splitlines()]

    def test_from_a_folder_to_lossless_speculation(self):
        with Node(self.folder, "--model", self.model, "--draft_model", self.drafter) as node:
            facts = node.facts()
            self.assertEqual(facts["model"]["name"], "tiny")
            metadata = read_metadata(self.drafter)
            self.assertEqual(metadata["target_identity"], facts["model"]["identity"])
            self.assertEqual(metadata["target_weights"], facts["model"]["weights"])
            summaries = []
            for flags in ((), ("--temperature", 0.8, "--seed", 7), ("--temperature", 1.0, "--top-p", 0.9, "--seed", 8)):
                with self.subTest(flags):
                    off, auto = self.bench(node, *flags)
                    self.assertEqual(off["draft_nodes_per_step"], 0)
                    self.assertGreater(auto["tokens"], 10 * HELD_OUT_COUNT)
                    self.assertTrue(auto["identical_to_first_mode"], (off, auto))
                    summaries.append(auto)
            # How much is drafted at each step is for the verifier to decide, by times that it measures.
            self.assertGreater(max(summary["draft_nodes_per_step"] for summary in summaries), 0, summaries)
            self.assertGreater(max(summary["tokens_per_step"] for summary in summaries), 1, summaries)

    def test_another_model_refuses_the_drafter(self):
        """The negative control of the identities."""
        other = self.folder / "other"
        shutil.copytree(self.model, other)
        config = json.loads((other / "config.json").read_text(encoding="utf-8"))
        (other / "config.json").write_text(json.dumps(config | {"rope_theta": 60000.0}), encoding="utf-8")
        command = [binaries / "chimera-node", "--model", other, "--draft_model", self.drafter, "--metrics_listen=",
                   "--listen", f"unix:{self.folder}/node.sock"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS)
        self.assertEqual(result.returncode, 1)
        self.assertIn("was made for model", result.stderr)


if __name__ == "__main__":
    if not PYTHON.exists():
        print(f"skipped: {PYTHON} is missing; scripts/train makes it")
        sys.exit(SKIPPED)
    binaries = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
