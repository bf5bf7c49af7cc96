"""Which tests of a CTest run failed, and how: for the end of a log, where its reader looks first.

usage: failed_tests.py names|outputs REPORT

`names` prints the name of every failed test, `outputs` the end of what the first of them printed. REPORT is the file
that ctest --output-junit wrote.
"""

import sys
import xml.etree.ElementTree

_MAX_OUTPUTS = 5
_MAX_LINES = 40  # of an output


def failed_tests(report):
    """Yields name and output of every failed test."""
    for test in xml.etree.ElementTree.parse(report).iter("testcase"):
        if test.get("status") == "fail" or test.find("failure") is not None:
            yield test.get("name"), test.findtext("system-out", default="")


def main(what, report):
    failed = list(failed_tests(report))
    if what == "names":
        for name, _ in failed:
            print(name)
        return
    for name, output in failed[:_MAX_OUTPUTS]:
        print(f"---- {name} ends with:", *output.rstrip().splitlines()[-_MAX_LINES:], "", sep="\n")
    if len(failed) > _MAX_OUTPUTS:
        print(f"---- and {len(failed) - _MAX_OUTPUTS} more: see {report}", "", sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
