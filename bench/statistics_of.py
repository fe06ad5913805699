"""Median and spread of slices and of ratios between slices of the same round."""
import statistics

median = statistics.median


def spread(values, digits: int = 1) -> str:
    values = list(values)
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{median(values):.{digits}f} [{min(values):.{digits}f}–{max(values):.{digits}f}]"


def ratios(ours, theirs, key: str = "us") -> list[float]:
    """Ours / theirs, round by round; a round in which either failed is left out."""
    return [a[key] / b[key] for a, b in zip(ours, theirs) if a and b and b[key]]


def good(slices) -> list[dict]:
    return [s for s in slices if s]


def values(slices, key: str) -> list[float]:
    return [s[key] for s in good(slices)]


def middle(slices, key: str) -> float:
    found = values(slices, key)
    return median(found) if found else float("nan")


def user_share(slices) -> float:
    """The kernel samples user and system time by ticks: only all slices together say something."""
    user = sum(values(slices, "user_ticks"))
    both = user + sum(values(slices, "system_ticks"))
    return user / both if both else 0.0
