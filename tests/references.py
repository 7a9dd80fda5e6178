"""Every loss, metric and lambda weight again as its paper writes it: one list, plain loops, float64.

`labels` and `scores` are sequences of numbers, one a real document; `noise` is one such sequence a sample.
Arithmetic is rearranged only where a plain loop would overflow.
"""

import itertools
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


def letor_discount(rank):
    """1 at the ranks 1 and 2, then 1 / log2(rank)."""
    return 1.0 if rank <= 2 else 1.0 / math.log2(rank)


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


def bound_ranks(scores):
    """r_i = 1 + sum_{j != i} max(0, 1 + s_j - s_i): rax's bound_t12n."""
    return [
        1.0 + sum(max(0.0, 1.0 + other - score) for j, other in enumerate(scores) if j != i)
        for i, score in enumerate(scores)
    ]


def approx_ndcg(labels, scores, topn=None, gain=pow_minus_1, discount=log2_inverse, normalized=True, bound=False):
    """-(1 / max DCG) sum_i gain(y_i) discount(r_i) at soft ranks r; 0 where no label is above 0. Qin et al. 2010."""
    if not any(label > 0 for label in labels):
        return 0.0
    total = 0.0
    for label, rank in zip(labels, (bound_ranks if bound else approx_ranks)(scores), strict=True):
        if topn is None or rank < topn + 0.5:
            total += gain(label) * discount(rank)
    return -total / (ideal_dcg([gain(label) for label in labels], discount, topn) if normalized else 1.0)


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


def list_net(labels, scores, weights=None):
    """-sum_i w_i softmax(y)_i log softmax(s)_i. Cao et al. 2007, of the first place."""
    total = 0.0
    for i, label in enumerate(labels):
        weight = 1.0 if weights is None else weights[i]
        total += weight * math.exp(label - log_sum_exp(labels)) * (log_sum_exp(scores) - scores[i])
    return total


def margin_mse(labels, scores, topk=1, weights=None):
    """((s_i - s_j) - (y_i - y_j))^2 over the pairs of one of the best and one below or, as half a pair, beside it."""
    total = 0.0
    for i, label in enumerate(labels):
        if topk is not None and sum(other > label for other in labels) >= topk:
            continue
        weight = 1.0 if weights is None else weights[i]
        for j, other in enumerate(labels):
            if other <= label and i != j:
                half = 0.5 if other == label else 1.0
                total += half * weight * ((scores[i] - scores[j]) - (label - other)) ** 2
    return total


def cross_entropies(labels, scores, weights=None):
    """L_m = sum_i w_i (log(1 + e^s_im) - y_i s_im), one number a model."""
    by_model = [0.0 for _ in scores[0]]
    for i, label in enumerate(labels):
        for m, score in enumerate(scores[i]):
            weight = 1.0 if weights is None else weights[i]
            by_model[m] += weight * cross_entropy(label, score)
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
    """log sum_j e^S_ij - the mean of S_ij over the rows j of the class of i, one number per row. Sohn 2016, eq. 9."""
    losses = []
    for row, label in zip(similarities, labels, strict=True):
        same = [similarity for similarity, other in zip(row, labels, strict=True) if other == label]
        losses.append(log_sum_exp(row) - sum(same) / len(same))
    return losses


def npairs_multilabel(labels, similarities):
    """sum_j n_ij (log sum_k e^S_ik - S_ij) / sum_j n_ij with n_ij shared labels, one number per row; 0 if none."""
    losses = []
    for row, own in zip(similarities, labels, strict=True):
        shared = [sum(a * b for a, b in zip(own, other, strict=True)) for other in labels]
        terms = [n * (log_sum_exp(row) - similarity) for n, similarity in zip(shared, row, strict=True)]
        losses.append(sum(terms) / sum(shared) if sum(shared) else 0.0)
    return losses


