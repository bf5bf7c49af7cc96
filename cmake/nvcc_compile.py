"""Compiles one file with nvcc and refuses kernels that do not keep everything in registers.

usage: nvcc_compile.py NVCC SOURCE OBJECT OPTION...

The options must have ptxas report (-Xptxas -v). Writes OBJECT, OBJECT.d with its dependencies and OBJECT.ptxas.txt, one
line per kernel and architecture. A kernel that spills registers, or keeps an array in local memory because it is indexed
by what is not known to the compiler, is an error: it is slow without anything else to show for it.
"""

import pathlib
import re
import subprocess
import sys

_ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")
_LOCAL = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers(?:.*?(\d+) bytes smem)?")


def parse_report(text):
    """Yields a dict per kernel and architecture of what ptxas says."""
    kernel = None
    for line in text.splitlines():
        if match := _ENTRY.search(line):
            kernel = {"name": match[1], "architecture": match[2]}
        elif kernel and (match := _LOCAL.search(line)):
            # Functions that a kernel calls are reported after it; their frames count for it.
            for key, value in zip(("stack", "spill_stores", "spill_loads"), match.groups()):
                kernel[key] = kernel.get(key, 0) + int(value)
        elif kernel and (match := _USED.search(line)):
            kernel["registers"] = int(match[1])
            kernel["shared"] = int(match[2] or 0)
            yield kernel
            kernel = None


def describe(kernel):
    return (
        f"{kernel['architecture']} {kernel['name']}: {kernel['registers']} registers, {kernel['shared']} bytes of static"
        f" shared memory, {kernel['stack']} bytes of local memory, {kernel['spill_stores']} bytes spilled,"
        f" {kernel['spill_loads']} read back"
    )


def violations(kernels):
    return [describe(k) for k in kernels if k["stack"] or k["spill_stores"] or k["spill_loads"]]


def main(arguments):
    nvcc, source, target, *options = arguments
    pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
    command = [nvcc, *options, "-MD", "-MF", f"{target}.d", "-c", source, "-o", target]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        sys.stderr.write(result.stdout)
        return result.returncode
    kernels = list(parse_report(result.stdout))
    pathlib.Path(f"{target}.ptxas.txt").write_text("".join(f"{describe(k)}\n" for k in kernels), encoding="utf-8")
    found = violations(kernels)
    if not kernels:
        found = [f"{source}: ptxas reports no kernel"]
    for line in found:
        print(f"error: {line}", file=sys.stderr)
    if found:
        pathlib.Path(target).unlink()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
