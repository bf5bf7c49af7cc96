"""What scripts/never-slower runs: services, chimera bench for every cell of the matrix, a table and a plot."""

import argparse
import contextlib
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import drafter_state
import interval_plot
import services

BIN = services.BIN
DRAFTERS = {"given": "the drafter", "random": "random weights", "slow": "50 ms per reply"}
SLOW_MILLISECONDS = 50
RANDOM_CONFIDENCE = 8  # wrong, and sure of it
# Short, because a machine's speed changes while a block runs and not just between two; but all streams have a prompt.
LEAST_BLOCK = 8
LEAST_RATIO = 0.98


@contextlib.contextmanager
def serve(drafter, arguments, folder):
    """Yields the address of a verifier with that drafter, and that of its metrics."""
    address = f"unix:{folder}/verifier.sock"
    # All streams are decoded at once, whatever their number.
    most = f"--max_running_requests={max(arguments.concurrency)}"
    common = [f"--model={arguments.model}", f"--listen={address}", "--metrics_listen=127.0.0.1:0", most]
    if drafter == "slow":
        drafter_address = f"unix:{folder}/drafter.sock"
        commands = [
            ("slow_drafter", arguments.model, drafter_address, str(SLOW_MILLISECONDS)),
            ("chimera-verifier", *common, f"--drafter={drafter_address}"),
        ]
    else:
        path = arguments.drafter
        if drafter == "random":
            path = f"{folder}/random.safetensors"
            subprocess.run([BIN / "write_random_drafter", arguments.model, path, str(RANDOM_CONFIDENCE)], check=True)
        commands = [("chimera-node", *common, f"--draft_model={path}")]
    with services.Services(folder) as started:
        last = [started.start(*command) for command in commands][-1]
        drafter_state.wait_until_ready(BIN / "chimera", address, started.check)
        yield address, services.metrics_address(last)


def bench(server, metrics, cell, arguments):
    """The two summary lines of chimera bench, as one result."""
    block_size = max(LEAST_BLOCK, cell["concurrency"])
    off, auto = services.bench(
        server, f"--metrics={metrics}", f"--limit={arguments.prompts}", f"--block-size={block_size}",
        f"--rounds={arguments.rounds}", f"--max-tokens={arguments.tokens}", f"--concurrency={cell['concurrency']}",
        f"--temperature={cell['temperature']}", "--modes=off,auto",
    )
    return cell | {"off": off, "auto": auto}


def warm_up(server):
    """So that the first cell does not pay for what is learned once."""
    services.bench(server, "--limit=8", "--modes=auto", "--max-tokens=32")


def settings(drafter, arguments):
    """What the results with a drafter depend on, besides their cell."""
    own = {
        "model": str(pathlib.Path(arguments.model).resolve()),
        "max_running_requests": max(arguments.concurrency),
        "least_block": LEAST_BLOCK,
    }
    if drafter == "given":
        own["draft_model"] = arguments.drafter
        if (path := pathlib.Path(arguments.drafter)).is_file():
            own["draft_model"] = f"{path.resolve()} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return own | {name: getattr(arguments, name) for name in ("rounds", "prompts", "tokens")}


def key(cell):
    return json.dumps([cell[name] for name in ("drafter", "temperature", "concurrency", "settings")], sort_keys=True)