def in_batch_softmax(
    documents,
    similarities,
    queries=None,
    grades=None,
    log_q=None,
    weights=None,
    negatives=(),
    log_q_of_negatives=(),
    symmetric=False,
    temperature=1.0,
):
    """w_i sum_{j in P_i} g_j (log sum_{k in K_i} e^z_ik - z_ij) / sum_j g_j, one number per row. Yi et al. 2019.

    P_i: the rows of the query of i with a grade, K_i: all columns but those outside of P_i with a document of P_i.
    """
    rows = range(len(documents))
    held = [*documents, *(one for own in negatives for one in own)]
    grades, weights = ([1.0] * len(rows) if x is None else x for x in (grades, weights))
    queries = [("row", i) for i in rows] if queries is None else queries
    log_q = [0.0] * len(held) if log_q is None else [*log_q, *(one for own in log_q_of_negatives for one in own)]
    losses = []
    for i in rows:
        positives = [j for j in rows if queries[j] == queries[i] and grades[j] > 0]
        answers = [held[j] for j in positives]
        z = [similarity / temperature - one for similarity, one in zip(similarities[i], log_q, strict=True)]
        rivals = [z[k] for k in range(len(held)) if k in positives or held[k] not in answers]
        terms = [grades[j] * (log_sum_exp(rivals) - z[j]) for j in positives]
        losses.append(weights[i] * sum(terms) / sum(grades[j] for j in positives) if grades[i] > 0 else 0.0)
    if not symmetric:
        return losses
    turned = list(zip(*similarities, strict=True))[: len(rows)]
    back = in_batch_softmax(queries, turned, documents, grades, weights=weights, temperature=temperature)
    return [0.5 * (one + other) for one, other in zip(losses, back, strict=True)]


def calibrated_softmax(labels, scores, virtual_label=0.0, weights=None):
    """sum_i w_i y_i (L - s_i) + y_0 L with L = log(1 + sum_j e^s_j). Yan et al. 2022, eq. 6."""
    weights = [1.0] * len(labels) if weights is None else weights
    return softmax([*labels, virtual_label], [*scores, 0.0], [*weights, 1.0])


def poly_one_softmax(labels, scores, epsilon=1.0, weights=None):
    """sum_i w_i y_i (-log p_i + epsilon (1 - p_i)), p = softmax(s). Leng et al. 2022."""
    total = 0.0
    for i, label in enumerate(labels):
        log_p = scores[i] - log_sum_exp(scores)
        total += (1.0 if weights is None else weights[i]) * label * (epsilon * (1.0 - math.exp(log_p)) - log_p)
    return total


def list_mle(labels, scores, noise=None, discount=None):
    """sum_i D(i) (log sum_{j >= i} e^s_pi(j) - s_pi(i)); pi sorts by falling label, then rising noise. Xia et al."""
    losses = []
    for keys in [range(len(labels))] if noise is None else noise:
        left = [scores[i] for i in sorted(range(len(labels)), key=lambda i: (-labels[i], keys[i]))]
        total = 0.0
        for rank in range(1, len(left) + 1):
            total += (1.0 if discount is None else discount(rank)) * (log_sum_exp(left) - left[0])
            left = left[1:]
        losses.append(total)
    return sum(losses) / len(losses)


def approx_mrr(labels, scores, bound=False):
    """-(sum_i y_i / r_i) / sum_i y_i at soft ranks r; 0 where no label is above 0. Qin et al. 2010."""
    if not any(label > 0 for label in labels):
        return 0.0
    soft = (bound_ranks if bound else approx_ranks)(scores)
    total = sum(label / rank for label, rank in zip(labels, soft, strict=True))
    return -total / sum(labels) if sum(labels) else 0.0


def retrieved(scores, topn, bound=False, rank_temperature=1.0, held=None):
    """sigma((c - r_i) / t), a bound's min(1, (c - r_i) / t), with c in the middle of the ranks n and n + 1.

    A rank that several documents of equal score hold is the mean of theirs; `held`: the scores that say so.
    """
    rank = (bound_ranks if bound else approx_ranks)(scores)
    if topn is None or len(scores) <= topn:
        return [1.0] * len(scores)
    held = scores if held is None else held
    at_cut = sorted(held, reverse=True)[topn - 1 : topn + 1]
    tied = [[r for r, score in zip(rank, held, strict=True) if score == at] for at in at_cut]
    cut = sum(sum(ranks) / len(ranks) for ranks in tied) / 2.0
    inside = [(cut - r) / rank_temperature for r in rank]
    return [min(1.0, x) if bound else logistic(x) for x in inside]


def approx_precision(labels, scores, topn=10, bound=False, **cut):
    """-(sum_{i: y_i >= 1} in_i) / sum_i in_i, a bound's over the documents in the top n. Qin et al. 2010."""
    inside = retrieved(scores, topn, bound, **cut)
    total = sum(x for x, label in zip(inside, labels, strict=True) if label >= 1)
    return -total / (min(topn, len(scores)) if bound else sum(inside))


