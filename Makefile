# `make demo` trains rankers on MovieLens-100K; `make check` is what one runs before each commit; `make test` runs
# everything that CI runs; `make docs` writes the catalogue. All make and reuse .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: check demo docs test lint test-jax test-once test-tensorflow test-torch test-wheel

demo: .venv/demo
	@KERAS_BACKEND=jax $(BIN)/plackett demo

test: .venv/dev
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target \
	  test-jax test-tensorflow test-torch test-once test-wheel

# On PyTorch, which compiles nothing: golden values, laws, objects, errors, readers, pages.
check: lint
	KERAS_BACKEND=torch $(PYTEST) tests/test_golden.py tests/test_laws.py tests/test_objects.py tests/test_errors.py \
	  tests/test_by_name.py tests/test_contributing.py tests/data --deselect tests/data/test_fuzz.py

docs: .venv/dev
	KERAS_BACKEND=jax $(BIN)/python docs/make_catalogue.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

# What is the same on every backend runs once: readers, the command line, the search, the pages of docs/.
ONCE := tests/data src/plackett/data tests/cli tests/test_tuning.py tests/test_docs.py tests/test_doors.py tests/test_ranker.py
PYTEST := TF_CPP_MIN_LOG_LEVEL=3 OMP_NUM_THREADS=1 $(BIN)/pytest -q

test-jax test-tensorflow test-torch: test-%: .venv/dev
	KERAS_BACKEND=$* $(PYTEST) $(ONCE:%=--ignore=%)

test-once: .venv/dev
	KERAS_BACKEND=torch $(PYTEST) $(ONCE)

# Golden values with what users install, compiled as they do: the suites compile quickly, see tests/conftest.py.
test-wheel: .venv/dev
	rm -rf build dist
	$(BIN)/python -m build --wheel --outdir dist .
	$(BIN)/pip install --quiet --no-deps --target build/wheel dist/*.whl
	cd build && PYTHONPATH=wheel KERAS_BACKEND=jax ../$(BIN)/python -c \
	  "import plackett; plackett.losses.UniqueSoftmaxLoss; assert 'build/wheel' in plackett.__file__, plackett.__file__"
	cd build && PYTHONPATH=wheel KERAS_BACKEND=jax XLA_FLAGS= $(PYTEST:$(BIN)/%=../$(BIN)/%) ../tests/test_golden.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[data,jax]'
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@
