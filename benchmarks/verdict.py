"""How a benchmark prints a figure beside its target."""


def judged(label: str, figure: float, *, most: float | None = None, least: float | None = None) -> None:
    """Print one figure, the most or the least that it may be, and whether it is."""
    limit, word = (most, "at most") if most is not None else (least, "at least")
    assert limit is not None
    is_met = figure <= limit if most is not None else figure >= limit
    print(f"  {label:56} {figure:10,.2f}   {word} {limit:<8,g} {'met' if is_met else 'MISSED'}", flush=True)
