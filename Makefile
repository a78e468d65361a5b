# Two commands: `make demo` runs the main job, `make test` runs every check.
# Both set up .venv first, with the exact versions of constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
SETUP := pyproject.toml constraints.txt

.PHONY: demo test test-all references lint types check-tests browser fuzz tables mutants soak bench docs readme clean

demo: .venv/demo.stamp
	$(BIN)/lossary compare digits --imbalance 0.1 \
		--losses cross_entropy focal_loss:gamma=2 crammer_singer_loss \
		--baseline cross_entropy --epochs 12 --folds 5 --seeds 1 --out demo

test: lint types check-tests

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.stamp
	$(BIN)/mypy

check-tests: .venv/dev.stamp browser
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal

# The slow laws too, at every set of hyperparameters.
test-all: lint types browser
	LOSSARY_ALL=1 OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal

# Against every package that computes the same, each installed beside the others, and against the frameworks that
# lossary.migrate stands in for, each in an environment of its own; see docs/verification.md and docs/migration.md.
# FRAMEWORKS='--environments ~/frameworks --ppocr ~/PaddleOCR' uses what is there; names run some only.
FRAMEWORKS ?=

references: .venv/dev.stamp
	$(INSTALL) --editable '.[references]'
	$(INSTALL) --no-deps libauc  # its losses need none of the many packages that it asks for
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 tests/test_conformance.py -k reference
	$(BIN)/python docs/verification_table.py
	OMP_NUM_THREADS=1 $(BIN)/python tests/migrate/references.py $(FRAMEWORKS)
	$(BIN)/python docs/migration_table.py

# 10,000 generated calls of every loss, twice: inside its domain and beside it; at most so many minutes. Hours. At the
# end it says how many calls the loss with the fewest had.
FUZZ_MINUTES ?= 480

fuzz: .venv/dev.stamp
	LOSSARY_FUZZ=10000 LOSSARY_FUZZ_MINUTES=$(FUZZ_MINUTES) OMP_NUM_THREADS=1 \
		$(BIN)/pytest --numprocesses 2 --dist worksteal tests/fuzz

# The tables of docs/trust.md and docs/onnx.md: what works with every loss, how exact it is, and which can be exported.
tables: .venv/dev.stamp
	$(BIN)/python docs/trust_tables.py
	$(BIN)/python docs/onnx_table.py

# How many small errors, put into the losses one at a time, the tests notice: 500 of them, drawn from all.
mutants: .venv/dev.stamp
	$(BIN)/python tests/mutation/mutants.py 500

# What the trainer does when processes are killed, files damaged and numbers nan; docs/reliability.md has the figures.
soak: .venv/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/python tests/train/soak.py
	$(BIN)/python docs/reliability_table.py

# How fast the losses are, and the pages that say so. Many hours for the whole catalogue, on an idle machine; losses
# that others have too come first. What docs/benchmarks.json holds of this machine and these versions is not measured
# again: interrupt it at will. `make bench BENCH='--minutes 60'` stops by itself; BENCH=--again begins anew.
bench: .venv/dev.stamp
	$(BIN)/lossary bench --compiled --linear '4096 x 512, 32000 classes' \
		--linear '8192 x 1024, 128000 classes' --out docs/benchmarks.json $(BENCH)
	$(BIN)/python docs/performance_tables.py

# The report is tested in a real browser. Where it cannot be installed those tests say so and skip.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		  apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium >/dev/null; } || \
		echo "no Chromium, and it cannot be installed here: the tests that need a browser will skip"

# The site: these pages, a page for every loss, and the examples with their pictures. Minutes; offline.
docs: .venv/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -j 2 -q -b html -d docs/build/doctrees docs docs/build/html
	@echo docs/build/html/index.html

readme: .venv/demo.stamp
	$(BIN)/python docs/loss_table.py

.venv/demo.stamp: $(SETUP)
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[compare]'
	@touch $@

.venv/dev.stamp: $(SETUP)
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[dev]'
	@touch $@ .venv/demo.stamp

clean:
	rm -rf .venv demo runs docs/build docs/loss docs/gallery docs/project
