"""cmake/nvcc_compile.py refuses kernels that do not keep everything in registers."""

import contextlib
import io
import pathlib
import stat
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "cmake"))
import nvcc_compile  # noqa: E402

_REPORT = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z3onev' for 'sm_80'
ptxas info    : Function properties for _Z3onev
    0 bytes stack frame, {stores} bytes spill stores, 0 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 1024 bytes smem, 400 bytes cmem[0]
ptxas info    : Compile time = 10 ms
ptxas info    : Compiling entry function '_Z3twov' for 'sm_90'
ptxas info    : Function properties for _Z3twov
    {stack} bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Function properties for _Z6calleev
    {callee_stack} bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers
"""


def report(stores=0, stack=0, callee_stack=0):
    return _REPORT.format(stores=stores, stack=stack, callee_stack=callee_stack)


class ParseTest(unittest.TestCase):
    def test_reads_every_kernel(self):
        one, two = nvcc_compile.parse_report(report(stores=8))
        self.assertEqual((one["name"], one["architecture"]), ("_Z3onev", "sm_80"))
        self.assertEqual((one["registers"], one["shared"], one["spill_stores"]), (40, 1024, 8))
        self.assertEqual((two["name"], two["registers"], two["shared"]), ("_Z3twov", 255, 0))

    def test_refuses_spills_and_local_memory(self):
        def count(**keywords):
            return len(nvcc_compile.violations(nvcc_compile.parse_report(report(**keywords))))

        self.assertEqual(count(), 0)
        self.assertEqual(count(stores=8), 1)
        self.assertEqual(count(stack=64), 1)
        self.assertEqual(count(stores=8, stack=64), 2)
        self.assertEqual(count(callee_stack=16), 1)


class MainTest(unittest.TestCase):
    def compile(self, text, exit_code=0):
        """Runs main() with a compiler that writes an object and prints `text`; its exit code, and whether it is kept."""
        with tempfile.TemporaryDirectory() as directory:
            compiler = pathlib.Path(directory) / "nvcc"
            compiler.write_text(
                f"#!{sys.executable}\n"
                "import sys\n"
                "open(sys.argv[sys.argv.index('-o') + 1], 'w').close()\n"
                f"print({text!r})\n"
                f"sys.exit({exit_code})\n",
                encoding="utf-8",
            )
            compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
            target = pathlib.Path(directory) / "new" / "a.o"
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                result = nvcc_compile.main([str(compiler), "a.cu", str(target), "-O2"])
            return result, target.exists(), errors.getvalue()

    def test_keeps_what_is_in_registers(self):
        self.assertEqual(self.compile(report()), (0, True, ""))

    def test_drops_what_is_not(self):
        result, is_kept, errors = self.compile(report(stores=8))
        self.assertEqual((result, is_kept), (1, False))
        self.assertIn("_Z3onev", errors)
        self.assertIn("8 bytes spilled", errors)

    def test_passes_the_compilers_errors_on(self):
        result, _, errors = self.compile("a.cu(1): error", exit_code=2)
        self.assertEqual(result, 2)
        self.assertIn("a.cu(1): error", errors)

    def test_needs_a_report(self):
        self.assertEqual(self.compile("")[:2], (1, False))


if __name__ == "__main__":
    unittest.main()