def read_results(path):
    """The results by their keys. What was cut off while it was written is removed from the file."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    results = map(json.loads, whole.splitlines())
    return {key(result): result for result in results if "settings" in result}


def measure(arguments, path):
    """Adds what is missing to the results, and returns those that are asked for, in order."""
    results = read_results(path)
    used = {drafter: settings(drafter, arguments) for drafter in arguments.drafters}
    cells = [
        {"drafter": drafter, "temperature": temperature, "concurrency": concurrency, "settings": used[drafter]}
        for drafter in arguments.drafters
        for temperature in arguments.temperatures
        for concurrency in arguments.concurrency
    ]
    for drafter in arguments.drafters:
        missing = [cell for cell in cells if cell["drafter"] == drafter and key(cell) not in results]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as folder, serve(drafter, arguments, folder) as (server, metrics):
            warm_up(server)
            for cell in missing:
                results[key(cell)] = bench(server, metrics, cell, arguments)
                with open(path, "a", encoding="utf-8") as lines:
                    lines.write(json.dumps(results[key(cell)]) + "\n")
                print(row(results[key(cell)]), flush=True)
    return [results[key(cell)] for cell in cells]


def figure(value, pattern):
    return "–" if value is None else pattern.format(value)


def row(result):
    off, auto = result["off"], result["auto"]
    ratio, step = auto["ratio_to_first_mode"], auto["step"]
    interval = "–" if ratio["low"] is None else f"{ratio['low']:.3f} to {ratio['high']:.3f}"
    cells = [
        DRAFTERS[result["drafter"]], f"{result['temperature']:g}", str(result["concurrency"]),
        figure(off["tokens_per_second"], "{:.0f}"), figure(auto["tokens_per_second"], "{:.0f}"),
        figure(ratio["median"], "**{:.3f}**"), interval, figure(auto["tokens_per_step"], "{:.2f}"),
        *(figure(step[part], "{:.1%}") for part in ("verify", "draft", "link", "rest")),
        "yes" if auto["identical_to_first_mode"] else "**no**",
    ]
    return "| " + " | ".join(cells) + " |"


def table(results):
    titles = (
        "drafter", "T", "streams", "off, tokens/s", "auto, tokens/s", "auto / off", "95 % interval", "tokens per step",
        "verify", "draft", "link", "rest", "same replies",
    )
    rules = ["---"] + ["---:"] * (len(titles) - 1)
    return "\n".join(["| " + " | ".join(line) + " |" for line in (titles, rules)] + [row(r) for r in results]) + "\n"


def plot(results):
    panels = {}
    for result in results:
        ratio = result["auto"]["ratio_to_first_mode"]
        name = "greedy" if result["temperature"] == 0 else f"T = {result['temperature']:g}"
        series = panels.setdefault(name, {}).setdefault(DRAFTERS[result["drafter"]], [])
        series.append((result["concurrency"], ratio["median"], ratio["low"], ratio["high"]))
    return interval_plot.draw("Tokens/s of auto over off", "streams in flight", panels, [LEAST_RATIO, 1.0])


def is_good(auto):
    return auto["ratio_to_first_mode"]["median"] >= LEAST_RATIO and auto["identical_to_first_mode"]


def numbers(kind):
    return lambda text: [kind(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--drafter", default="ngram", help="what chimera-node --draft_model takes; default ngram")
    parser.add_argument("--drafters", type=numbers(str), default=list(DRAFTERS), help="given, random, slow")
    parser.add_argument("--concurrency", type=numbers(int), default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--temperatures", type=numbers(float), default=[0.0, 1.0])
    parser.add_argument("--rounds", type=int, default=6, help="times that all prompts are answered in each mode")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--output", type=pathlib.Path, default=services.ROOT / "build/never-slower")
    arguments = parser.parse_args()
    if unknown := set(arguments.drafters) - set(DRAFTERS):
        parser.error(f"--drafters has {', '.join(sorted(unknown))}, must be of {', '.join(DRAFTERS)}")

    arguments.output.mkdir(parents=True, exist_ok=True)
    results = measure(arguments, arguments.output / "results.jsonl")
    pathlib.Path(arguments.output, "table.md").write_text(table(results), encoding="utf-8")
    pathlib.Path(arguments.output, "never-slower.svg").write_text(plot(results), encoding="utf-8")
    bad = [result for result in results if not is_good(result["auto"])]
    print(f"{len(results)} cells, in {len(bad)} of them slower than {LEAST_RATIO} of off or not identical")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
