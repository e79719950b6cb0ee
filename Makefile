# make demo | test | check | docs | api | bench | peers | notebooks | train | gallery | web-test | fuzz | npm | clean. Each does its own set-up, once.
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BENCH_ARGS ?=
PEERS_ARGS ?=
FUZZ_ARGS ?=
RUN := $(VENV)/bin/python
export KERAS_BACKEND ?= jax
export JAX_PLATFORMS ?= cpu
export PYTHON VENV
export NO_MKDOCS_2_WARNING = 1

.PHONY: onnx docs docs-serve demo test check api bench peers notebooks train gallery web-test clean help fuzz npm fresh
.DEFAULT_GOAL := help

help:
	@echo "make demo       classify held-out digits through the shaders"
	@echo "make test       run the tests (PYTEST_ARGS=--whole for the whole matrix)"
	@echo "make web-test   replay exported models in headless Chromium and compare them with Python"
	@echo "make check      lint, types, import order"
	@echo "make api        write docs/api, docs/commands.md and the pictures of the architecture anew, from the code"
	@echo "make docs       write the documentation as a site, build/site, with every link checked (make docs-serve: look at it)"
	@echo "make layers     measure every layer against Keras, for docs/layers.md"
	@echo "make onnx       run the backend tests of ONNX, for docs/onnx-operators.md"
	@echo "make applications   hold glnn to Keras on the models of keras.applications (NAMES=MobileNet for some)"
	@echo "make fuzz       try 10,000 broken files, arguments and command lines (FUZZ_ARGS=\"--files 300 --seed 7\")"
	@echo "make bench      time glnn beside onnxruntime and NumPy"
	@echo "make peers      time glnn beside TensorFlow.js, ONNX Runtime Web, onnxruntime, torch (PEERS_ARGS=\"--only mnist\")"
	@echo "make notebooks  run the notebooks and keep their output"
	@echo "make gallery    export the models of examples/ as pages into build/gallery (GALLERY=folder for another)"
	@echo "make train      train the models of examples/ anew"
	@echo "make npm        build the web runner as an npm package, in build/npm"
	@echo "make fresh      run make demo and make test in fresh minimal roots of Debian 12 and 13 (root rights; PYTEST_ARGS)"
	@echo "make clean      remove what the targets above made"

# One stamp for each extra: the set-up runs again only where pyproject.toml or the script changed.
$(VENV)/.setup-%: pyproject.toml scripts/setup.sh
	@./scripts/setup.sh $* $(if $(filter develop,$*),--glslang --libgl) $(if $(filter web,$*),--chromium)
	@touch $@

demo: $(VENV)/.setup-cli
	@$(RUN) examples/demo.py

test: $(VENV)/.setup-develop
	$(RUN) -m pytest --ignore=tests/web -n 2 --dist worksteal $(PYTEST_ARGS)

check: $(VENV)/.setup-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

api: $(VENV)/.setup-cli
	$(RUN) scripts/make_api.py
	$(RUN) scripts/make_commands.py
	$(RUN) scripts/make_layers.py
	$(RUN) scripts/make_pictures.py
	$(RUN) scripts/make_peers.py
	$(RUN) scripts/make_sizes.py

docs: $(VENV)/.setup-docs
	$(VENV)/bin/mkdocs build

docs-serve: $(VENV)/.setup-docs
	$(VENV)/bin/mkdocs serve

layers: $(VENV)/.setup-develop
	$(RUN) scripts/measure_layers.py $(NAMES)
	$(RUN) scripts/make_layers.py

onnx: $(VENV)/.setup-develop
	$(RUN) scripts/make_onnx.py

applications: $(VENV)/.setup-develop
	$(RUN) scripts/applications.py $(NAMES)

fuzz: $(VENV)/.setup-develop
	$(RUN) scripts/fuzz.py $(FUZZ_ARGS)

bench: $(VENV)/.setup-develop
	$(RUN) benchmarks/bench.py $(BENCH_ARGS)

peers: $(VENV)/.setup-develop $(VENV)/.setup-web
	$(RUN) benchmarks/peers/run.py --json docs/peers.json $(PEERS_ARGS)
	$(RUN) scripts/make_peers.py

notebooks: $(VENV)/.setup-notebook
	$(VENV)/bin/jupyter execute --inplace notebooks/*.ipynb

train: $(VENV)/.setup-train
	$(RUN) examples/train_digits.py
	$(RUN) examples/train_writer.py
	$(RUN) examples/train_style.py
	$(RUN) examples/train_wine.py
	$(RUN) examples/train_tides.py
	$(RUN) examples/train_shapes.py

gallery: $(VENV)/.setup-cli
	$(RUN) scripts/make_gallery.py $(GALLERY)

web-test: $(VENV)/.setup-develop $(VENV)/.setup-web
	$(RUN) -m pytest tests/web -n 2 --dist loadfile $(PYTEST_ARGS)

npm: $(VENV)/.setup-cli
	$(RUN) scripts/make_npm.py

fresh:
	PYTEST_ARGS="$(PYTEST_ARGS)" scripts/fresh.sh $(SUITES)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
