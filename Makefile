# Two commands: `make demo` runs the main job, `make test` runs every check.
# Both set up .venv first, with the exact versions of constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
SETUP := pyproject.toml constraints.txt

.PHONY: demo test lint types check-tests browser readme clean

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

# The report is tested in a real browser. Where it cannot be installed those tests say so and skip.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		  apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium >/dev/null; } || \
		echo "no Chromium, and it cannot be installed here: the tests that need a browser will skip"

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
	rm -rf .venv demo runs
