"""Tests whether two systems differ, from the differences of a metric on the queries that both were measured on.

`differences` is always [queries], one system minus the other, as `difference` returns it. NaN = the query does not
count. Numbers within `EQUAL` of 0 are ties, and count as 0.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

from plackett.evaluation._bootstrap import CONFIDENCE, check_count, check_seed, check_share

EQUAL = 1e-6  # metrics are computed in float32, whose noise is about 1e-7 of a value
TIE = "within 1e-6, or within 1e-6 of the larger value if that is above 1"
ROUNDING = 1e-12  # relative to the sum of sizes: sums of the same numbers in another order differ by this much
REACH = 1e5  # of the t statistic: beyond it, scipy's inverse of the noncentral t does not terminate
PERMUTATIONS = 10_000
LEVEL, POWER = 0.05, 0.8
BITS = 8  # differences whose signs one random byte flips
CHUNK = 2**20  # signs that are held together


class Effect(NamedTuple):
    """The size of a difference relative to its spread, with its interval."""

    size: float
    low: float
    high: float


class Outcomes(NamedTuple):
    """The number of queries on which the first system is better, as good and worse."""

    wins: int
    ties: int
    losses: int


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the values of one system minus those of another; exactly 0 if they differ only by the noise of float32.

    >>> difference(np.array([0.5, 0.5, 4e6]), np.array([0.5000001, 0.25, 4e6 + 1])).tolist()
    [0.0, 0.25, 0.0]

    Args:
        first: the values of one system, of any shape. NaN = the query does not count.
        second: the values of the other system, in the same shape.
    """
    found = first - second
    scale = np.maximum(1.0, np.maximum(np.abs(first), np.abs(second)))
    return np.where(np.abs(found) <= EQUAL * scale, 0.0, found)


def differences_that_count(differences: np.ndarray) -> np.ndarray:
    """Returns the differences of the queries that count, with exact zeros for ties."""
    differences = np.asarray(differences, "float64")
    differences = differences[~np.isnan(differences)]
    return np.where(np.abs(differences) <= EQUAL, 0.0, differences)


