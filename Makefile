# Everything a person does with this checkout. `make` alone shows the list.

BIN := .venv/bin
ARGS ?=
# Tests that read the live kernel need root; as a user they go through sudo where there is one, which leaves nothing of
# root's behind. As root, what Python makes of the tests is kept, whatever the shell says: each process needs it.
AS_ROOT := $(shell if [ "$$(id -u)" = 0 ]; then echo env PYTHONDONTWRITEBYTECODE=; \
	elif command -v sudo >/dev/null; then echo sudo env PYTHONDONTWRITEBYTECODE=1; fi)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run setup test check format unit kernel bench screenshots wheel clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## set up what is missing and open tuimon on the live kernel (ARGS="-r my.yaml")
	@.ci/setup run
	@.ci/start $(ARGS)

setup: ## set up for development and tests, start nothing
	@.ci/setup test

# First what offers all the machine can take, alone; then the rest in four processes, of which one takes what drives the
# kernel, engines and terminals (tests/conftest.py); the screen's tests wait half of their time. Both are run whatever
# becomes of the first.
test: setup static ## set up, check, and run every test, the live-kernel ones too
	@$(BIN)/python -m compileall -q tuimon tests
	@$(AS_ROOT) $(BIN)/python -m pytest -p no:cacheprovider -m alone $(ARGS); \
	first=$$?; [ $$first != 5 ] || first=0; \
	$(AS_ROOT) $(BIN)/python -m pytest -p no:cacheprovider -m "not alone" -n 4 --dist loadgroup \
	--no-loadscope-reorder $(ARGS) && exit $$first

check: setup static unit ## formatting, lint, types, import contracts, unit tests; no root needed

.PHONY: static
static:
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: ## unit tests only (after make setup)
	@$(BIN)/python -m pytest -m "not kernel and not containers and not terminal" $(ARGS)

kernel: ## live-kernel, container and terminal tests only (after make setup)
	@$(AS_ROOT) $(BIN)/python -m pytest -p no:cacheprovider -m "kernel or containers or terminal" $(ARGS)

format: ## format and fix what can be fixed by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## measure against named baselines; ARGS="--json FILE" for a machine
	@$(AS_ROOT) $(BIN)/python -m tests.bench $(ARGS)

screenshots: setup ## make the pictures of docs/ from a real run
	@$(AS_ROOT) $(BIN)/python -m tests.screenshots $(ARGS)

wheel: setup ## build the wheel into dist/
	@$(BIN)/python -m pip wheel -q --no-deps --wheel-dir dist .

clean: ## remove the virtual environment and everything that was built
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
