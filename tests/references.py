"""Every loss, metric and lambda weight again as its paper writes it: one list, plain loops, float64.

`labels` and `scores` are sequences of numbers, one a real document; `noise` is one such sequence a sample.
Arithmetic is rearranged only where a plain loop would overflow.
"""

import math

TINY = 1.1754943508222875e-38


def identity(label):
    """label."""
    return label


def pow_minus_1(label):
    """2^label - 1."""
    return 2.0**label - 1.0


def inverse(rank):
    """1 / rank."""
    return 1.0 / rank


def log2_inverse(rank):
    """1 / log2(1 + rank)."""
    return 1.0 / math.log2(1.0 + rank)


def is_greater_equal_1(label):
    """label >= 1."""
    return label >= 1.0


def softplus(x):
    """log(1 + e^x)."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def logistic(x):
    """1 / (1 + e^-x)."""
    return math.exp(-softplus(-x))


def log_sum_exp(xs):
    """log sum_i e^x_i."""
    top = max(xs)
    return top + math.log(sum(math.exp(x - top) for x in xs))


def gumbel(uniform):
    """-log(-log u), an exact 0 counting as the smallest normal float32."""
    return -math.log(-math.log(max(float(uniform), TINY)))


def ranks(scores):
    """1 for the highest score; of equal scores the first ranks higher."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return [order.index(i) + 1 for i in range(len(scores))]


def ideal_dcg(gains, discount, topn=None):
    """sum_i gain_i discount(i) over the `topn` largest gains, in falling order."""
    falling = sorted(gains, reverse=True)
    return sum(gain * discount(i + 1) for i, gain in enumerate(falling) if topn is None or i < topn)


# Losses


def softmax(labels, scores, weights=None):
    """sum_i w_i y_i (log sum_j e^s_j - s_i). Cao et al. 2007; Bruch et al. 2019."""
    total = 0.0
    for i, label in enumerate(labels):
        weight = 1.0 if weights is None else weights[i]
        total += weight * label * (log_sum_exp(scores) - scores[i])
    return total


def unique_softmax(labels, scores, gains=None):
    """-sum_i gain(y_i) log(e^s_i / (e^s_i + sum_{j: y_j < y_i} e^s_j)). Zhu & Klabjan 2020."""
    total = 0.0
    for i, label in enumerate(labels):
        gain = pow_minus_1(label) if gains is None else gains[i]
        below = [score for score, other in zip(scores, labels, strict=True) if other < label]
        if below:
            total += gain * softplus(log_sum_exp(below) - scores[i])
    return total


def approx_ranks(scores):
    """r_i = 1 + sum_{j != i} sigma(s_j - s_i). Qin et al. 2010, eq. 14."""
    return [
        1.0 + sum(logistic(other - score) for j, other in enumerate(scores) if j != i) for i, score in enumerate(scores)
    ]


def approx_ndcg(labels, scores, topn=None, gain=pow_minus_1, discount=log2_inverse, normalized=True):
    """-(1 / max DCG) sum_i gain(y_i) discount(r_i) at soft ranks r; 0 where no label is above 0. Qin et al. 2010."""
    if not any(label > 0 for label in labels):
        return 0.0
    total = 0.0
    for label, rank in zip(labels, approx_ranks(scores), strict=True):
        if topn is None or rank < topn + 0.5:
            total += gain(label) * discount(rank)
    return -total / (ideal_dcg([gain(label) for label in labels], discount, topn) if normalized else 1.0)


def gumbel_approx_ndcg(labels, scores, noise, temperature=0.1, gumbel_temperature=1.0, **metric):
    """Mean over samples of approx_ndcg(y, (s + g) / (gumbel_temperature temperature)). Bruch et al. 2020."""
    total = 0.0
    for uniform in noise:
        perturbed = [(s + gumbel(u)) / gumbel_temperature / temperature for s, u in zip(scores, uniform, strict=True)]
        total += approx_ndcg(labels, perturbed, **metric)
    return total / len(noise)


