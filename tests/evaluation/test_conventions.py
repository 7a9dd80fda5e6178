"""The convention of every metric in its name."""

import inspect

import numpy as np
import pytest

from plackett import gains, metrics, registry
from plackett.evaluation._conventions import state
from plackett.metrics import NDCG, RankingMetric

KINDS = [kind for name, kind in registry.classes_by_name(RankingMetric).items() if ">" not in name]
OTHER = {
    "gain": gains.inverse,
    "discount": gains.letor_discount,
    "short": 0,
    "divide_by": "topn",
    "max_grade": 2.0,
    "persistence": np.float32(0.5),
    "use_trec_version": False,
    "alpha": 0.25,
    "empty": 1,
    "ties": "trec",
    "average": "relevance",
}


@pytest.mark.parametrize(
    "metric, stated",
    [
        (NDCG(topn=10, ties="expected"), "ndcg@10[exp2, empty=0, ties=expected]"),
        (NDCG(gain=gains.identity, empty="skip"), "ndcg[linear, empty=skip, ties=position]"),
        (
            NDCG(topn=5, discount=gains.letor_discount, short=0),
            "ndcg@5[exp2, discount=letor_discount, short=0, empty=0, ties=position]",
        ),
        (metrics.DCG(gain=gains.inverse), "dcg[inverse, empty=0, ties=position]"),
        (metrics.Precision(topn=5, divide_by="topn"), "precision@5[divide_by=topn, empty=0, ties=position]"),
        (metrics.Precision(topn="relevant", ties="trec"), "precision@relevant[empty=0, ties=trec]"),
        (metrics.MAP(average="relevance"), "map[average=relevance, empty=0, ties=position]"),
        (metrics.RBP(persistence=0.5), "rbp[is_greater_equal_1, persistence=0.5, empty=0, ties=position]"),
        (metrics.ERR(topn=10, max_grade=2.0), "err@10[max_grade=2, empty=0, ties=position]"),
        (metrics.BPref(use_trec_version=False), "bpref[use_trec_version=False, empty=0, ties=position]"),
        (metrics.OPA(), "opa[empty=skip, ties=incorrect]"),
        (metrics.ARP(average="lists"), "arp[average=lists, empty=skip, ties=position]"),
        (metrics.MRR(topn=10, name="first"), "first[mrr@10, empty=0, ties=position]"),
    ],
)
def test_a_metric_is_stated_with_its_convention(metric, stated):
    assert state(metric) == stated


def options_of(kind):
    """Each argument that changes values, at another value than its default."""
    known = inspect.signature(kind).parameters
    return {name: "lists" if known[name].default == value else value for name, value in OTHER.items() if name in known}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_option_of_each_metric_is_stated(kind):
    cut = {"topn": 3} if kind.has_cut_off else {}
    stated = {state(kind(**cut, **{name: value})) for name, value in options_of(kind).items()}
    assert len(stated | {state(kind(**cut))}) == len(options_of(kind)) + 1


class AtDepth(RankingMetric):
    """A metric of a user with arguments of other names."""

    fn = staticmethod(lambda lists, *, topn, sharpness: lists.or_nan(lists.labels[..., 0]))

    def __init__(self, depth, sharp, without=0):
        super().__init__(depth, empty=without, sharpness=sharp)


class Ours(NDCG):
    """A metric of a user that fixes a convention."""

    def __init__(self):
        super().__init__(topn=5, gain=gains.identity, short=0)


def test_a_metric_of_your_own_is_stated_too():
    assert state(AtDepth(3, sharp=0.5, without="skip")) == "at_depth@3[sharpness=0.5, empty=skip, ties=position]"
    assert state(Ours()) == "ours@5[linear, short=0, empty=0, ties=position]"
