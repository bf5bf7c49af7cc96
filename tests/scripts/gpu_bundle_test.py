"""Bundles of what a build folder has, made and run: on an emulated device and, of a build with CUDA, on this machine.

    gpu_bundle_test.py BUILD [unittest's arguments]
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(".")


class BundleTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)
        self.bundle = self.folder / "bundle"

    def make(self, *arguments):
        return subprocess.run(
            [ROOT / "scripts/gpu-bundle", "--built", BUILD, "--output", self.bundle, *arguments],
            capture_output=True, text=True, timeout=120,
        )

    def run_elsewhere(self):
        """Runs the bundle from another place than it was made in; the process and the folder of results."""
        moved = self.folder / "moved"
        shutil.move(self.bundle, moved)
        results = self.folder / "results"
        process = subprocess.run([moved / "run", results], capture_output=True, text=True, timeout=280)
        return process, results

    def test_emulated_bundle_tests_and_measures(self):
        made = self.make("--emulated")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertTrue(any((self.bundle / "lib").glob("libabsl_*")), "libraries of ours are in it")
        self.assertFalse(any((self.bundle / "lib").glob("libc.so*")), "the machine's own are not")
        process, results = self.run_elsewhere()
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        self.assertIn("passed     cuda_gpu_tensor_core_emulated_test", process.stdout)
        self.assertIn("passed     cuda_gpu_kernels_emulated_test", process.stdout)
        measured = json.loads((results / "bench.json").read_text(encoding="utf-8"))
        self.assertEqual(measured["device"]["name"], "emulated device")
        self.assertTrue(measured["models"][0]["decode"]["trees"][0]["is_identical"])

    def test_bundle_for_gpus(self):
        if not (BUILD / "gpu_tests.txt").exists():
            self.skipTest("a build without CUDA")
        made = self.make()
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn("cuda_gpu_kernels_test", (self.bundle / "contents.sh").read_text(encoding="utf-8"))
        self.assertFalse(any((self.bundle / "lib").glob("libcublas*")))
        process, _ = self.run_elsewhere()
        if process.returncode == 2:  # as on any machine without a GPU
            self.assertIn("Nothing was tested: needs a GPU:", process.stdout)
        else:
            self.assertEqual(process.returncode, 0, process.stdout)

    def test_other_folders_are_left_alone(self):
        self.bundle.mkdir()
        (self.bundle / "mine").touch()
        made = self.make("--emulated")
        self.assertEqual(made.returncode, 1)
        self.assertIn("is not a bundle; it is left alone", made.stderr)
        self.assertTrue((self.bundle / "mine").exists())

    def test_wrong_usage(self):
        for arguments in (["--frobnicate"], ["--output"]):
            made = self.make(*arguments)
            self.assertEqual(made.returncode, 1)
            self.assertIn("usage: scripts/gpu-bundle", made.stderr)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
