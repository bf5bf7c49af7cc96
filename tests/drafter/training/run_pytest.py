"""Runs pytest over this folder in the environment that scripts/train made; takes pytest's arguments. Status 77: there
is none."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chimera"

pytest = CACHE / "training-venv" / "bin" / "pytest"
if not pytest.exists():
    print(f"SKIPPED: {pytest} is missing: PyTorch is 3 GB; `scripts/train --help` installs it", file=sys.stderr)
    sys.exit(77)
configuration = ROOT / "drafter" / "training" / "pyproject.toml"
arguments = ["-c", configuration, "-p", "no:cacheprovider", "--durations=10", Path(__file__).parent, *sys.argv[1:]]
os.execv(pytest, [str(pytest), *map(str, arguments)])
