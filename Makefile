# `make demo` trains rankers on MovieLens-100K; `make test` runs everything that CI runs, `make docs` writes the
# catalogue. All make and reuse .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo docs test lint test-jax test-tensorflow test-torch test-wheel

demo: .venv/demo
	@KERAS_BACKEND=jax $(BIN)/plackett demo

test: .venv/dev
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-jax test-tensorflow test-torch test-wheel

docs: .venv/dev
	KERAS_BACKEND=jax $(BIN)/python docs/make_catalogue.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# tests/data needs no backend: it runs once, with PyTorch, the quickest.
test-jax test-tensorflow test-torch: test-%: .venv/dev
	KERAS_BACKEND=$* TF_CPP_MIN_LOG_LEVEL=3 OMP_NUM_THREADS=1 $(BIN)/pytest -q \
	  $(if $(filter torch,$*),,--ignore=tests/data --ignore=src/plackett/data)

test-wheel: .venv/dev
	rm -rf build dist
	$(BIN)/python -m build --wheel --outdir dist .
	$(BIN)/pip install --quiet --no-deps --target build/wheel dist/*.whl
	cd build && PYTHONPATH=wheel KERAS_BACKEND=jax ../$(BIN)/python -c \
	  "import plackett; plackett.losses.UniqueSoftmaxLoss; assert 'build/wheel' in plackett.__file__, plackett.__file__"

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[data,jax]'
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@
