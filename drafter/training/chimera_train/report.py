"""An evaluation as text."""


def format_report(report: dict) -> str:
    """Tables of what evaluate() returned."""
    sections = [
        f"{report['target_name']}: {report['answers']} answers, {report['tokens']} tokens, tau {report['tau']:.3f}",
        _accuracy(report),
        _trees(report),
        _categories(report),
        _calibration(report),
    ]
    return "\n\n".join(sections)


def _accuracy(report: dict) -> str:
    rows = [
        [str(depth), *(f"{level[f'top{k}']:.3f}" for k in (1, 2, 4, 8)), f"{report['chain_tau'][str(depth)]:.3f}"]
        for depth, level in enumerate(report["levels"], start=1)
    ]
    return "Guesses along the true tokens, and chains:\n" + _table(
        ["depth", "top-1", "top-2", "top-4", "top-8", "chain tau"], rows
    )


def _trees(report: dict) -> str:
    depths = list(next(iter(report["tree_tau"].values())))
    rows = [
        [nodes, *(f"{taus[depth]:.3f}" for depth in depths)] for nodes, taus in report["tree_tau"].items()
    ]
    text = "tau of trees, by nodes and greatest depth:\n" + _table(["nodes", *depths], rows)
    if "static_tau" in report:
        shape = ",".join(str(width) for width in report["tree_shape"])
        text += f"\ntau of trees of shape {shape}: {report['static_tau']:.3f}"
    return text


def _categories(report: dict) -> str:
    nodes = ("4", "8", "16", "32", "64")
    rows = [
        [name, f"{figures['chain_tau']:.3f}", *(f"{figures['tree_tau'][n]:.3f}" for n in nodes)]
        for name, figures in report["categories"].items()
    ]
    return "tau by category, of chains and of trees of some nodes:\n" + _table(["category", "chain", *nodes], rows)


def _calibration(report: dict) -> str:
    """A row for each bin that has guesses at any depth."""
    levels = [{bin["from"]: bin for bin in bins} for bins in report["calibration"]]
    rows = []
    for start in sorted({start for level in levels for start in level}):
        bins = [level[start] for level in levels if start in level]
        guesses = sum(bin["guesses"] for bin in bins)
        means = [sum(bin[name] * bin["guesses"] for bin in bins) / guesses for name in ("predicted", "observed")]
        observed = [f"{level[start]['observed']:.3f}" if start in level else "-" for level in levels]
        rows.append([f"{start:.1f}", str(guesses), *(f"{mean:.3f}" for mean in means), *observed])
    depths = [str(depth) for depth in range(1, len(levels) + 1)]
    return "How often guesses of some probability were right, at all depths and at each:\n" + _table(
        ["from", "guesses", "predicted", "right", *depths], rows
    )


def _table(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells))
    return "\n".join(lines)
