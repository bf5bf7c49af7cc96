"""What a bundle's `run` says of its programs, with programs that do what each case needs."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

_PASSES = "echo '[  PASSED  ] 3 tests.'"
_SKIPS = (
    "echo 'a.cc:1: Skipped'; echo 'needs a GPU: no CUDA driver is installed'; "
    "echo '[  PASSED  ] 0 tests.'"
)
_FAILS = "echo '[  FAILED  ] 1 test, listed below:'; exit 1"
_BENCH = 'for a; do case "$a" in --json=*) echo "{}" >"${a#--json=}" ;; esac; done; echo table; echo "$@" >&2'


class RunTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.bundle = pathlib.Path(directory.name) / "bundle"
        self.results = pathlib.Path(directory.name) / "results"
        (self.bundle / "bin").mkdir(parents=True)
        (self.bundle / "lib").mkdir()
        shutil.copy(ROOT / "scripts/lib/gpu_run.sh", self.bundle / "run")

    def add_program(self, name, code):
        path = self.bundle / "bin" / name
        path.write_text(f"#!/usr/bin/env bash\n{code}\n", encoding="utf-8")
        path.chmod(0o755)

    def run_bundle(self, tests, bench=_BENCH, needs_cublas=(), **variables):
        """Runs a bundle of these tests, a dictionary from names to code; the process and what the summary says."""
        for name, code in tests.items():
            self.add_program(name, code)
        self.add_program("bench", bench)
        (self.bundle / "contents.sh").write_text(
            f"# Written by a test.\ntests=({' '.join(tests)})\nbench=(bench --models=tiny)\n"
            f"needs_cublas=({' '.join(needs_cublas)})\n",
            encoding="utf-8",
        )
        environment = {**os.environ, "CHIMERA_RUN_SECONDS": "60", **variables}
        process = subprocess.run(
            ["bash", self.bundle / "run", self.results], env=environment, capture_output=True, text=True, timeout=100
        )
        return process, (self.results / "summary.txt").read_text(encoding="utf-8")

    def read(self, name):
        return (self.results / name).read_text(encoding="utf-8")

    def test_all_is_well(self):
        process, summary = self.run_bundle({"a_test": _PASSES, "b_test": _PASSES})
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        self.assertEqual(process.stdout, summary)
        self.assertIn("passed     a_test", summary)
        self.assertIn("2 test programs passed, 0 failed, 0 skipped", summary)
        self.assertIn("measured   bench", summary)
        self.assertEqual(self.read("bench.json"), "{}\n")
        self.assertEqual(self.read("bench.txt"), "table\n")
        self.assertIn("--models=tiny --json=", self.read("bench_log.txt"))
        self.assertIn("== b_test: status 0", self.read("tests.txt"))
        self.assertIn("cuBLAS:", self.read("machine.txt"))
        self.assertLessEqual(len(list(self.results.iterdir())), 8)

    def test_results_go_to_out(self):
        self.results = self.bundle.parent / "out"
        self.run_bundle({"a_test": _PASSES}, OUT=str(self.results))
        process = subprocess.run(
            ["bash", self.bundle / "run"], env={**os.environ, "OUT": str(self.results / "inner")},
            capture_output=True, timeout=100,
        )
        self.assertEqual(process.returncode, 0)
        self.assertTrue((self.results / "inner/summary.txt").exists())

    def test_a_failure_is_named_and_measuring_goes_on(self):
        process, summary = self.run_bundle({"a_test": _FAILS, "b_test": _PASSES})
        self.assertEqual(process.returncode, 1)
        self.assertIn("FAILED     a_test with status 1: [  FAILED  ] 1 test, listed below:", summary)
        self.assertIn("passed     b_test", summary)
        self.assertIn("measured   bench", summary)

    def test_without_a_gpu_nothing_is_measured(self):
        process, summary = self.run_bundle({"a_test": _SKIPS, "b_test": _SKIPS}, bench="exit 7")
        self.assertEqual(process.returncode, 2)
        self.assertIn("skipped    a_test: needs a GPU: no CUDA driver is installed", summary)
        self.assertIn("Nothing was tested: needs a GPU: no CUDA driver is installed", summary)
        self.assertNotIn("bench", summary)

    def test_cases_that_are_skipped_are_counted(self):
        refused = "echo 'a.cc:1: Skipped'; echo 'pinned numerics are refused'; "
        process, summary = self.run_bundle({"a_test": refused + refused + _PASSES, "b_test": refused, "c_test": _PASSES})
        self.assertEqual(process.returncode, 0)
        self.assertIn("s; cases skipped: 2, the first: pinned numerics are refused\n", summary)
        self.assertIn("skipped    b_test: pinned numerics are refused\n", summary)
        self.assertIn("2 test programs passed, 0 failed, 1 skipped", summary)

    def test_single_launches_are_a_failure(self):
        warns = "echo '[warning] launches are not captured, which makes steps slower rows=4' >&2; "
        process, summary = self.run_bundle({"a_test": warns + _PASSES, "b_test": _PASSES}, bench=warns + _BENCH)
        self.assertEqual(process.returncode, 1)
        self.assertIn("FAILED     a_test: launches of a step are not captured", summary)
        self.assertIn("1 test programs passed, 1 failed, 0 skipped", summary)
        self.assertIn("FAILED     bench: measured without graphs", summary)

    def test_a_program_that_hangs_is_cut_off(self):
        process, summary = self.run_bundle({"a_test": "sleep 100", "b_test": _PASSES}, CHIMERA_RUN_SECONDS="30")
        self.assertEqual(process.returncode, 1)
        self.assertRegex(summary, "CUT OFF    a_test after [78] s")  # a quarter of 30
        self.assertIn("passed     b_test", summary)

    def test_without_time_programs_are_not_run(self):
        process, summary = self.run_bundle({"a_test": _PASSES}, CHIMERA_RUN_SECONDS="8")
        self.assertEqual(process.returncode, 1)
        self.assertIn("NOT RUN    a_test: no time is left", summary)

    def test_a_benchmark_that_fails(self):
        process, summary = self.run_bundle({"a_test": _PASSES}, bench="echo first >&2; echo the reason >&2; exit 1")
        self.assertEqual(process.returncode, 1)
        self.assertIn("FAILED     bench: the reason", summary)

    def test_finds_cublas(self):
        folder = self.bundle.parent / "toolkit/lib64"
        folder.mkdir(parents=True)
        (folder / "libcublasLt.so.13").touch()
        code = f'[[ :$LD_LIBRARY_PATH: == *:{folder}:* ]] && {_PASSES}'
        process, summary = self.run_bundle({"a_test": code}, needs_cublas=["a_test"], CUDA_HOME=str(folder.parent))
        self.assertEqual(process.returncode, 0, summary)
        self.assertIn(f"cuBLAS: {folder}", self.read("machine.txt"))

    def test_says_that_cublas_is_missing(self):
        run = self.bundle / "run"
        text = run.read_text(encoding="utf-8")
        self.assertEqual(text.count("cublas=$(find_cublas)"), 1)
        run.write_text(text.replace("cublas=$(find_cublas)", "cublas="), encoding="utf-8")
        process, summary = self.run_bundle({"a_test": _PASSES, "b_test": _PASSES}, needs_cublas=["b_test", "bench"])
        self.assertEqual(process.returncode, 1)
        self.assertIn("libcublasLt.so.13 is in none of the usual places: b_test bench need it", summary)
        self.assertIn("passed     a_test", summary)
        self.assertIn("skipped    b_test: no libcublasLt.so.13", summary)
        self.assertIn("NOT RUN    bench: no libcublasLt.so.13", summary)


if __name__ == "__main__":
    unittest.main()
