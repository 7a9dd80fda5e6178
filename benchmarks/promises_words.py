"""What a cell says of the numbers that a case came to, for `promises_worker.py`."""

import numpy as np

CLOSE = 1e-5


def wrong(what, found, right, scale):
    """What is wrong with a number, beyond a thousandth; nothing where it is right."""
    if not np.isfinite(found):
        return f"{what}{number(found)}"
    unit = abs(right) if abs(right) > 1e-3 * abs(scale) else abs(scale)
    return f"{what}{number(found)} for {number(right)}" if abs(found - right) > 1e-3 * unit else ""


def number(value):
    """Three digits."""
    return "NaN" if np.isnan(value) else "infinite" if np.isinf(value) else f"{value:.3g}" if abs(value) > 1e-6 else "0"


def nonfinite(value, gradient):
    """Words for what is not finite."""
    words = [] if np.isfinite(value) else [f"loss {number(value)}"]
    return words + ([] if np.isfinite(gradient).all() else ["gradient NaN"])


def difference(before, after, padding=None, close=CLOSE):
    """How (loss, gradient) changed: "unchanged", or by how much, relative to what they were."""
    (value, gradient), (other, slope) = before, after
    bad = nonfinite(other, np.concatenate([np.ravel(slope), [] if padding is None else np.ravel(padding)]))
    by = abs(other - value) / max(abs(value), 1e-9)
    by_slope = np.linalg.norm(slope - gradient) / max(np.linalg.norm(gradient), 1e-9)
    numbers = {"before": float(value), "after": float(other), "gradient by": float(by_slope)}
    if bad:
        return " and ".join(bad), numbers
    if by > close and np.linalg.norm(slope * value - gradient * other) < 1e-4 * np.linalg.norm(gradient * other):
        return f"x {other / value:.2f}", numbers  # the loss and its gradient alike
    words = [f"loss by {percent(by)}"] if by > close else []
    words += [f"gradient by {percent(by_slope)}"] if by_slope > max(10 * CLOSE, close) else []
    words += ["padding has a gradient"] if padding is not None and np.abs(padding).max() > 0 else []
    return ", ".join(words) or "unchanged", numbers


def nearness(found, right, close):
    """Whether a derivative is that of finite differences."""
    by = np.linalg.norm(found - right) / max(np.linalg.norm(right), 1e-6)
    words = "right" if by < close else "NaN" if np.isnan(by) else f"wrong by {percent(by)}"
    return words, {"by": float(by), "norm": float(np.linalg.norm(right))}


def percent(share):
    """A share in percent, or as a factor where it is large."""
    if share >= 10:
        return f"a factor of {share:.0f}"
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}" if share >= 1e-3 else "under 0.1%"


def times(ratio):
    """What became of a mean."""
    return "unchanged" if abs(ratio - 1) < 1e-4 else f"mean x {ratio:.2f}"


def value_in_words(value):
    """Whether a number is one."""
    return ("NaN" if np.isnan(value) else "infinite" if np.isinf(value) else "silent"), float(value)


def plain(numbers):
    """Numbers as JSON has them, in seven digits."""
    if isinstance(numbers, dict):
        return {key: plain(value) for key, value in numbers.items()}
    if isinstance(numbers, (list, tuple)):
        return [plain(value) for value in numbers]
    if numbers is None or isinstance(numbers, (bool, str)):
        return numbers
    value = float(f"{float(numbers):.7g}")
    return value if np.isfinite(value) else str(value)