def coupled_rank_distil(labels, scores, noise, topk=None):
    """Mean over samples of -log P(the top k of the order of falling y + g | s) under Plackett-Luce. Reddi et al."""
    if not any(labels):
        return 0.0
    total = 0.0
    for uniform in noise:
        teacher = [label + gumbel(u) for label, u in zip(labels, uniform, strict=True)]
        left = [scores[i] for i in sorted(range(len(teacher)), key=lambda i: -teacher[i])]
        for _ in range(len(left) if topk is None else min(topk, len(left))):
            total += log_sum_exp(left) - left[0]
            left = left[1:]
    return total / len(noise)


def cross_entropies(labels, scores, weights=None):
    """L_m = sum_i w_i (log(1 + e^s_im) - y_i s_im), one number a model."""
    by_model = [0.0 for _ in scores[0]]
    for i, label in enumerate(labels):
        for m, score in enumerate(scores[i]):
            weight = 1.0 if weights is None else weights[i]
            by_model[m] += weight * (label * softplus(-score) + (1.0 - label) * softplus(score))
    return by_model


def responsibilities(labels, scores, alpha=1.0, weights=None):
    """r_m = e^(-alpha L_m) / sum_m' e^(-alpha L_m')."""
    log_odds = [-alpha * loss for loss in cross_entropies(labels, scores, weights)]
    return [math.exp(x - log_sum_exp(log_odds)) for x in log_odds]


def mixture_em(labels, scores, alpha=1.0, weights=None, held=None):
    """sum_m r_m L_m; 0 without a click; `held`: responsibilities in place of r. Yan et al. 2022, section 4.3."""
    if not any(label > 0 for label in labels):
        return 0.0
    shares = responsibilities(labels, scores, alpha, weights) if held is None else held
    return sum(r * loss for r, loss in zip(shares, cross_entropies(labels, scores, weights), strict=True))


def npairs(labels, similarities):
    """log sum_j e^S_ij - the mean of S_ij over the rows j of the class of i, a number a row. Sohn 2016, eq. 9."""
    losses = []
    for row, label in zip(similarities, labels, strict=True):
        same = [similarity for similarity, other in zip(row, labels, strict=True) if other == label]
        losses.append(log_sum_exp(row) - sum(same) / len(same))
    return losses


# Metrics


def ndcg(labels, scores, weights=None, topn=None, gain=pow_minus_1, discount=log2_inverse):
    """sum_{i: r_i <= n} w_i gain(y_i) discount(r_i) over the largest value any order has. Jarvelin & Kekalainen."""
    weights = [1.0] * len(labels) if weights is None else weights
    gains = [weight * gain(label) for weight, label in zip(weights, labels, strict=True)]
    total = 0.0
    for gained, rank in zip(gains, ranks(scores), strict=True):
        if topn is None or rank <= topn:
            total += gained * discount(rank)
    ideal = ideal_dcg(gains, discount, topn)
    return total / ideal if ideal else 0.0


def reciprocal_rank(labels, scores, topn=None):
    """1 / the rank of the first document with a label of at least 1; 0 without one in the top n. Voorhees 1999."""
    for rank, label in sorted(zip(ranks(scores), labels, strict=True)):
        if label >= 1 and (topn is None or rank <= topn):
            return 1.0 / rank
    return 0.0


# Lambda weights


def pairs(n, weight):
    """The n x n table of weight(i, j)."""
    return [[weight(i, j) for j in range(n)] for i in range(n)]


def normalized_gains(labels, gain, discount, topn, normalized):
    """gain(y_i), divided by the ideal DCG at `topn` where the weight is normalised; 0 where that is 0."""
    gains = [gain(label) for label in labels]
    ideal = ideal_dcg(gains, discount, topn) if normalized else 1.0
    return [gained / ideal if ideal else 0.0 for gained in gains]


def neighbour_term(distance, discount):
    """|D(d) - D(d + 1)| at the distance d of two ranks; 0 at distance 0. Wang et al. 2018, eq. 18."""
    return abs(discount(distance) - discount(distance + 1)) if distance else 0.0


