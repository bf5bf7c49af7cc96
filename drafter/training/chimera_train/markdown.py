"""Tables in Markdown."""


def table(header: list[str], rows: list[list[str]]) -> str:
    """The first column is text, the others are numbers, aligned to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
