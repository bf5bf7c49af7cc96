"""Checks proto/ with buf: its style, and that it only changes in ways old peers understand.

buf is the one that scripts/setup installs. After a change that is meant to be, renew the image with
renew_image.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
IMAGE = HERE / "chimera_v1.binpb"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
BUF = CACHE / "chimera" / "venv" / "bin" / "buf"


def run_buf(*arguments, directory=PROTO):
    """Runs buf and returns its exit code and all it said."""
    result = subprocess.run(
        [BUF, *map(str, arguments)], cwd=directory, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.returncode, result.stdout


class BufTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        if not BUF.exists():
            raise FileNotFoundError(f"{BUF} is missing: run scripts/setup")

    def test_style(self):
        self.assertEqual(run_buf("lint"), (0, ""))

    def test_nothing_breaks_old_peers(self):
        self.assertEqual(run_buf("breaking", "--against", IMAGE), (0, ""))

    def test_a_change_that_breaks_old_peers_is_found(self):
        with tempfile.TemporaryDirectory() as scratch:
            changed = pathlib.Path(scratch) / "proto"
            shutil.copytree(PROTO, changed)
            file = changed / "chimera" / "v1" / "tensor.proto"
            text = file.read_text(encoding="utf-8")
            self.assertIn("bytes data = 3", text)
            file.write_text(text.replace("bytes data = 3", "bytes data = 4"), encoding="utf-8")
            code, output = run_buf("breaking", "--against", IMAGE, directory=changed)
        self.assertNotEqual(code, 0)
        self.assertIn('field "3"', output)


if __name__ == "__main__":
    unittest.main()
