# make demo: the whole chain on the Luogang study area, then the console on http://127.0.0.1:8000
# make test: style, types, layers and tests.   GPU=1 takes CUDA builds where there is an NVIDIA GPU.
SHELL := /bin/bash
BIN := .venv/bin
export YOLO_AUTOINSTALL := false
# Real data for tests that need it; they say that they were skipped where it is not there.
RIVER_PATROL_DATA ?= $(wildcard $(abspath ../shared/data))
export RIVER_PATROL_DATA

.PHONY: demo demo-stop test check lint setup train-setup clean

demo: ## run the whole chain and serve the console
	@scripts/setup.sh run
	@$(BIN)/patrol demo --out demo $(if $(SEED),--seed $(SEED))

demo-stop: ## stop the console that make demo started
	@$(BIN)/patrol demo --out demo --stop

lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: ## at most 15 minutes on 2 cores
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow"

check: ## the longer checks: training, slow tests
	@scripts/setup.sh train
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -q -n 2 --dist loadfile

setup:
	@scripts/setup.sh run

train-setup: ## torch and ultralytics (CPU builds, or CUDA with GPU=1)
	@scripts/setup.sh train

clean:
	rm -rf .venv demo .cache api/console/node_modules api/console/dist
