"""No prompt of tests/data is among those that drafters are trained on. Needs Python alone, so that it always runs."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "drafter" / "training"))

from chimera_train.errors import ChimeraTrainError  # noqa: E402
from chimera_train.prompts import read_prompts, refuse_held_out  # noqa: E402


class CommittedDataTest(unittest.TestCase):
    def test_no_training_prompt_is_held_out(self):
        training = read_prompts([ROOT / "drafter/training/data/train.jsonl.xz"])
        held_out = read_prompts([ROOT / "tests/data/prompts.jsonl"])
        self.assertEqual(len(training), 19849)
        refuse_held_out(training, held_out)
        with self.assertRaisesRegex(ChimeraTrainError, "1 prompts are held out"):
            refuse_held_out(training + held_out[:1], held_out)


if __name__ == "__main__":
    unittest.main()
