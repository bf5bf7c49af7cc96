"""JSON files of Hugging Face folders."""

import json
from pathlib import Path

from chimera_train.errors import ChimeraTrainError


def read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ChimeraTrainError(f"{path}: cannot be read: {error}") from error