def label_diff_pairs(labels, ranks):
    """|y_i - y_j|."""
    return pairs(len(labels), lambda i, j: abs(labels[i] - labels[j]))


def dcg_pairs(labels, ranks, topn=None, gain=identity, discount=inverse, normalized=False, smooth_fraction=0.0):
    """n |g_i - g_j| ((1 - f) LambdaLoss term + f |D(r_i) - D(r_j)|); 0 for two ranks below `topn`."""
    gains = normalized_gains(labels, gain, discount, topn, normalized)

    def inside(rank):
        return topn is None or rank <= topn

    def weight(i, j):
        if not inside(ranks[i]) and not inside(ranks[j]):
            return 0.0
        d_i = discount(ranks[i]) if inside(ranks[i]) else 0.0
        d_j = discount(ranks[j]) if inside(ranks[j]) else 0.0
        lambdaloss = neighbour_term(abs(ranks[i] - ranks[j]), discount)
        change = (1.0 - smooth_fraction) * lambdaloss + smooth_fraction * abs(d_i - d_j)
        return len(labels) * abs(gains[i] - gains[j]) * change

    return pairs(len(labels), weight)


def ndcg_pairs(labels, ranks, topn=None, gain=pow_minus_1, discount=log2_inverse, smooth_fraction=0.0):
    """`dcg_pairs` divided by the ideal DCG."""
    return dcg_pairs(labels, ranks, topn, gain, discount, True, smooth_fraction)


def ndcg_v2_pairs(labels, ranks, topn=None, gain=pow_minus_1, discount=log2_inverse, normalized=True):
    """n |g_i - g_j| LambdaLoss term / (1 - D(max(r_i, r_j)) below `topn`, 1 else). Jagerman et al. 2022."""
    gains = normalized_gains(labels, gain, discount, topn, normalized)

    def weight(i, j):
        lower = max(ranks[i], ranks[j])
        divisor = 1.0 if topn is None or lower <= topn else 1.0 - discount(lower)
        change = neighbour_term(abs(ranks[i] - ranks[j]), discount) / divisor
        return len(labels) * abs(gains[i] - gains[j]) * change

    return pairs(len(labels), weight)


def yeti_pairs(labels, ranks, topn=None, gain=pow_minus_1, discount=log2_inverse, normalized=False):
    """`ndcg_v2_pairs` between documents at neighbouring ranks, 0 else. Lyzhin et al. 2023."""
    weights = ndcg_v2_pairs(labels, ranks, topn, gain, discount, normalized)
    return pairs(len(labels), lambda i, j: weights[i][j] if abs(ranks[i] - ranks[j]) == 1 else 0.0)


def precision_pairs(labels, ranks, topn=None, positive=is_greater_equal_1):
    """1 for a relevant and an irrelevant document on two sides of the cut-off (None: their number), 0 else."""
    cut = sum(positive(label) for label in labels) if topn is None else topn

    def weight(i, j):
        other_relevance = positive(labels[i]) != positive(labels[j])
        return float(other_relevance and (ranks[i] <= cut) != (ranks[j] <= cut))

    return pairs(len(labels), weight)


def dcg_documents(labels, ranks, topn=None, gain=identity, discount=inverse, normalized=False):
    """g_i D(r_i), without a cut-off but in the ideal DCG."""
    gains = normalized_gains(labels, gain, discount, topn, normalized)
    return [gained * discount(rank) for gained, rank in zip(gains, ranks, strict=True)]


def list_mle_documents(labels, ranks, discount=log2_inverse):
    """D(r_i). Lan et al. 2014."""
    return [discount(rank) for rank in ranks]


def movable(pair_weights):
    """sum_j of the pair weights of i, scaled to mean 1 over the list; 1 where all are 0."""
    totals = [sum(row) for row in pair_weights]
    average = sum(totals) / len(totals)
    return [total / average if average else 1.0 for total in totals]
