"""Ablations: drafters that differ in one thing, trained alike and compared."""

import dataclasses
from typing import Any

from chimera_train.markdown import table
from chimera_train.target import Target

_SHORT_CHAIN = "5"
_DEPTHS = 4  # whose accuracy is in the table
_NODES = ("4", "8", "16", "32", "64")


@dataclasses.dataclass(frozen=True)
class Configuration:
    name: str  # of its folder, and for --only
    text: str  # in the table
    changes: dict[str, Any]  # options of train that differ from those given


def configurations(target: Target) -> list[Configuration]:
    """All that are compared. The first is what the options say, unchanged."""
    size = target.hidden_size
    paper = {"depth_heads": 4, "layers": (target.layer_count,), "trigram_hidden_size": size}
    return [
        Configuration("full", "full", {}),
        Configuration("no-trigram-encoder", "one token in place of the trigram", {"trigram_encoder": False}),
        Configuration("no-residual-head", "without the residual head", {"residual_head": False}),
        # Every head predicts from the one pass over the last layer's states.
        Configuration("paper", "paper form: 4 heads, last layer only", paper),
        # What arXiv 2602.01469 shares with it: all drafted tokens come from one pass, here over all tapped layers.
        # There each of them is a row of its own in that pass, with a learnt input; here it is a head of its own.
        Configuration("parallel", "parallel drafting: 4 heads, all layers", {"depth_heads": 4}),
        Configuration("adamw", "AdamW in place of Muon", {"optimizer": "adamw"}),
        Configuration("hard-labels", "hard labels", {"labels": "hard"}),
        Configuration("rollout-1", "roll-out of 1 level", {"rollout_steps": 1}),
        Configuration("narrow", "feed-forward network half as wide", {"ffn_size": _blocks(size * 4 // 3)}),
        Configuration("wide", "feed-forward network twice as wide", {"ffn_size": _blocks(size * 16 // 3)}),
        *(
            Configuration(f"vocabulary-{tokens}", f"draft vocabulary of {tokens}", {"draft_vocab_size": tokens})
            for tokens in (4096, 8192, 24576)
        ),
    ]


def format_results(results: list[dict]) -> str:
    """One Markdown table. A result has `text`, `parameters`, `megabytes`, `tokens_per_second`, `minutes`,
    `report`, the drafter's evaluation, and `served`, which is None or what measure_served() returned. Against off is
    the median of ratios of tokens/s of blocks that alternate, so that a noisy machine hits both alike."""
    accuracies = [f"top-1, depth {depth}" for depth in range(1, _DEPTHS + 1)]
    taus = [f"chain tau ({_SHORT_CHAIN})", *(f"tau, {nodes} nodes" for nodes in _NODES)]
    speeds = ["training tokens/s", "minutes", "served tokens/s", "against off", "95 % interval"]
    header = ["configuration", "M parameters", "MB", *taus, *accuracies, *speeds]
    return table(header, [_row(result) for result in results])


def _row(result: dict) -> list[str]:
    report, served = result["report"], result["served"]
    levels = [level["top1"] for level in report["levels"][:_DEPTHS]]
    chains = report["chain_tau"]
    return [
        result["text"],
        f"{result['parameters'] / 1e6:.1f}",
        f"{result['megabytes']:.1f}",
        f"{chains.get(_SHORT_CHAIN) or chains[max(chains, key=int)]:.2f}",
        *(f"{taus[max(taus, key=int)]:.2f}" for taus in (report["tree_tau"][nodes] for nodes in _NODES)),
        *(f"{value:.3f}" for value in levels + [float("nan")] * (_DEPTHS - len(levels))),
        f"{result['tokens_per_second']:.0f}",
        f"{result['minutes']:.1f}",
        *_speeds(served),
    ]


def _speeds(served: dict | None) -> list[str]:
    if served is None:
        return ["", "", ""]
    auto = served["auto"]
    ratio = auto["ratio_to_first_mode"]
    # There is none of few blocks.
    interval = "–" if ratio["low"] is None else f"{ratio['low']:.3f} to {ratio['high']:.3f}"
    return [f"{auto['tokens_per_second']:.1f}", f"{ratio['median']:.3f}", interval]


def _blocks(size: int) -> int:
    """Rounded up to what quantised blocks hold."""
    return -(-size // 32) * 32
