"""What `chimera inspect` says of the drafters of a verifier."""

import json
import subprocess
import sys
import time

_START_TIMEOUT = 300  # seconds
_POLL_INTERVAL = 0.1  # seconds


def wait_until_ready(client, address, check):
    """Until the verifier at that address serves with a drafter that is ready. Ends the program where the drafter is
    refused or not ready in time. `client` is chimera; `check` is called on and on, to end the program where a service
    has ended."""
    deadline = time.monotonic() + _START_TIMEOUT
    command = [client, "inspect", f"--server={address}", "--json"]
    while time.monotonic() < deadline:
        check()
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        drafters = json.loads(result.stdout)["server"]["drafters"] if result.returncode == 0 else []
        if any(drafter["state"] == "ready" for drafter in drafters):
            return
        refused = [drafter["detail"] for drafter in drafters if drafter["state"] == "refused"]
        if refused:
            sys.exit(f"error: the drafter is refused: {refused[0]}")
        time.sleep(_POLL_INTERVAL)
    sys.exit(f"error: no drafter was ready at {address} within {_START_TIMEOUT} s")
