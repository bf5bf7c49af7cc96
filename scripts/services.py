"""Services that scripts start, and chimera bench against them."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = ROOT / "build/release/bin"
PROMPTS = ROOT / "tests/data/prompts.jsonl"
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


class Services:
    """Services with their logs in one folder. A context: leaving it stops them, the last one first."""

    def __init__(self, folder):
        self._folder, self._started = folder, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for service in reversed(self._started):
            service.stop()

    def start(self, name, *arguments, core=None):
        self._started.append(Service(self._folder, name, *arguments, core=core))
        return self._started[-1]

    def check(self):
        """Ends the script if one of them has ended."""
        for service in self._started:
            service.check()


def metrics_address(service):
    """Where a service has its metrics, as its log says."""
    deadline = time.monotonic() + METRICS_TIMEOUT
    while (found := re.search(r"serving metrics address=(\S+)\n", service.log())) is None:
        service.check()
        if time.monotonic() > deadline:
            sys.exit(f"error: {service.name} does not say where its metrics are:\n{service.log()[-2000:]}")
        time.sleep(0.1)
    return found[1]


def bench(server, *flags):
    """The results of chimera bench, one for each mode."""
    command = [BIN / "chimera", "bench", f"--server={server}", f"--prompts={PROMPTS}", *flags]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]
