"""What scripts/two-groups runs: one drafter, two verifiers that differ in --step_groups, and a table."""

import argparse
import contextlib
import statistics
import tempfile

import drafter_state
import services

VERIFIER_CORE, DRAFTER_CORE = 0, 1


@contextlib.contextmanager
def serve(arguments, folder):
    """Yields the addresses of both verifiers, the one in lock-step first."""
    common = [f"--model={arguments.model}", "--threads=1", "--metrics_listen="]
    drafter = f"unix:{folder}/drafter.sock"
    addresses = [f"unix:{folder}/verifier-{groups}.sock" for groups in (1, 2)]
    with services.Services(folder) as started:
        flags = [*common, f"--draft_model={arguments.drafter}", f"--listen={drafter}"]
        started.start("chimera-drafter", *flags, core=DRAFTER_CORE)
        for groups, address in enumerate(addresses, 1):
            flags = [*common, f"--drafter={drafter}", f"--step_groups={groups}", f"--listen={address}"]
            most = f"--max_running_requests={max(arguments.concurrency)}"
            started.start("chimera-verifier", *flags, most, core=VERIFIER_CORE)
        for address in addresses:
            drafter_state.wait_until_ready(services.BIN / "chimera", address, started.check)
        yield addresses


def bench(server, concurrency, arguments):
    flags = [f"--limit={arguments.prompts}", f"--max-tokens={arguments.tokens}", f"--concurrency={concurrency}"]
    return services.bench(server, *flags, "--modes=auto")[0]


def compare(addresses, concurrency, arguments):
    """A line of the table."""
    rates = ([], [])
    steps = [0, 0]
    for number in range(arguments.rounds):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        for which in order:
            result = bench(addresses[which], concurrency, arguments)
            rates[which].append(result["tokens_per_second"])
            steps[which] = result["tokens_per_step"]
    ratios = sorted(two / one for one, two in zip(*rates))
    cells = [
        str(concurrency), *(f"{statistics.median(rate):.0f}" for rate in rates), *(f"{tau:.2f}" for tau in steps),
        f"**{statistics.median(ratios):.3f}**", f"{ratios[0]:.3f} to {ratios[-1]:.3f}",
    ]
    return "| " + " | ".join(cells) + " |"


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--drafter", default="auto", help="what chimera-drafter --draft_model takes; default auto")
    parser.add_argument("--concurrency", type=numbers, default=[2, 4, 8, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64)
    arguments = parser.parse_args()
    titles = (
        "streams", "lock-step, tokens/s", "two groups, tokens/s", "lock-step, tokens per step",
        "two groups, tokens per step", "two groups / lock-step", "all rounds",
    )
    print("| " + " | ".join(titles) + " |\n" + "| ---: " * len(titles) + "|")
    with tempfile.TemporaryDirectory() as folder, serve(arguments, folder) as addresses:
        for concurrency in arguments.concurrency:
            print(compare(addresses, concurrency, arguments), flush=True)


if __name__ == "__main__":
    main()
