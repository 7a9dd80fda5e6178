"""What `plackett.data` imports, and what it says where a library is missing."""

import inspect
import subprocess
import sys
import textwrap

import pytest

from plackett import data


def run(code):
    """What a fresh process prints."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_no_keras_and_no_backend_is_imported():
    """Not by any public name, nor by what a command line reads, nor by way of another library."""
    code = """
        import sys
        import plackett.data
        import plackett.data._sources
        for name in plackett.data.__all__:
            getattr(plackett.data, name)
        plackett.data.RankingLists.from_arrays([[1]], [1], group=[1]).to_frame()
        print(sorted({"keras", "jax", "tensorflow", "torch"} & set(sys.modules)))
    """
    assert run(code) == "[]\n"


def test_lists_in_memory_need_neither_pyarrow_nor_polars():
    code = """
        import sys
        sys.modules |= dict.fromkeys(["pyarrow", "polars"])
        from plackett import data
        lists = data.RankingLists.from_arrays([[1], [2]], [1, 0], group=[1, 1], ids={"shop": ["x", "y"]})
        print(len(list(data.Batches(lists, 1))), len(data.split_queries(lists, 0.5, 0)))
        for call in (lists.to_frame, lambda: data.RankingLists.from_frame({}), lambda: data.read_letor):
            try:
                call()
            except ImportError as error:
                print(error)
    """
    assert run(code).splitlines() == [
        "2 2",
        "RankingLists.to_frame needs polars: pip install 'plackett[data]'",
        "RankingLists.from_frame needs polars: pip install 'plackett[data]'",
        "plackett.data.read_letor needs pyarrow: pip install 'plackett[data]'",
    ]


@pytest.mark.parametrize("name", data.__all__)
def test_public_names_are_annotated_and_say_what_they_do(name):
    thing = getattr(data, name)
    assert ">>>" in thing.__doc__ or "https://" in thing.__doc__
    for function in (
        [x for _, x in inspect.getmembers(thing, inspect.isfunction)] if inspect.isclass(thing) else [thing]
    ):
        if function.__module__.startswith("plackett") and not function.__name__.startswith("_"):
            assert function.__doc__, function
            signature = inspect.signature(function)
            assert signature.return_annotation is not inspect.Signature.empty, function
            for parameter in list(signature.parameters.values())[inspect.isclass(thing) :]:
                assert parameter.annotation is not inspect.Parameter.empty, (function, parameter)