def approx_recall(labels, scores, topn=10, bound=False, **cut):
    """-(sum_{i: y_i >= 1} in_i) over the number of relevant documents; 0 without one. Qin et al. 2010."""
    inside = [x for x, y in zip(retrieved(scores, topn, bound, **cut), labels, strict=True) if y >= 1]
    return -sum(inside) / len(inside) if inside else 0.0


def approx_average_precision(labels, scores, topn=None, bound=False, held=None, **cut):
    """-(mean over relevant i of in_i m_i / r_i), m_i of which score at least s_i; `held`: the scores of m. Qin 2010."""
    inside, rank = retrieved(scores, topn, bound, held=held, **cut), (bound_ranks if bound else approx_ranks)(scores)
    held = scores if held is None else held
    relevant = [i for i, label in enumerate(labels) if label >= 1]
    total = sum(inside[i] * sum(held[j] >= held[i] for j in relevant) / rank[i] for i in relevant)
    return -total / len(relevant) if relevant else 0.0


def sampled(fn, labels, scores, noise, temperature=1.0, gumbel_temperature=1.0, **options):
    """Mean over samples of fn(y, (s + g) / (gumbel_temperature temperature)). Bruch et al. 2020."""
    total = 0.0
    for uniform in noise:
        perturbed = [(s + gumbel(u)) / gumbel_temperature / temperature for s, u in zip(scores, uniform, strict=True)]
        total += fn(labels, perturbed, **options)
    return total / len(noise)


def neural_sort(scores):
    """P_r = softmax_k((n + 1 - 2 r) s_k - sum_j |s_k - s_j|), the rows by rank. Grover et al. 2019, eq. 5."""
    n, rows = len(scores), []
    for rank in range(1, n + 1):
        logits = [(n + 1 - 2 * rank) * s - sum(abs(s - other) for other in scores) for s in scores]
        rows.append([math.exp(logit - log_sum_exp(logits)) for logit in logits])
    return rows


def neural_sort_ndcg(labels, scores, topn=None, gain=pow_minus_1, discount=log2_inverse, normalized=True):
    """-(1 / max DCG) sum_r D(r) sum_k P_rk gain(y_k); 0 where no label is above 0. Swezey et al. 2021."""
    if not any(label > 0 for label in labels):
        return 0.0
    total = 0.0
    for rank, row in enumerate(neural_sort(scores), 1):
        if topn is None or rank <= topn:
            total += discount(rank) * sum(p * gain(label) for p, label in zip(row, labels, strict=True))
    return -total / (ideal_dcg([gain(label) for label in labels], discount, topn) if normalized else 1.0)


def neural_sort_cross_entropy(labels, scores):
    """-(1 / n) sum_r sum_k P_rk(y) log P_rk(s); 0 where no label is above 0. Grover et al. 2019."""
    if not any(label > 0 for label in labels):
        return 0.0
    n, total = len(scores), 0.0
    for rank, row in enumerate(neural_sort(labels), 1):
        logits = [(n + 1 - 2 * rank) * s - sum(abs(s - other) for other in scores) for s in scores]
        total += sum(p * (log_sum_exp(logits) - logit) for p, logit in zip(row, logits, strict=True))
    return total / n


def circle(labels, scores, gamma=64.0, margin=0.25, held=None):
    """log(1 + sum_{y_i > y_j} e^(gamma (a_i (1 - m - s_i) + b_j (s_j - m)))); `held`: scores of a and b. Sun 2020."""
    scores = [min(max(score, 0.0), 1.0) for score in scores]
    held = scores if held is None else [min(max(score, 0.0), 1.0) for score in held]
    exponents = [0.0]
    for i, label in enumerate(labels):
        for j, other in enumerate(labels):
            if label > other:
                own = max(0.0, 1.0 + margin - held[i]) * (1.0 - margin - scores[i])
                exponents.append(gamma * (own + max(0.0, held[j] + margin) * (scores[j] - margin)))
    return log_sum_exp(exponents)


def pairwise(phi, labels, scores, weights=None, pair_weights=None, preferred=True):
    """sum_ij w_i lambda_ij phi(s_i - s_j, y_i - y_j) over the pairs with y_i > y_j, or over all pairs."""
    total = 0.0
    for i, label in enumerate(labels):
        for j, other in enumerate(labels):
            if (label > other) if preferred else (i != j):
                weight = 1.0 if weights is None else weights[i]
                weight *= 1.0 if pair_weights is None else pair_weights[i][j]
                total += weight * phi(scores[i] - scores[j], label - other)
    return total


