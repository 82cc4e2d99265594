# `make serve` and `make test` set up everything they need. `make help` lists the rest.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# phones.csv from the public "Mobile Price Classification" data, other tables of phones, or generated phones
DATA   ?= $(or $(PRICERANGE_DATA),synthetic)
ARGS   ?=
# the S3 server that results in object stores are tested against
MOTO      := 5.2.5
S3_SERVER := $(VENV)-s3/moto-$(MOTO).stamp
# generators of clients from the OpenAPI document, and the types of the page's modules, which stand in comments
PYTHON_GENERATOR := $(VENV)-openapi/openapi-python-client-0.29.1.stamp
NPM_PACKAGES     := $(VENV)-npm/stamp
TEST_TOOLS       := $(S3_SERVER) $(PYTHON_GENERATOR) $(NPM_PACKAGES)
# one more test process than cores: many tests wait for servers and processes of their own; worksteal hands the
# remaining tests to processes that are done
JOBS   ?= $(shell $(PYTHON) -c 'import os; print(min(len(os.sched_getaffinity(0)) + 1, 4))')
# with bytecode, whatever the environment says: the tests start hundreds of processes, which would compile all of it anew
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help serve test test-long test-flaky test-lowest lint page-types format train score bench containers-check \
        image requirements audit kubernetes-check prometheus-check prometheus-rule protos swagger-ui clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/service.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/service.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,ray,objects,sign,otel,grpc,dev]'
	@touch $@

serve: $(VENV)/service.stamp ## serve the committed model on http://127.0.0.1:8000
	$(BIN)/pricerange serve $(ARGS)

score: $(VENV)/service.stamp ## score a file: make score ARGS="phones.csv answers.csv"
	$(BIN)/pricerange score $(ARGS)

train: $(VENV)/dev.stamp ## train the next model version: make train DATA='phones.csv more/*.parquet'
	$(BIN)/pricerange train $(foreach source,$(DATA),--data '$(source)') $(ARGS)

test: $(VENV)/dev.stamp $(TEST_TOOLS) ## run the tests on all cores: make test ARGS="tests/service -k missing" JOBS=1
	$(PYTEST) $(ARGS)

test-long: $(VENV)/dev.stamp $(TEST_TOOLS) ## run all tests, with many more generated examples (half an hour)
	PRICERANGE_LONG_TESTS=1 $(PYTEST) -m "" $(ARGS)

test-flaky: $(VENV)/dev.stamp $(TEST_TOOLS) ## run the tests three times, with a busy loop on every core, to find races
	$(BIN)/python tests/hogged.py 3 $(PYTEST) $(ARGS)

# in an environment of its own: its dependencies exclude some of ours
$(S3_SERVER):
	$(PYTHON) -m venv --clear $(VENV)-s3
	$(VENV)-s3/bin/python -m pip install --quiet --disable-pip-version-check 'moto[server]==$(MOTO)'
	@touch $@

$(PYTHON_GENERATOR):
	$(PYTHON) -m venv --clear $(VENV)-openapi
	$(VENV)-openapi/bin/python -m pip install --quiet --disable-pip-version-check 'openapi-python-client==0.29.1'
	@touch $@

# not everybody has npm: without it tests are skipped, and say so
$(NPM_PACKAGES): tests/client/generated/package.json
	@mkdir -p $(@D) && cp $< $(@D)/package.json
	if command -v npm > /dev/null; then \
	  npm install --prefix $(@D) --no-package-lock --no-audit --no-fund --loglevel error && touch $@; \
	fi

test-lowest: $(VENV)-lowest/stamp ## run the essentials with the oldest dependencies that pyproject.toml allows
	$(VENV)-lowest/bin/python -m pytest tests/test_essentials.py $(ARGS)

# torch is not among them: the essentials use the committed model
$(VENV)-lowest/stamp: pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest --resolution lowest-direct -e .
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest pytest httpx hypothesis
	@touch $@

lint: $(VENV)/dev.stamp ## style, types, and which package may import which
	$(if $(PRICERANGE_CI)$(shell command -v npm),$(MAKE) page-types,@echo 'npm is not installed: types of the page are not checked')
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

page-types: $(NPM_PACKAGES) ## check the types of the page's modules, which needs node and npm
	$(VENV)-npm/node_modules/.bin/tsc --project service/web

format: $(VENV)/dev.stamp ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## print the figures quoted in the documentation
	$(BIN)/python -m bench.http
	$(BIN)/python -m bench.startup
	$(BIN)/python -m bench.training --data $(DATA)
	$(BIN)/python -m bench.agreement --data $(DATA)
	$(BIN)/python -m bench.bad_bodies --count 2000
	$(BIN)/python -m bench.scoring
	$(BIN)/python -m bench.scoring_cluster

requirements: $(VENV)-uv/stamp ## write requirements/*.txt anew, from pyproject.toml and constraints.txt
	$(VENV)-uv/bin/python deploy/requirements.py

$(VENV)-uv/stamp:
	$(PYTHON) -m venv --clear $(VENV)-uv
	$(VENV)-uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

# strict: what the database does not know, or does not answer for, is a failure
audit: $(VENV)-audit/stamp ## look up known vulnerabilities of everything in requirements/
	for file in requirements/*.txt; do echo "$$file"; \
	  $(VENV)-audit/bin/pip-audit --strict --disable-pip --require-hashes -r "$$file" || failed=1; done; exit $${failed:-0}

$(VENV)-audit/stamp: requirements/audit.txt
	$(PYTHON) -m venv --clear $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

image: ## build the image with labels of where it comes from: make image TAG=pricerange-train TARGET=train
	TAG=$(TAG) TARGET=$(TARGET) $(PYTHON) deploy/image_build.py

containers-check: ## build, run and check the images (minutes)
	$(PYTHON) deploy/containers_check.py

kubernetes-check: ## run an image on the cluster of KUBECONFIG, and check it: make kubernetes-check IMAGE=pricerange:1
	$(PYTHON) deploy/kubernetes_check.py

prometheus-check: $(VENV)/service.stamp ## check rules, routes and dashboard with promtool, amtool and a real Prometheus
	$(BIN)/python deploy/prometheus_check.py

prometheus-rule: ## write the rules as Prometheus Operator reads them
	$(PYTHON) deploy/prometheus_rule.py

# in an environment of its own: it pins protobuf. Code that it writes runs with this protobuf, 6.31, and later
GRPC_TOOLS := 1.80.0
PROTO      := service/grpc/proto/open_inference_grpc.proto
protos: ## write the messages of the gRPC door from their .proto
	$(PYTHON) -m venv --clear $(VENV)-protos
	$(VENV)-protos/bin/python -m pip install --quiet --disable-pip-version-check 'grpcio-tools==$(GRPC_TOOLS)'
	$(VENV)-protos/bin/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. $(PROTO)

# Swagger UI as the service serves it: its bundle and style alone, compressed
SWAGGER_UI := 5.35.0
swagger-ui: ## fetch the files of Swagger UI from the npm registry
	rm -rf build/swagger-ui && mkdir -p build/swagger-ui
	cd build/swagger-ui && npm pack --silent swagger-ui-dist@$(SWAGGER_UI) && tar xzf *.tgz
	for file in swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css; do \
	  gzip -9nc build/swagger-ui/package/$$file > service/web/docs/$$file.gz; done

clean: ## remove everything that the targets created
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-s3 $(VENV)-protos $(VENV)-openapi $(VENV)-npm $(VENV)-uv $(VENV)-audit .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
