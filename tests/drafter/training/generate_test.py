"""Generation asks for the right answers, goes on where it stopped, and never touches held-out prompts."""

import json
import lzma

import pytest
import tiny_target
from conftest import TEMPLATE

from chimera_train.chat_template import text_before_user_message
from chimera_train.cli import main
from chimera_train.dataset import Dataset
from chimera_train.errors import ChimeraTrainError
from chimera_train.generation_plan import plan_answers
from chimera_train.prompts import Prompt, read_prompts


def write_lines(path, texts, key="prompt"):
    lines = [json.dumps({"category": "test", "source": "here", key: [t] if key == "turns" else t}) for t in texts]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def generate(target, prompts, output, generator, *options):
    arguments = ["--target", target, "--prompts", prompts, "--output", output, "--generator", generator]
    return main(["generate", *map(str, arguments), "--tapped-layers", "1,2,4", *map(str, options)])


def test_plan_samples_a_quarter():
    prompts = [Prompt(f"prompt {i}", "c", "s", "") for i in range(1000)]
    lines = plan_answers(prompts, seed=5)
    assert lines == plan_answers(prompts, seed=5) != plan_answers(prompts, seed=6)
    assert {line["prompt"] for line in lines} == {prompt.text for prompt in prompts}
    sampled = [line for line in lines if "temperature" in line]
    assert 200 < len(sampled) < 300
    assert {(line["temperature"], line["top_k"]) for line in sampled} == {(0.7, 50)}
    assert len({line["seed"] for line in sampled}) == len(sampled)
    greedy = plan_answers(prompts, seed=5, greedy=True)
    assert [line["prompt"] for line in greedy] == [prompt.text for prompt in prompts]
    assert all("temperature" not in line for line in greedy)


def test_answers_once_and_goes_on_after_a_failure(chat_target, generator, tmp_path, capsys):
    texts = [f"Question {i}" for i in range(6)] + ["question  0 ", "FAIL here", "Last"]
    prompts, output = write_lines(tmp_path / "prompts.jsonl", texts), tmp_path / "output"
    options = ("--max-tokens", 77, "--max-length", 99, "--generation-batch", 5)
    assert generate(chat_target, prompts, output, generator, *options) == 1
    assert "failed with status 1; run this again to go on" in capsys.readouterr().err
    assert generate(chat_target, prompts, output, generator) == 0
    answered = sorted(index for shard in Dataset([output]).shards for index in shard.prompt_index.tolist())
    assert answered == list(range(8))
    call = json.loads((output / "calls.jsonl").read_text().splitlines()[0])
    assert (call["tapped_layers"], call["max_tokens"], call["max_length"], call["batch"]) == ("1,2,4", "77", "99", "5")
    assert call["model"] == str(chat_target)


def test_shards_of_other_prompts_are_not_mixed(chat_target, generator, tmp_path, capsys):
    prompts, output = write_lines(tmp_path / "prompts.jsonl", ["One", "Two"]), tmp_path / "output"
    assert generate(chat_target, prompts, output, generator) == 0
    assert generate(chat_target, write_lines(prompts, ["One", "Three"]), output, generator) == 1
    assert "answer other prompts, or with another seed" in capsys.readouterr().err


def test_held_out_prompts_are_refused(chat_target, generator, tmp_path, capsys):
    held_out = write_lines(tmp_path / "held-out.jsonl", ["Why is the sky blue?", "Other"], key="turns")
    prompts = write_lines(tmp_path / "prompts.jsonl", ["Fine", "why is\n the  SKY blue?"])
    assert generate(chat_target, prompts, tmp_path / "output", generator, "--exclude", held_out) == 1
    error = capsys.readouterr().err
    assert "1 prompts are held out" in error
    assert "prompts.jsonl:2 equals" in error and "held-out.jsonl:1" in error
    assert not (tmp_path / "output").exists()


