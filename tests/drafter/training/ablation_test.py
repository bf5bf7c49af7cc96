"""Configurations are trained once, measured, and put into one table."""

import json

import pytest
from training_test import SIZE_OPTIONS

from chimera_train.ablations import configurations, format_results
from chimera_train.checkpoint import Checkpoint
from chimera_train.cli import main


def ablate(files, work, *options):
    arguments = ["--target", files / "target.gguf", "--data", files / "answers", "--held-out", files / "held-out",
                 "--work", work, "--table", work.parent / "table.md"]
    return main(["ablate", *map(str, arguments), *SIZE_OPTIONS, "--device", "cpu", "--epochs", "0.5", "--answers", "3",
                 *options])


def test_trains_measures_and_goes_on(files, tmp_path, capsys):
    work = tmp_path / "work"
    assert ablate(files, work, "--only", "paper,full") == 0
    table = (tmp_path / "table.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == ["| full", "| paper form: 4 heads, last layer only"]
    assert len({line.count("|") for line in table}) == 1
    assert Checkpoint.load(work / "paper" / "run").config.tapped_layers == (4,)
    done = {name: (work / name / "run" / "checkpoint.pt").stat().st_mtime_ns for name in ("paper", "full")}
    assert ablate(files, work, "--only", "full,paper,hard-labels") == 0
    assert len((tmp_path / "table.md").read_text().splitlines()) == 5
    for name, time in done.items():
        assert (work / name / "run" / "checkpoint.pt").stat().st_mtime_ns == time
    assert Checkpoint.load(work / "hard-labels" / "run").recipe.labels == "hard"
    capsys.readouterr()
    assert ablate(files, work, "--only", "full", "--learning-rate", "0.5") == 1
    assert "result.json is of learning_rate 0.0015, not 0.5: use another --work folder" in capsys.readouterr().err
    assert ablate(files, work, "--only", "full", "--epochs", "0.75") == 1
    assert "result.json is of epochs 0.5, not 0.75" in capsys.readouterr().err
    assert ablate(files, work, "--only", "full", "--data", str(files / "held-out")) == 1
    assert "result.json is of data [" in capsys.readouterr().err


def test_keeps_what_it_trained_where_serving_fails(files, tmp_path, capsys):
    serving = ("--binaries", str(tmp_path / "nowhere"), "--bench-prompts", str(tmp_path / "prompts.jsonl"))
    assert ablate(files, tmp_path / "work", "--only", "full", *serving) == 1
    assert "chimera-node: cannot be run" in capsys.readouterr().err
    assert (tmp_path / "work" / "full" / "result.json").exists()
    assert ablate(files, tmp_path / "work", "--only", "full") == 0


def test_result_is_whole_or_missing(files, tmp_path, killed_before_replacing):
    with killed_before_replacing("result.json"):
        assert ablate(files, tmp_path / "work", "--only", "full") == 130
    assert not (tmp_path / "work" / "full" / "result.json").exists()
    assert ablate(files, tmp_path / "work", "--only", "full") == 0
    assert json.loads((tmp_path / "work" / "full" / "result.json").read_text())["options"]["epochs"] == 0.5


@pytest.fixture
def binaries(tmp_path):
    """Programs that behave like chimera-node and chimera; the latter writes the arguments of bench to `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    lines = [json.dumps({"mode": mode, **figures}) for mode, figures in bench_lines(1.3, 1.5).items()]
    (tmp_path / "bench").write_text("\n".join(lines) + "\n")
    scripts = {
        "chimera-node": "exec sleep 1000",
        "chimera": f"""case $1 in
            inspect) echo '{{"server": {{"drafters": [{{"state": "ready"}}]}}}}' ;;
            bench) echo "$*" >> {tmp_path / "calls"}; cat {tmp_path / "bench"} ;;
        esac""",
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def test_serves_in_rounds_and_again_with_more_of_them(files, tmp_path, binaries):
    options = ("--only", "full", "--binaries", str(binaries), "--bench-prompts", str(tmp_path / "prompts.jsonl"))
    for more in ((), (), ("--bench-rounds", "5")):  # the second finds everything done
        assert ablate(files, tmp_path / "work", *options, *more) == 0
        assert "| 75.0 | 1.420 | 1.300 to 1.500 |" in (tmp_path / "table.md").read_text()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split(" --rounds ")[1] for call in calls] == ["3", "5"]


def test_begins_with_random_weights(files, tmp_path, capsys):
    assert ablate(files, tmp_path / "work", "--initial-run", "somewhere") == 1
    assert "takes no --initial-run" in capsys.readouterr().err


def test_every_configuration_is_one_of_the_command_line(files, target, tmp_path, capsys):
    names = [configuration.name for configuration in configurations(target)]
    assert len(set(names)) == len(names) and names[0] == "full"
    for configuration in configurations(target):
        assert configuration.changes.keys() <= {
            "trigram_encoder", "residual_head", "depth_heads", "layers", "trigram_hidden_size", "optimizer", "labels",
            "rollout_steps", "ffn_size", "draft_vocab_size",
        }
    assert ablate(files, tmp_path / "work", "--only", "none") == 1
    assert '--only has "none", must be of full, no-trigram-encoder' in capsys.readouterr().err
    assert ablate(files, tmp_path / "work", "--binaries", "somewhere") == 1
    assert "--binaries and --bench-prompts go together" in capsys.readouterr().err


def result(served, taus_by_depth, chains):
    report = {
        "levels": [{"top1": 0.5}] * len(taus_by_depth),
        "chain_tau": chains,
        "tree_tau": {nodes: taus_by_depth for nodes in ("4", "8", "16", "32", "64")},
    }
    return {"text": "full", "parameters": 2e6, "megabytes": 2.1, "tokens_per_second": 100.0, "minutes": 3.0,
            "report": report, "served": served}


def bench_lines(low, high):
    """What `chimera bench` says: the median of blocks is not the ratio of all."""
    ratio = {"blocks": 8, "median": 1.42, "low": low, "high": high, "confidence": None if low is None else 0.992}
    return {"off": {"tokens_per_second": 50, "ratio_to_first_mode": None},
            "auto": {"tokens_per_second": 75, "ratio_to_first_mode": ratio}}


def test_speed_is_in_the_table_where_it_was_measured():
    few_levels = result(bench_lines(1.3, 1.51234), {"1": 1.5, "2": 2.0}, {"1": 1.4, "2": 1.6})
    many_levels = result(None, {str(depth): 1.5 for depth in range(1, 9)}, {"5": 1.4, "8": 1.7})
    few_blocks = result(bench_lines(None, None), {"1": 1.5}, {"1": 1.4})
    table = format_results([few_levels, many_levels, few_blocks]).splitlines()
    rows = [row.strip("|").split("|") for row in table[2:]]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert cells[0][:5] == ["full", "2.0", "2.1", "1.60", "2.00"]
    assert cells[0][-3:] == ["75.0", "1.420", "1.300 to 1.512"]
    assert cells[1][3:5] == ["1.40", "1.50"]
    assert cells[1][-3:] == ["", "", ""]
    assert cells[2][-3:] == ["75.0", "1.420", "–"]
    assert len({row.count("|") for row in table}) == 1
