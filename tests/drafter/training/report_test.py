"""The text of an evaluation says what its JSON says."""

from chimera_train.report import format_report


def bin_of(start, predicted, observed, guesses):
    return {"from": start, "predicted": predicted, "observed": observed, "guesses": guesses}


def test_calibration_is_a_table_by_probability_and_depth():
    accuracy = {f"top{k}": 0.5 for k in (1, 2, 4, 8)}
    trees = {nodes: {"1": 1.5, "2": 1.8} for nodes in ("4", "8", "16", "32", "64")}
    report = {
        "target_name": "tiny",
        "answers": 3,
        "tokens": 100,
        "tau": 1.8,
        "levels": [accuracy, accuracy],
        "chain_tau": {"1": 1.5, "2": 1.7},
        "tree_tau": trees,
        "categories": {},
        "calibration": [
            [bin_of(0.0, 0.02, 0.01, 300), bin_of(0.9, 0.95, 0.90, 100)],
            [bin_of(0.0, 0.06, 0.05, 100), bin_of(0.5, 0.55, 0.625, 8)],
        ],
    }
    text, table = format_report(report).split("\n\n")[-1].split("\n", 1)
    assert text == "How often guesses of some probability were right, at all depths and at each:"
    assert [row.split() for row in table.splitlines()] == [
        ["from", "guesses", "predicted", "right", "1", "2"],
        ["0.0", "400", "0.030", "0.020", "0.010", "0.050"],
        ["0.5", "8", "0.550", "0.625", "-", "0.625"],
        ["0.9", "100", "0.950", "0.900", "0.900", "-"],
    ]