def test_self_prompts_are_filtered(chat_target, generator, tmp_path):
    held_out = write_lines(tmp_path / "held-out.jsonl", ["Message number 2 of the model"])
    prompts, output = write_lines(tmp_path / "prompts.jsonl", ["A question"]), tmp_path / "output"
    options = ("--self-prompts", 6, "--exclude", held_out)
    assert generate(chat_target, prompts, output, generator, *options) == 0
    asked = [json.loads(line) for line in (output / "self-prompts" / "prompts.jsonl").read_text().splitlines()]
    assert len(asked) == 9
    assert {line["raw"] for line in asked} == {"<|start|>system\nBe brief.<|end|>\n<|start|>user\n"}
    assert len({line["seed"] for line in asked}) == 9
    answered = [json.loads(line)["prompt"] for line in (output / "prompts.jsonl").read_text().splitlines()]
    # Messages come in equal pairs; number 2 is held out.
    assert sorted(answered) == ["A question", *(f"Message number {i} of the model" for i in (0, 1, 3, 4))]


def test_template_is_needed_for_self_prompts(files):
    with pytest.raises(ChimeraTrainError, match="has no chat template"):
        text_before_user_message(files / "target.gguf")


@pytest.mark.parametrize("place", ["tokenizer_config.json", "list", "chat_template.jinja"])
def test_hugging_face_target(target, generator, tmp_path, place):
    forms = {"tokenizer_config.json": TEMPLATE, "list": [{"name": "default", "template": TEMPLATE}]}
    config = {"bos_token": {"content": "<|start|>"}, "chat_template": forms.get(place)}
    folder = tmp_path / "folder"
    tiny_target.write_hugging_face(target, folder, config)
    if place == "chat_template.jinja":
        (folder / place).write_text(TEMPLATE, encoding="utf-8")
    assert text_before_user_message(folder) == "<|start|>system\nBe brief.<|end|>\n<|start|>user\n"
    prompts, output = write_lines(tmp_path / "prompts.jsonl", ["A question"]), tmp_path / "output"
    assert generate(folder, prompts, output, generator, "--self-prompts", 2) == 0
    call = json.loads((output / "calls.jsonl").read_text().splitlines()[0])
    assert call["model"] == str(folder)


def test_prompt_files(tmp_path):
    line = json.dumps({"prompt": "Ä", "category": "c", "source": "s"}) + "\n"
    with lzma.open(tmp_path / "a.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write(line)
    assert [prompt.text for prompt in read_prompts([tmp_path / "a.jsonl.xz"])] == ["Ä"]
    faults = (("{", "must be a JSON object"), ('{"prompt": " "}', "not empty"), ('{"turns": []}', "must be"))
    for text, message in faults:
        (tmp_path / "b.jsonl").write_text(line + text + "\n")
        with pytest.raises(ChimeraTrainError, match=f"b.jsonl:2: .*{message}"):
            read_prompts([tmp_path / "b.jsonl"])
    with pytest.raises(ChimeraTrainError, match="cannot be read"):
        read_prompts([tmp_path / "none.jsonl"])


def test_all_from_prompts_to_a_drafter_file(chat_target, generator, tmp_path):
    prompts = write_lines(tmp_path / "prompts.jsonl", [f"Question {i}" for i in range(100)])
    out = tmp_path / "drafter.safetensors"
    arguments = ["--target", chat_target, "--prompts", prompts, "--out", out, "--work", tmp_path / "work",
                 "--generator", generator, "--tapped-layers", "1,2,4", "--epochs", "2", "--draft-vocab-size", "56",
                 "--device", "cpu"]
    assert main(["all", *map(str, arguments)]) == 0
    assert out.stat().st_size > 10000
    reports = [json.loads((tmp_path / "work" / name).read_text()) for name in ("report.json", "report-exported.json")]
    assert reports[0]["answers"] == 2
    assert reports[0]["categories"].keys() == {"test"}
    assert reports[1]["tau"] == pytest.approx(reports[0]["tau"], rel=0.2)
    assert len(Dataset([tmp_path / "work" / "answers"])) == 98
    assert main(["all", *map(str, arguments)]) == 0  # finds everything done
