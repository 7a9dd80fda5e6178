"""Which worker was lost, as the group says it, whoever hears of it first."""

import types

from plackett.distributed._errors import failure_of
from plackett.distributed._group_runner import GroupRunner


def words(told, ended, size):
    """What is said where workers told of errors, and Ray of those that ended."""
    runner = GroupRunner()
    for number in told:
        runner.fail(failure_of(RuntimeError("connection closed by peer"), f"worker {number}", number))
    errors = {number: RuntimeError("the worker died") for number in ended}
    return runner._in_words(types.SimpleNamespace(worker_failures=errors), size)


def test_it_is_the_one_of_which_ray_tells():
    assert words(told=[0], ended=[0, 1], size=2) == "worker 1: RuntimeError: the worker died"


def test_it_is_the_one_that_is_silent_where_ray_knows_only_what_that_did_to_another():
    assert words(told=[0], ended=[0], size=2).startswith("worker 1: it ended without a message")
    assert words(told=[2], ended=[2], size=4).startswith("one of the workers 0, 1, 3: it ended without a message")
