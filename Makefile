# `make demo` trains rankers on MovieLens-100K; `make check` is what one runs before each commit; `make test` runs the
# whole suite; `make docs` builds the site into docs/_build, and `make check-links` asks other servers whether what it
# links to is there. All make and reuse .venv. `make test-oldest` makes .venv-oldest.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: check check-links demo docs test lint test-jax test-oldest test-once test-tensorflow test-torch test-wheel

demo: .venv/demo
	@KERAS_BACKEND=jax $(BIN)/plackett demo

# The longest first, so that none runs alone at the end.
PARTS := test-once test-tensorflow test-jax test-torch test-wheel

test: .venv/dev
	@.ci/browser || echo "NO BROWSER could be installed: the tests of the report's page are skipped"
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(PARTS)

# On PyTorch, which compiles nothing: golden values, laws, objects, errors, readers, pages.
check: lint
	KERAS_BACKEND=torch $(PYTEST) tests/test_golden.py tests/test_laws.py tests/test_objects.py tests/test_errors.py \
	  tests/test_by_name.py tests/test_contributing.py tests/data --deselect tests/data/test_fuzz.py

SPHINX := TF_CPP_MIN_LOG_LEVEL=3 KERAS_BACKEND=torch $(BIN)/python -m sphinx

docs: .venv/dev
	$(SPHINX) -q -n -W --keep-going docs docs/_build/html
	@echo "The site is in docs/_build/html; to search it: $(BIN)/python -m http.server --directory docs/_build/html"

check-links: .venv/dev
	$(SPHINX) -q -b linkcheck docs docs/_build/links

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

# What is the same on every backend runs once: readers, evaluation, the command line, the search, how runs are kept and
# go on, the pages of docs/.
ONCE := $(foreach room,boosting cli clicks data distillation distributed evaluation export retrieval serving, \
  tests/$(room) src/plackett/$(room)) src/plackett/training tests/report \
  $(addprefix tests/test_,$(addsuffix .py,budget click_model_probabilities click_training \
  coming_from_scripts configs crossval distillation docs doors doors_of_a_shared_head ensemble_training ensembles \
  examples feature_names interrupted_runs lock longer_runs notebook output_folder own_models pictures promises ranker \
  release shared_head site table_towers targets trec tuning types))
PYTEST := PYTHONDONTWRITEBYTECODE= TF_CPP_MIN_LOG_LEVEL=3 OMP_NUM_THREADS=1 $(BIN)/pytest -q

test-jax test-tensorflow test-torch: test-%: .venv/dev
	KERAS_BACKEND=$* $(PYTEST) $(ONCE:%=--ignore=%)

test-once: .venv/dev
	KERAS_BACKEND=torch $(PYTEST) $(ONCE)

# The sdist, the wheel that is built from it, and what both hold. Then golden values with what users install, some of
# each loss, compiled as they do: the suites compile quickly, see tests/conftest.py.
test-wheel: .venv/dev
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(BIN)/python .ci/distributions.py dist
	$(BIN)/pip install --quiet --no-deps --target build/wheel dist/*.whl
	cd build && PYTHONPATH=wheel KERAS_BACKEND=jax ../$(BIN)/python -c \
	  "import plackett; plackett.losses.UniqueSoftmaxLoss; assert 'build/wheel' in plackett.__file__, plackett.__file__"
	cd build && PYTHONPATH=wheel KERAS_BACKEND=jax XLA_FLAGS= $(PYTEST:$(BIN)/%=../$(BIN)/%) ../tests/test_golden.py \
	  -k "Loss-0 or documented or metric"

# Golden values, configs, fit and readers at the lowest versions that pyproject.toml declares. Those of PyTorch are left
# out: the index that CI has holds no build of 2.6 for the CPU, and one with CUDA takes gigabytes. TensorFlow 2.18 does
# not know the flags of tests/conftest.py, and old libraries use what is deprecated in those that they build on.
OLDEST := -W ignore::DeprecationWarning tests/test_golden.py tests/test_configs.py tests/test_fit.py

test-oldest:
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-oldest-jax test-oldest-tensorflow

test-oldest-jax: .venv-oldest/jax/done
	KERAS_BACKEND=jax $(PYTEST:$(BIN)/%=.venv-oldest/jax/bin/%) $(OLDEST)

test-oldest-tensorflow: .venv-oldest/tensorflow/done
	KERAS_BACKEND=tensorflow XLA_FLAGS= $(PYTEST:$(BIN)/%=.venv-oldest/tensorflow/bin/%) $(OLDEST) tests/data src/plackett/data

.venv-oldest/%/done: .ci/oldest.py pyproject.toml
	$(PYTHON) -m venv .venv-oldest/$*
	.venv-oldest/$*/bin/pip install --quiet $$($(PYTHON) .ci/oldest.py data sklearn $*) datasets hypothesis pandas pytest
	.venv-oldest/$*/bin/pip install --quiet --no-deps --editable .
	@touch $@

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[jax,report]'
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@
