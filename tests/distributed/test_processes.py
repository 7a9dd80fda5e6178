"""Steps that processes take together equal those of one process with the whole batch."""

import numpy as np
import pytest
from process_groups import run_group

OF_ROWS = ["npairs_with_weights", "npairs_multilabel", "in_batch_softmax", "in_batch_embeddings"]
OF_OWN_ROWS = ["npairs_of_own_rows", "in_batch_labels"]
OF_TOWERS = ["retrieval_of_queries", "retrieval_both_ways", "retrieval_by_pieces"]
OF_LISTS = ["mean_of_relevant_lists", "sum_of_lists", "noise", "noise_without_a_seed", "dropout", "two_towers"]
GROUPS = {
    ("torch", 2): [*OF_ROWS, *OF_OWN_ROWS, *OF_TOWERS, *OF_LISTS, "dropout_in_attention"],
    ("torch", 4): ["npairs_with_weights", "in_batch_softmax", "retrieval_by_pieces", "noise"],
    ("jax", 2): [*OF_ROWS, *OF_TOWERS, "mean_of_relevant_lists", "noise", "dropout"],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Function of (backend, processes) that gives what each process found, of each group once."""
    folder, known = tmp_path_factory.mktemp("groups"), {}

    def of(backend, processes):
        if (backend, processes) not in known:
            of_backend = [cases for (name, _), cases in GROUPS.items() if name == backend]
            alone = [
                "one_alone",
                *(["messages"] if backend == "torch" else []),
                *(["trained"] if processes < 4 else []),
            ]
            cases = list(dict.fromkeys(case for cases in of_backend for case in cases))
            chosen = [*cases, "one_alone", "trained"] if processes == 1 else [*GROUPS[backend, processes], *alone]
            run_group("processes_steps.py", backend, processes, out := folder / f"{backend}{processes}", *chosen)
            known[backend, processes] = [dict(np.load(out / f"{number}.npz")) for number in range(processes)]
        return known[backend, processes]

    return of


def of_case(found, case):
    """What one process found of a case, by name."""
    return {key.removeprefix(f"{case}: "): value for key, value in found.items() if key.startswith(f"{case}: ")}


@pytest.mark.parametrize(("backend", "processes"), GROUPS)
def test_each_process_knows_which_it_is(found, backend, processes):
    group = found(backend, processes)
    assert [int(one["processes"]) for one in group] == [processes] * processes
    assert [int(one["process"]) for one in group] == list(range(processes))


@pytest.mark.parametrize(
    ("backend", "processes", "case"), [(*group, case) for group, cases in GROUPS.items() for case in cases]
)
def test_losses_and_weights_after_each_step_are_those_of_one_process(found, backend, processes, case):
    (alone,), group = found(backend, 1), found(backend, processes)
    expected = of_case(alone, case)
    assert sorted(expected) == [f"{what} {step}" for what in ("loss", "weights") for step in range(3)]
    assert expected["loss 0"] != expected["loss 1"]
    for one in group:
        for name, value in of_case(one, case).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_run_with_noise_dropout_and_batch_normalization_is_that_of_one_process(found, backend):
    expected, of_first = (of_case(found(backend, number)[0], "trained") for number in (1, 2))
    assert {"loss 0", "loss 1", "loss 2", "weights 0"} <= set(expected)
    assert sorted(of_first) == sorted(expected)
    for name, value in of_first.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("backend", "processes"), [("torch", 2), ("jax", 2)])
def test_a_process_of_a_group_trains_a_model_by_itself(found, backend, processes):
    (alone,) = found(backend, 1)
    for one in found(backend, processes):
        np.testing.assert_allclose(one["one_alone: loss"], alone["one_alone: loss"], rtol=1e-6)
        assert one["one_alone: count"] == 1


@pytest.mark.parametrize("processes", [2, 4])
def test_rows_are_gathered_in_the_order_of_processes(found, processes):
    for one in found("torch", processes):
        messages = of_case(one, "messages")
        np.testing.assert_array_equal(messages["gathered"], np.arange(2.0 * processes).reshape(processes, 2))
        np.testing.assert_array_equal(messages["gathered whole numbers"], np.repeat(np.arange(processes), 2))
        np.testing.assert_array_equal(messages["gathered masks"], [True, True] + [False, True] * (processes - 1))
        np.testing.assert_array_equal(messages["of half precision"], np.arange(processes))
        np.testing.assert_array_equal(messages["shape"], [3 * processes, 2])


@pytest.mark.parametrize("processes", [2, 4])
def test_derivatives_by_rows_are_sums_over_processes(found, processes):
    """Of (x^3 + ...) / processes, which each process computes of all rows."""
    for one in found("torch", processes):
        messages = of_case(one, "messages")
        np.testing.assert_allclose(messages["first derivative"], 3 * messages["rows here"] ** 2)
        np.testing.assert_allclose(messages["second derivative"], 6 * messages["rows here"])


def test_gradients_are_averaged_and_what_has_none_counts_0(found):
    for one in found("torch", 2):
        messages = of_case(one, "messages")
        np.testing.assert_array_equal(messages["average 0"], np.full((2, 3), 1.5))
        np.testing.assert_array_equal(messages["average 1"], np.full(4, 1.0), err_msg="one process has none, one 2")
        np.testing.assert_array_equal(messages["average 2"], np.full(2, 1.5), err_msg="of another dtype")
        np.testing.assert_array_equal(messages["average 3"], -1.0, err_msg="no process has any")
        np.testing.assert_array_equal(messages["average 4"], 1.5)
        assert messages["mean"] == 0.5


def test_a_keras_mask_is_gathered_with_its_rows(found):
    for one in found("torch", 2):
        np.testing.assert_array_equal(one["messages: mask of gathered lists"], [[False] * 3, [True] * 3])


def test_a_process_alone_gathers_nothing(found):
    for one in found("torch", 2):
        np.testing.assert_array_equal(one["messages: gathered alone"], one["messages: rows here"])


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_with_other_numbers_of_rows_hear_of_it_all(found, processes):
    numbers = ", ".join(str(i + 1) for i in range(processes))
    for one in found("torch", processes):
        assert f"the same number of rows of a batch, but they have {numbers}" in str(one["messages: error"])
