"""The served pair, measured: chimera-node with a drafter file, and `chimera bench` as its client."""

import json
import subprocess
import tempfile
import time
from pathlib import Path

from chimera_train.errors import ChimeraTrainError

_START_TIMEOUT = 300  # seconds
_POLL_INTERVAL = 0.2  # seconds
_LOG_TAIL = 2000  # characters of a log in an error
_NODE_FLAGS = ("--metrics_listen=",)  # a port of its own would keep others from using it


def measure_served(
    node: Path,
    client: Path,
    target: Path,
    drafter: Path,
    prompts: Path,
    max_tokens: int,
    rounds: int = 1,
    node_flags: tuple[str, ...] = (),
) -> dict[str, dict]:
    """Answers all prompts in so many rounds, greedily, one at a time, without and with the drafter in turn. Returns
    what `chimera bench` says of each mode, "off" and "auto". `node` is chimera-node, or takes its flags; `client` is
    chimera."""
    with tempfile.TemporaryDirectory(prefix="chimera-") as folder:
        address = f"unix:{folder}/node.sock"
        serve = [node, f"--model={target}", f"--draft_model={drafter}", f"--listen={address}", *_NODE_FLAGS]
        with open(Path(folder) / "node.log", "w+b") as log:
            process = _start([*serve, *node_flags], log)
            try:
                _wait_until_ready(process, [client, "inspect", "--json", "--server", address], Path(log.name))
                work = ["--prompts", prompts, "--max-tokens", max_tokens, "--rounds", rounds]
                result = _run([client, "bench", "--server", address, *work])
            finally:
                process.terminate()
                process.wait()
    if result.returncode != 0:
        raise ChimeraTrainError(f"{client} bench failed: {result.stderr.strip()}")
    return {line["mode"]: line for line in map(json.loads, result.stdout.splitlines())}


def _start(command: list, log) -> subprocess.Popen:
    try:
        return subprocess.Popen([str(part) for part in command], stdout=log, stderr=subprocess.STDOUT)
    except OSError as error:
        raise ChimeraTrainError(f"{command[0]}: cannot be run: {error}") from error


def _run(command: list) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


def _wait_until_ready(process: subprocess.Popen, inspect: list, log: Path) -> None:
    """Until the node answers and its drafter is ready."""
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        result = _run(inspect)
        drafters = json.loads(result.stdout)["server"]["drafters"] if result.returncode == 0 else []
        if any(drafter["state"] == "ready" for drafter in drafters):
            return
        refused = [drafter["detail"] for drafter in drafters if drafter["state"] == "refused"]
        if refused:
            raise ChimeraTrainError(f"chimera-node refuses the drafter: {refused[0]}")
        time.sleep(_POLL_INTERVAL)
    text = log.read_text(encoding="utf-8", errors="replace")
    raise ChimeraTrainError(f"chimera-node did not become ready; its log ends with:\n{text[-_LOG_TAIL:]}")
