# Two commands matter: `make up` shows the product at work on this machine, `make test` shows that it works.
.DEFAULT_GOAL := help
.PHONY: help up down reset test check bench docs package environments

# 3.11 or newer; another one: make PYTHON=/path/to/python3.12 ...
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
RUN := .venv/bin/python -m

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST))

up: PURPOSE = --up
up: environments ## start everything here, down to the first recorded run
	@$(RUN) infra.local.up

down: ## stop it and take the demo out of your crontab; the state stays
	@$(RUN) infra.local.down

reset: ## the same, and remove the state
	@$(RUN) infra.local.down --reset

test: environments ## install what the tests need and run all of them
	@$(RUN) infra.local.ready_for_tests
	@$(RUN) pytest -n 2 --no-loadscope-reorder

check: environments ## lint, types and format
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) mypy --platform win32 --cache-dir .mypy_cache/windows $$(git ls-files 'agent/*.py' | grep -v -e wrapper/run_ -e system_posix)

bench: environments ## measure what things cost, each with its budget
	@$(RUN) tests.bench

docs: environments ## write the generated documents anew
	@$(RUN) infra.generate

package: environments ## build what goes to AWS into build/
	@$(RUN) infra.package

environments:
	@$(or $(PYTHON),$(error no Python 3.11 or newer found; name one: make PYTHON=...)) -m infra.local.environments $(PURPOSE)
