"""The choice of a backend."""

import importlib.util

import pytest

from plackett.cli._backend import BACKENDS, find_backend


def test_it_is_the_one_asked_for_or_the_first():
    installed = next(name for name in BACKENDS if importlib.util.find_spec(name))
    assert find_backend(None) == installed
    assert find_backend("torch") == "torch"
    with pytest.raises(ValueError, match="the backend must be one of jax, tensorflow, torch, but got 'mxnet'"):
        find_backend("mxnet")


def test_a_backend_that_is_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    install = r"pip install 'plackett\[jax\|tensorflow\|torch\]'"
    with pytest.raises(ValueError, match=f"no backend is installed: install one with {install}"):
        find_backend(None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "torch" or None)
    with pytest.raises(ValueError, match=r"the backend jax is not installed: pip install 'plackett\[jax\]'"):
        find_backend("jax")
