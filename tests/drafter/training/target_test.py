"""Targets are read from either kind of file, and what they lack is named."""

import dataclasses
import json

import pytest
import tiny_target
import torch
from safetensors.torch import load_file, save_file

from chimera_train.errors import ChimeraTrainError
from chimera_train.target import load_target


def assert_equal(found, expected):
    for field in dataclasses.fields(expected):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(theirs, torch.Tensor):
            assert torch.equal(ours, theirs), field.name
        elif isinstance(theirs, float):
            assert ours == pytest.approx(theirs), field.name
        else:
            assert ours == theirs, field.name


def change_rope(target, folder, members):
    """Writes a folder with these members of config.json in place of its RoPE parameters."""
    tiny_target.write_hugging_face(target, folder)
    config = json.loads((folder / "config.json").read_text())
    del config["rope_parameters"]
    (folder / "config.json").write_text(json.dumps(config | members), encoding="utf-8")


def test_gguf(files, target):
    assert_equal(load_target(files / "target.gguf"), target)


def test_hugging_face(target, tmp_path):
    tiny_target.write_hugging_face(target, tmp_path / "tiny")
    read = load_target(tmp_path / "tiny")
    assert_equal(read, target)
    # To the last bit, for a drafter of one form may be trained on with the other.
    tiny_target.write_gguf(target, tmp_path / "tiny.gguf")
    assert read.rms_norm_epsilon == load_target(tmp_path / "tiny.gguf").rms_norm_epsilon


@pytest.mark.parametrize(
    ("members", "base"),
    [
        ({}, 10000),
        ({"rope_theta": 5e5, "rope_scaling": None}, 5e5),
        ({"rope_scaling": {"rope_theta": 3e4}}, 3e4),
        ({"rope_parameters": {"rope_theta": 3e4}, "rope_scaling": {"rope_type": "default"}}, 3e4),
        ({"rope_theta": 3e4, "rope_scaling": {"rope_theta": 3e4}}, 3e4),
    ],
)
def test_rope_base_has_three_places(target, tmp_path, members, base):
    change_rope(target, tmp_path / "tiny", members)
    assert load_target(tmp_path / "tiny").rope_base == base


@pytest.mark.parametrize("part", ["rope_scaling", "rope_parameters"])
def test_rope_base_must_be_the_same_everywhere(target, tmp_path, part):
    change_rope(target, tmp_path / "tiny", {"rope_theta": 1e4, part: {"rope_theta": 2e4}})
    with pytest.raises(ChimeraTrainError, match=f"config.json: {part}.rope_theta is 20000.0, but rope_theta is 10000"):
        load_target(tmp_path / "tiny")


def test_hugging_face_in_parts(target, tmp_path):
    folder = tmp_path / "tiny"
    tiny_target.write_hugging_face(target, folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    weight_map = {name: f"model-{number}.safetensors" for number, name in enumerate(tensors)}
    for name, file in weight_map.items():
        save_file({name: tensors[name]}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")
    assert_equal(load_target(folder), target)


def test_faults_are_named(target, tmp_path):
    with pytest.raises(ChimeraTrainError, match="nowhere: no such model"):
        load_target(tmp_path / "nowhere")
    (tmp_path / "bad.gguf").write_bytes(b"GGUX" + bytes(100))
    with pytest.raises(ChimeraTrainError, match="bad.gguf: not a readable GGUF file"):
        load_target(tmp_path / "bad.gguf")
    tiny_target.write_hugging_face(target, tmp_path / "folder")
    (tmp_path / "folder" / "model.safetensors").unlink()
    with pytest.raises(ChimeraTrainError, match="neither model.safetensors nor an index"):
        load_target(tmp_path / "folder")
