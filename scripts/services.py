"""Services that scripts start to measure them."""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(__file__).resolve().parents[1] / "build/release/bin"
METRICS_TIMEOUT = 10  # seconds, from when a drafter is ready


class Service:
    """A process of ours with its log in a file, on any core or on one of its own."""

    def __init__(self, folder, name, *arguments, core=None):
        self.name = name
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".log", delete=False) as log:
            self._log = pathlib.Path(log.name)
            pinned = [] if core is None else ["taskset", "-c", str(core)]
            self._process = subprocess.Popen([*pinned, BIN / name, *arguments], stdout=log, stderr=log)

    def check(self):
        if self._process.poll() is not None:
            sys.exit(f"error: {self.name} ended:\n{self.log()[-2000:]}")

    def log(self):
        return self._log.read_text(encoding="utf-8")

    def stop(self):
        self._process.terminate()
        self._process.wait()


def metrics_address(service):
    """Where a service has its metrics, as its log says."""
    deadline = time.monotonic() + METRICS_TIMEOUT
    while (found := re.search(r"serving metrics address=(\S+)\n", service.log())) is None:
        service.check()
        if time.monotonic() > deadline:
            sys.exit(f"error: {service.name} does not say where its metrics are:\n{service.log()[-2000:]}")
        time.sleep(0.1)
    return found[1]
