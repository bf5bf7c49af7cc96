"""Files that are replaced in one step: a process killed at any moment leaves the old file or the new one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to. What is there at the end of the block becomes `path`; after an exception
    `path` is as it was. One process at a time."""
    if path.exists() and not path.is_file():  # a pipe or a device, such as /dev/null
        yield path
        return
    path = path.resolve()  # a link stays
    temporary = path.with_name(f"{path.name}.tmp")
    yield temporary
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_text(path: Path, text: str) -> None:
    """Replaces a text file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
