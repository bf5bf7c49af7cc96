"""Prints what `chimera bench` measured with speculation off and on as a table; fails unless the answers are identical.

    python3 scripts/demo_report.py BENCH_OUTPUT

BENCH_OUTPUT holds one JSON line per mode, "off" first.
"""

import json
import sys


def read_modes(path):
    with open(path, encoding="utf-8") as lines:
        modes = [json.loads(line) for line in lines if line.startswith("{")]
    if [mode["mode"] for mode in modes] != ["off", "auto"]:
        sys.exit(f"error: {path} does not hold the results of the modes off and auto")
    return modes


def main():
    off, auto = read_modes(sys.argv[1])
    is_identical = off["tokens"] > 0 and auto["identical_to_first_mode"]
    print("speculation    tokens   tokens/s   tokens per step")
    for name, mode in (("off", off), ("on", auto)):
        print(
            f"{name:<11} {mode['tokens']:9d} {mode['tokens_per_second']:10.1f}"
            f" {mode['tokens_per_step']:17.2f}"
        )
    print(f"speed-up    {auto['tokens_per_second'] / off['tokens_per_second']:.2f} x")
    print(f"answers     {'identical' if is_identical else 'DIFFERENT'}")
    sys.exit(0 if is_identical else 1)


if __name__ == "__main__":
    main()