def pairwise_hinge(labels, scores, **weights):
    """phi = max(0, 1 - d). Joachims 2002."""
    return pairwise(lambda d, y: max(0.0, 1.0 - d), labels, scores, **weights)


def pairwise_squared_hinge(labels, scores, **weights):
    """phi = max(0, 1 - d)^2. Chapelle & Keerthi 2010."""
    return pairwise(lambda d, y: max(0.0, 1.0 - d) ** 2, labels, scores, **weights)


def pairwise_logistic(labels, scores, **weights):
    """phi = log(1 + e^-d). Burges et al. 2005."""
    return pairwise(lambda d, y: softplus(-d), labels, scores, **weights)


def pairwise_soft_zero_one(labels, scores, **weights):
    """phi = 1 / (1 + e^d). Qin et al. 2010."""
    return pairwise(lambda d, y: logistic(-d), labels, scores, **weights)


def pairwise_mse(labels, scores, **weights):
    """phi = (d - (y_i - y_j))^2 over all pairs."""
    return pairwise(lambda d, y: (d - y) ** 2, labels, scores, preferred=False, **weights)


def yeti(labels, scores, weights=None):
    """`pairwise_logistic` weighted by `yeti_pairs` at the ranks of the scores. Lyzhin et al. 2023."""
    table = yeti_pairs(labels, ranks(scores))
    return pairwise_logistic(labels, scores, weights=weights, pair_weights=table)


def cross_entropy(label, score):
    """log(1 + e^s) - y s."""
    return label * softplus(-score) + (1.0 - label) * softplus(score)


def sigmoid_cross_entropy(labels, scores, weights=None):
    """sum_i w_i (log(1 + e^s_i) - y_i s_i)."""
    weights = [1.0] * len(labels) if weights is None else weights
    return sum(w * cross_entropy(y, s) for w, y, s in zip(weights, labels, scores, strict=True))


def mean_squared(labels, scores, weights=None):
    """sum_i w_i (s_i - y_i)^2."""
    weights = [1.0] * len(labels) if weights is None else weights
    return sum(w * (s - y) ** 2 for w, y, s in zip(weights, labels, scores, strict=True))


def ordinal(labels, scores, use_fraction_label=False, weights=None):
    """sum_i w_i sum_k of the cross-entropy of [y_i >= k] under s_ik; with fractions of min(max(y_i - k + 1, 0), 1)."""
    total = 0.0
    for i, label in enumerate(labels):
        for k, score in enumerate(scores[i], 1):
            target = min(max(label - k + 1.0, 0.0), 1.0) if use_fraction_label else float(label >= k)
            total += (1.0 if weights is None else weights[i]) * cross_entropy(target, score)
    return total


def multi_class(labels, scores, label_smoothing=0.0, weights=None):
    """-sum_i w_i sum_k ((1 - a) [y_i = k] + a / K) log p_ik, p the softmax over the classes. Li et al. 2007."""
    total = 0.0
    for i, label in enumerate(labels):
        for k, score in enumerate(scores[i]):
            target = (1.0 - label_smoothing) * (label == k) + label_smoothing / len(scores[i])
            total += (1.0 if weights is None else weights[i]) * target * (log_sum_exp(scores[i]) - score)
    return total


def click_em(labels, scores, exam_loss_weight=1.0, rel_loss_weight=1.0, weights=None, held=None):
    """sum_i w_i (v CE(e_i, a_i) + u CE(r_i, b_i)); `held`: the scores of the posteriors e and r. Wang et al. 2018."""
    total = 0.0
    held = scores if held is None else held
    for i, label in enumerate(labels):
        seen = 1.0 if label >= 1 else logistic(held[i][0] - softplus(held[i][1]))
        relevant = 1.0 if label >= 1 else logistic(held[i][1] - softplus(held[i][0]))
        loss = exam_loss_weight * cross_entropy(seen, scores[i][0])
        loss += rel_loss_weight * cross_entropy(relevant, scores[i][1])
        total += (1.0 if weights is None else weights[i]) * loss
    return total


# Metrics