def randomisation_test(differences: np.ndarray, *, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """Computes the two-sided p-value of the paired randomisation test of the mean.

    If two systems were the same, the two values of each query could as well be swapped: the sign of each difference is
    a coin toss. p is the share of such signs whose mean is at least as far from 0 as the observed one. Let n be the
    number of differences that are not 0. If 2^n is at most `permutations` and 2^20, all signs are tried. Else random
    ones are drawn, and p = (1 + those at least as far) / (1 + permutations).

    >>> randomisation_test(np.array([0.1, 0.2, 0.3, 0.1, 0.0]))
    0.125

    Args:
        differences: [queries]. NaN = the query does not count.
        permutations: the largest number of signs that are tried.
        seed: the seed of the draws.

    Returns:
        p. 1 if all differences are 0, NaN if no query counts.

    Raises:
        ValueError: `permutations` is not a whole number of at least 1, or `seed` not one of at least 0.

    Cost: less than a second and some MB for 100,000 queries and 10,000 permutations.

    Reference: Smucker, Allan & Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval
        Evaluation", CIKM 2007; for the 1 + in both, Phipson & Smyth, "Permutation P-values Should Never Be Zero", 2010.
    """
    check_count("permutations", permutations)
    check_seed(seed)
    differences = differences_that_count(differences)
    if not len(differences):
        return float("nan")
    moving = differences[differences != 0]
    reach = np.abs(moving).sum()
    least = abs(moving.sum()) - ROUNDING * reach
    if 2 ** len(moving) <= min(permutations, CHUNK):
        return float(np.mean(np.abs(_all_sums(moving)) >= least))
    random = np.random.default_rng(seed)
    far = 0
    for start in range(0, permutations, CHUNK):
        sums = _random_sums(moving, min(CHUNK, permutations - start), random)
        far += int((np.abs(sums) >= least).sum())
    return (1 + far) / (1 + permutations)


def t_test(differences: np.ndarray) -> float:
    """Computes the two-sided p-value of Student's paired t-test, as scipy.stats.ttest_rel does.

    >>> round(t_test(np.array([0.1, 0.2, 0.3, 0.1, 0.0])), 4)
    0.0516

    Returns:
        p. If all differences are the same, 1 if they are 0, else 0. NaN if fewer than two queries count.
    """
    count, mean, spread = _moments(differences)
    if count < 2:
        return float("nan")
    if spread == 0:
        return float(mean == 0)
    return float(2 * special.stdtr(count - 1, -abs(mean) / spread * np.sqrt(count)))


def effect_size(differences: np.ndarray, *, confidence: float = CONFIDENCE) -> Effect:
    """Computes Cohen's d of paired differences, d_z: their mean divided by their standard deviation.

    The ends of its interval are the noncentralities that put the t statistic on the two quantiles of Student's
    noncentral t.

    >>> [round(x, 3) for x in effect_size(np.array([0.1, 0.2, 0.3, 0.1, 0.0]))]
    [1.228, -0.008, 2.393]

    Returns:
        (size, low, high). NaN if fewer than two queries count or all differences are the same. The interval is NaN if
        the t statistic is above 100,000, when nearly all differences are the same: no available method computes it.

    Reference: Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988, section 2.3.5; Cumming & Finch, "A
    Primer on the Understanding, Use, and Calculation of Confidence Intervals that are Based on Central and Noncentral
    Distributions", 2001.
    """
    check_share("confidence", confidence)
    count, mean, spread = _moments(differences)
    if spread == 0:
        return Effect(*[float("nan")] * 3)
    size = mean / spread
    if abs(size) * np.sqrt(count) > REACH:
        return Effect(size, float("nan"), float("nan"))
    tail = (1 - confidence) / 2
    low, high = special.nctdtrinc(count - 1, [1 - tail, tail], size * np.sqrt(count)) / np.sqrt(count)
    return Effect(size, float(low), float(high))


def detectable_difference(differences: np.ndarray, *, level: float = LEVEL, power: float = POWER) -> float:
    """Computes the smallest mean difference that a paired t-test at `level` finds with `power`, given these queries.

    It is the noncentrality of Student's t that exceeds the critical value with this power, times the standard error.

    >>> round(detectable_difference(np.array([0.1, 0.2, 0.3, 0.1, 0.0])), 3)
    0.192

    Args:
        differences: [queries]. Their number and standard deviation are used. NaN = the query does not count.
        level: the level of the two-sided test.
        power: the probability of finding such a difference in its direction, above .5. The far side of the test, which
            finds the opposite, is left out.

    Returns:
        The difference, positive. NaN if fewer than two queries count or all differences are the same.

    Raises:
        ValueError: `level` or `power` is out of range.

    Reference: Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988, chapter 2; for retrieval Sakai,
    "Statistical Significance, Power, and Sample Sizes", SIGIR 2016.
    """
    check_share("level", level)
    check_share("power", power, 0.5)
    count, _, spread = _moments(differences)
    if spread == 0:
        return float("nan")
    critical = special.stdtrit(count - 1, 1 - level / 2)
    return float(special.nctdtrinc(count - 1, 1 - power, critical) * spread / np.sqrt(count))


def holm(p: np.ndarray) -> np.ndarray:
    """Corrects the p-values of several tests, so that the chance of any false positive among them stays at the level.

    The smallest is multiplied by the number of tests, the next by one less, and so on. None falls below the one before
    it.

    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]

    Args:
        p: [tests]. NaN = there was no test.

    Returns:
        [tests], at most 1, NaN where p is NaN.

    Reference: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.
    """
    p = np.asarray(p, "float64")
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p)[: (~np.isnan(p)).sum()]  # NaN comes last
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return adjusted


def outcomes(differences: np.ndarray, *, less_is_better: bool = False) -> Outcomes:
    """Counts the queries on which the first system is better, as good (see `EQUAL`), and worse.

    >>> outcomes(np.array([0.1, 0.0, -0.2, 0.3, np.nan]))
    Outcomes(wins=2, ties=1, losses=1)
    """
    signs = np.sign(differences_that_count(differences)) * (-1 if less_is_better else 1)
    return Outcomes(*(int((signs == sign).sum()) for sign in (1, 0, -1)))


def _moments(differences):
    """Returns (their number, mean, standard deviation); 0 if they differ only by rounding, or are too few."""
    differences = differences_that_count(differences)
    count = len(differences)
    mean = float(differences.mean()) if count else float("nan")
    spread = float(differences.std(ddof=1)) if count > 1 else 0.0
    return count, mean, spread if spread > EQUAL else 0.0


def _all_sums(differences):
    """Returns the sums under all signs, [2^n]."""
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    return sums


def _random_sums(differences, permutations, random):
    """Returns the sums under random signs, [permutations].

    A random byte chooses among the 256 sums of eight differences at a time, which is faster than drawing eight signs.
    """
    padded = np.pad(differences, (0, -len(differences) % BITS)).reshape(-1, BITS)
    sums = np.zeros(permutations)
    for eight in padded:
        sums += _all_sums(eight)[np.frombuffer(random.bytes(permutations), "uint8")]
    return sums
