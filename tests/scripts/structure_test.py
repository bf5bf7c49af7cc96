"""The tree follows its rules, and each rule notices a tree that breaks it."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

import structure

ROOT = pathlib.Path(__file__).resolve().parents[2]


class RealTreeTest(unittest.TestCase):
    def test_follows_every_rule(self):
        for check in structure.ALL_CHECKS:
            with self.subTest(check.__name__):
                violations = check(ROOT)
                self.assertFalse(violations, "\n" + "\n".join(violations))

    def test_has_files_to_check(self):
        paths = [path.as_posix() for path in structure.source_files(ROOT)]
        self.assertIn("common/base/check.h", paths)
        self.assertGreater(len(paths), 50)

    def test_shell_scripts_parse(self):
        scripts = structure.shell_scripts(ROOT)
        self.assertIn(pathlib.Path("scripts/test"), scripts)
        for script in scripts:
            with self.subTest(script):
                subprocess.run(["bash", "-n", ROOT / script], check=True)

    def test_shellcheck_is_content(self):
        if shutil.which("shellcheck") is None:
            self.skipTest("shellcheck is not installed")
        command = ["shellcheck", "--external-sources", *structure.shell_scripts(ROOT)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout)


class BrokenTreeTest(unittest.TestCase):
    """Each case writes a small tree with one fault, and one without it."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def assert_include(self, path, include, is_allowed):
        self.write(path, f"#include {include}\n")
        if include.startswith('"') and not include.endswith('.pb.h"'):
            self.write(include.strip('"'), "")
        violations = structure.include_violations(self.root)
        self.assertEqual(not violations, is_allowed, violations)
        (self.root / path).unlink()

    def test_direction_of_includes(self):
        for path, include in (
            ("drafter/a.cc", '"verifier/b.h"'),
            ("verifier/engine/a.cc", '"drafter/b.h"'),
            ("common/rpc/a.cc", '"verifier/b.h"'),
            ("tools/a.cc", '"tests/testing/b.h"'),
            ("tests/drafter/a_test.cc", '"verifier/b.h"'),
            ("tests/testing/a.h", '"drafter/b.h"'),
            ("tests/testing/a.h", '"verifier/engine/b.h"'),
            ("tests/testing/a.h", '"tests/e2e/b.h"'),
            ("tests/peers/a.cc", '"verifier/b.h"'),
        ):
            with self.subTest(path):
                self.assert_include(path, include, is_allowed=False)
        for path, include in (
            ("drafter/a.cc", '"common/base/b.h"'),
            ("drafter/a.cc", '"chimera/v1/token_tree.pb.h"'),
            ("verifier/drafter_client/a.cc", '"verifier/drafter_client/b.h"'),
            ("tools/a.cc", '"verifier/b.h"'),
            ("tests/e2e/a_test.cc", '"drafter/b.h"'),
            ("tests/benchmarks/a.cc", '"verifier/b.h"'),
            ("tests/testing/a.h", '"common/base/b.h"'),
        ):
            with self.subTest(path, include=include):
                self.assert_include(path, include, is_allowed=True)

    def test_pure_folders_know_neither_grpc_nor_cuda(self):
        for include in ("<grpcpp/grpcpp.h>", '"chimera/v1/token_tree.pb.h"', "<cuda_runtime.h>"):
            with self.subTest(include):
                self.assert_include("common/tree/a.h", include, is_allowed=False)
        self.assert_include("common/rpc/a.h", "<grpcpp/grpcpp.h>", is_allowed=True)

    def test_cuda_stays_in_its_folder(self):
        self.assert_include("common/backend/a.cc", "<cuda_runtime.h>", is_allowed=False)
        self.assert_include("common/cuda/a.cu", "<cuda_runtime.h>", is_allowed=True)

    def test_includes_are_rooted_at_the_top(self):
        self.write("common/base/b.h", "")
        self.write("common/base/a.cc", '#include "b.h"\n')
        self.assertTrue(structure.include_violations(self.root))

    def test_length(self):
        self.write("a.py", "x\n" * structure.MAX_LINES)
        self.write("tests/data/a.jsonl", "{}\n" * (structure.MAX_LINES + 1))
        self.assertEqual(structure.length_violations(self.root), [])
        self.write("a.py", "x\n" * (structure.MAX_LINES + 1))
        self.assertEqual(len(structure.length_violations(self.root)), 1)

    def test_header_guard(self):
        text = "#ifndef CHIMERA_{0}_\n#define CHIMERA_{0}_\n#endif  // CHIMERA_{0}_\n"
        self.write("common/base/a.h", text.format("COMMON_BASE_A_H"))
        self.assertEqual(structure.header_guard_violations(self.root), [])
        self.write("common/base/a.h", text.format("BASE_A_H"))
        self.assertEqual(len(structure.header_guard_violations(self.root)), 1)

    def test_kernels_are_written_with_primitives(self):
        guard = "#ifndef CHIMERA_COMMON_CUDA_A_H_\n#define CHIMERA_COMMON_CUDA_A_H_\n#endif\n"
        self.write("common/cuda/a.h", guard)
        self.write("common/cuda/launch.h", "#if defined(__CUDACC__)\n#endif\n")
        self.write("common/cuda/device/primitives_ptx.h", 'asm volatile("bar.sync 0;");\n')
        self.write("common/base/a.cc", "#ifdef X\n#endif\n")
        self.assertEqual(structure.kernel_violations(self.root), [])
        for text in ("#if X\n#endif\n", "#ifdef X\n#endif\n", "#ifndef X\n#endif\n", 'asm("mov");\n'):
            with self.subTest(text):
                self.write("common/cuda/kernels/a.cu", text)
                self.assertEqual(len(structure.kernel_violations(self.root)), 1)

    def test_references_to_places_outside(self):
        self.write("a.md", "See [b](docs/b.md), https://example.org/work/ and build/work/x.")
        self.write("docs/b.md", "")
        self.assertEqual(structure.outside_reference_violations(self.root), [])
        for text in ("cat /" + "work/x", "cp .." + "/shared/dev.jsonl", "[c](docs/c.md)"):
            with self.subTest(text):
                self.write("a.md", text)
                self.assertEqual(len(structure.outside_reference_violations(self.root)), 1)


if __name__ == "__main__":
    unittest.main()