def ndcg(labels, scores, weights=None, topn=None, gain=pow_minus_1, discount=log2_inverse, short="end"):
    """sum_{i: r_i <= n} w_i gain(y_i) discount(r_i) over the largest value any order has. Jarvelin & Kekalainen.

    With short=0 it is 0 for a list of fewer than n documents, as in LETOR's script.
    """
    if short == 0 and len(labels) < topn:
        return 0.0
    weights = [1.0] * len(labels) if weights is None else weights
    gains = [weight * gain(label) for weight, label in zip(weights, labels, strict=True)]
    total = 0.0
    for rank, i in enumerate(by_rank(scores, topn), 1):
        total += gains[i] * discount(rank)
    ideal = ideal_dcg(gains, discount, topn)
    return total / ideal if ideal else 0.0


def reciprocal_rank(labels, scores, topn=None):
    """1 / the rank of the first document with a label of at least 1; 0 without one in the top n. Voorhees 1999."""
    for rank, i in enumerate(by_rank(scores, topn), 1):
        if labels[i] >= 1:
            return 1.0 / rank
    return 0.0


def by_rank(scores, topn=None):
    """The places of the documents from rank 1 down to rank `topn`, without those that are not retrieved: of -inf."""
    found = ranks(scores)
    return [i for i in sorted(range(len(scores)), key=lambda i: found[i])[:topn] if scores[i] > -math.inf]


def expected_over_ties(fn, labels, scores, weights=None, **options):
    """The mean of `fn` over all orders of the documents of equal score. McSherry & Najork 2008."""
    tied = [[i for i, s in enumerate(scores) if s == score] for score in sorted(set(scores), reverse=True)]
    values = []
    for orders in itertools.product(*(itertools.permutations(group) for group in tied)):
        order = list(itertools.chain(*orders))
        untied = [-place if scores[i] > -math.inf else -math.inf for place, i in enumerate(order)]
        known = {} if weights is None else {"weights": [weights[i] for i in order]}
        values.append(fn([labels[i] for i in order], untied, **known, **options))
    return sum(values) / len(values)


def dcg(labels, scores, weights=None, topn=None, gain=pow_minus_1, discount=log2_inverse, short="end"):
    """sum_{i: r_i <= n} (w_i / w) gain(y_i) discount(r_i), w the mean of w_i by gain. Jarvelin & Kekalainen 2002.

    With short=0 it is 0 for a list of fewer than n documents, as in LETOR's script.
    """
    if short == 0 and len(labels) < topn:
        return 0.0
    weights = [1.0] * len(labels) if weights is None else weights
    gains = [gain(label) for label in labels]
    if not any(gains):
        return 0.0
    mean_weight = sum(weight * gained for weight, gained in zip(weights, gains, strict=True)) / sum(gains)
    total = 0.0
    for rank, i in enumerate(by_rank(scores, topn), 1):
        total += weights[i] / mean_weight * gains[i] * discount(rank)
    return total


def hits(labels, scores, topn=None):
    """1 if a label of the top n is at least 1, else 0. Bordes et al. 2013."""
    return float(any(labels[i] >= 1 for i in by_rank(scores, topn)))


def expected_reciprocal_rank(labels, scores, topn=None, max_grade=4.0):
    """sum_r (1 / r) P(the user stops at r), stopping at grade g with (2^g - 1) / 2^max. Chapelle et al. 2009."""
    total, reads_on = 0.0, 1.0
    for rank, i in enumerate(by_rank(scores, topn), 1):
        stops = (2.0 ** min(labels[i], max_grade) - 1.0) / 2.0**max_grade
        total += reads_on * stops / rank
        reads_on *= 1.0 - stops
    return total


def precision(labels, scores, topn=None, divide_by="documents"):
    """The labels of at least 1 in the top n ("relevant": as many as there are in all) over n, or the documents."""
    if topn == "relevant":
        topn = sum(label >= 1 for label in labels)
    read = by_rank(scores, topn)
    divisor = topn if divide_by == "topn" else len(read)
    return sum(labels[i] >= 1 for i in read) / divisor if divisor else 0.0


def recall(labels, scores, topn=None):
    """The labels of at least 1 in the top n over all of them."""
    relevant = sum(label >= 1 for label in labels)
    return sum(labels[i] >= 1 for i in by_rank(scores, topn)) / relevant if relevant else 0.0


