"""Click models as plain loops in float64, over one list without padding: its clicks, and its parameters by name.

A user has looked at the documents so far, or has stopped: the loops follow the logs of both probabilities.
"""

import numpy as np

NEVER = -np.inf


def log(logit):
    """(log P, log (1 - P)) of a logit."""
    return -np.logaddexp(0, -logit), -np.logaddexp(0, logit)


def click_through_rate(clicks, attraction):
    return sum(log(a)[0] if c else log(a)[1] for c, a in zip(clicks, attraction, strict=True))


def seen_and_attracted(click, attraction, examination):
    (a, not_a), (e, not_e) = log(attraction), log(examination)
    return a + e if click else np.logaddexp(not_e, e + not_a)


def position_based(clicks, examination, attraction):
    return sum(seen_and_attracted(*x) for x in zip(clicks, attraction, examination, strict=True))


def trust_bias(clicks, examination, trust_relevant, trust_irrelevant, attraction):
    total = 0.0
    for c, logits in zip(
        clicks, zip(examination, trust_relevant, trust_irrelevant, attraction, strict=True), strict=True
    ):
        (e, not_e), (t, not_t), (u, not_u), (g, not_g) = map(log, logits)
        if c:
            total += e + np.logaddexp(g + t, not_g + u)
        else:
            total += np.logaddexp(not_e, e + np.logaddexp(g + not_t, not_g + not_u))
    return total


def user_browsing(clicks, attraction, **examination):
    total, last = 0.0, 0
    for i, click in enumerate(clicks):
        total += seen_and_attracted(click, attraction[i], examination[f"examination_{last}"][i])
        last = i + 1 if click else last
    return total


def chain(clicks, attraction, after_click, after_skip):
    """`after_click` and `after_skip`: (log P(goes on), log P(stops)) of each document."""
    looks, stopped = 0.0, NEVER
    for click, a, on_click, on_skip in zip(clicks, attraction, after_click, after_skip, strict=True):
        attracted, not_attracted = log(a)
        if click:
            looks, stopped = looks + attracted + on_click[0], looks + attracted + on_click[1]
        else:
            looks = looks + not_attracted
            looks, stopped = looks + on_skip[0], np.logaddexp(stopped, looks + on_skip[1])
    return np.logaddexp(looks, stopped)


def always(clicks):
    return [(0.0, NEVER)] * len(clicks)


def cascade(clicks, attraction):
    return chain(clicks, attraction, [(NEVER, 0.0)] * len(clicks), always(clicks))


def dependent_click(clicks, continuation, attraction):
    return chain(clicks, attraction, [log(g) for g in continuation], always(clicks))


def simplified_dynamic_bayesian(clicks, attraction, satisfaction):
    return chain(clicks, attraction, [log(s)[::-1] for s in satisfaction], always(clicks))


def dynamic_bayesian(clicks, continuation, attraction, satisfaction):
    after_click = []
    for (on, off), (satisfied, not_satisfied) in zip(map(log, continuation), map(log, satisfaction), strict=True):
        after_click.append((on + not_satisfied, np.logaddexp(off, on + satisfied)))
    return chain(clicks, attraction, after_click, [log(g) for g in continuation])


def click_chain(clicks, continuation_skip, continuation_irrelevant, continuation_relevant, attraction):
    after_click = []
    for logits in zip(continuation_irrelevant, continuation_relevant, attraction, strict=True):
        (t2, not_t2), (t3, not_t3), (a, not_a) = map(log, logits)
        after_click.append((np.logaddexp(t2 + not_a, t3 + a), np.logaddexp(not_t2 + not_a, not_t3 + a)))
    return chain(clicks, attraction, after_click, [log(t1) for t1 in continuation_skip])


def mixture(*loops):
    """The loop of a mixture of these: the shares are of the mean of their logits over the list."""

    def loop(clicks, **parameters):
        numbers = range(1, len(loops) + 1)
        weights = [parameters.pop(f"weight_{m}") for m in numbers]
        shares = np.mean(weights, axis=1) if len(clicks) else np.zeros(len(loops))
        of_member = [
            one(clicks, **{k.removesuffix(f"_{m}"): x for k, x in parameters.items() if k.endswith(f"_{m}")})
            for m, one in zip(numbers, loops, strict=True)
        ]
        return np.logaddexp.reduce(shares - np.logaddexp.reduce(shares) + of_member)

    return loop