def average_precision(labels, scores, weights=None, topn=None, divide_by="relevant"):
    """sum_i w_i (precision at the rank of i) / sum_i w_i over the relevant i, 0 below rank n. Buckley & Voorhees.

    With divide_by="topn" no more than n of the relevant i are divided by, as in LightGBM and XGBoost.
    """
    weights = [1.0] * len(labels) if weights is None else weights
    total = 0.0
    for rank, i in enumerate(by_rank(scores, topn), 1):
        if labels[i] >= 1:
            total += weights[i] * precision(labels, scores, rank)
    relevant = [weight for weight, label in zip(weights, labels, strict=True) if label >= 1]
    if not relevant:
        return 0.0
    divisor = len(relevant) if divide_by == "relevant" else min(len(relevant), topn)
    return total / (sum(relevant) / len(relevant) * divisor)


def rank_biased_precision(labels, scores, topn=None, persistence=0.8, gain=is_greater_equal_1):
    """(1 - p) sum_{i: r_i <= n} gain(y_i) p^(r_i - 1). Moffat & Zobel 2008."""
    reads = 1.0
    total = 0.0
    for i in by_rank(scores, topn):
        total += (1.0 - persistence) * reads * gain(labels[i])
        reads *= persistence
    return total


def position_weighted_average(labels, scores, topn=None):
    """sum_{i: r_i <= n} y_i / r_i over sum_r 1 / r over the ranks that count. TensorFlow Ranking's PWAMetric."""
    total = places = 0.0
    for rank, i in enumerate(by_rank(scores, topn), 1):
        total += labels[i] / rank
        places += 1.0 / rank
    return total / places if places else 0.0


def average_relevance_position(labels, scores, weights=None):
    """sum_i w_i y_i r_i / sum_i w_i y_i; 0 where no label is above 0. Zhu 2004."""
    weights = [1.0] * len(labels) if weights is None else weights
    shares = [weight * label for weight, label in zip(weights, labels, strict=True)]
    total = sum(share * rank for share, rank in zip(shares, ranks(scores), strict=True))
    return total / sum(shares) if any(shares) else 0.0


def ordered_pair_accuracy(labels, scores, weights=None):
    """The share by w_i of s_i > s_j among the pairs with y_i > y_j; 0 without one. Herbrich et al. 2000."""
    weights = [1.0] * len(labels) if weights is None else weights
    correct, every = 0.0, 0.0
    for i, label in enumerate(labels):
        for j, other in enumerate(labels):
            if label > other:
                every += weights[i]
                correct += weights[i] if scores[i] > scores[j] else 0.0
    return correct / every if every else 0.0


def bpref(labels, scores, topn=None, use_trec_version=True):
    """Mean over relevant i of 1 - min(n_i, R) / min(R, N) (or / R), 0 below rank n. Buckley & Voorhees 2004."""
    relevant = sum(label >= 1 for label in labels)
    irrelevant = len(labels) - relevant
    total, before = 0.0, 0
    for i in by_rank(scores, topn):
        if labels[i] < 1:
            before += 1
        elif before == 0:
            total += 1.0
        else:
            total += 1.0 - min(before, relevant) / (min(relevant, irrelevant) if use_trec_version else relevant)
    return total / relevant if relevant else 0.0


def alpha_dcg(labels, scores, weights=None, topn=None, alpha=0.5, discount=log2_inverse):
    """sum_{i: r_i <= n} (w_i / w) discount(r_i) sum_t y_it (1 - alpha)^(y_t read before i). Clarke et al. 2008."""
    weights = [1.0] * len(labels) if weights is None else weights
    covering = [weight for weight, row in zip(weights, labels, strict=True) if any(y >= 1 for y in row)]
    if not covering:
        return 0.0
    mean_weight = sum(covering) / len(covering)
    total, read = 0.0, [0.0 for _ in labels[0]]
    for rank, i in enumerate(by_rank(scores, topn), 1):
        for t, label in enumerate(labels[i]):
            if label > 0:
                total += weights[i] / mean_weight * discount(rank) * label * (1.0 - alpha) ** read[t]
                read[t] += label
    return total


def precision_ia(labels, scores, topn=None):
    """Precision at n in the mean over the subtopics that any document covers. Agrawal et al. 2009."""
    by_subtopic = [subtopic for subtopic in zip(*labels, strict=True) if any(label >= 1 for label in subtopic)]
    values = [precision(subtopic, scores, topn) for subtopic in by_subtopic]
    return sum(values) / len(values) if values else 0.0


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
