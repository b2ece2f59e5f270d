# make help lists the targets. A fresh machine needs Go, git and make; nothing else.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
# The program is built with its profile, cmd/weir/default.pgo. What is only checked or
# tested need not be, which spares compiling everything twice.
PLAIN   := -pgo=off
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# The program is built without cgo, and so is everything that tests it, but for the race detector.
export CGO_ENABLED := 0

GOLANGCI_VERSION    := v2.15.0
STATICCHECK_VERSION := v0.8.2
GOLANGCI            := bin/tools/golangci-lint-$(GOLANGCI_VERSION)
STATICCHECK         := bin/tools/staticcheck-$(STATICCHECK_VERSION)

# Packages where goroutines meet.
RACE ?= ./cmd/... ./engine/api/... ./engine/config/... ./engine/exec/... ./engine/files/... ./engine/scenario/... ./engine/serve/... ./engine/share/... ./engine/state/... ./engine/testkit/... ./engine/watch/... ./plugins/...

.NOTPARALLEL:
.PHONY: build test check lint servers race bench bench-serve bench-wide profile fuzz demo fmt clean help

build: ## build bin/weir
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/weir ./cmd/weir

test: check lint servers build race ## everything that must pass: format, vet, house rules, lint, all tests
	$(GO) test $(PLAIN) -timeout 12m ./...

# What fails soonest comes first.
check:
	@echo "== format, build, vet, house rules"
	@unformatted=$$(gofmt -l cmd engine plugins pipelines); \
	if [ -n "$$unformatted" ]; then echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; fi
	@$(GO) build $(PLAIN) ./...
	@$(GO) vet $(PLAIN) ./...
	@$(GO) test $(PLAIN) ./engine

lint: ## golangci-lint, or staticcheck where that cannot be had
	@echo "== lint"
	@mkdir -p bin/tools
	@if $(MAKE) -s $(GOLANGCI) 2>bin/tools/golangci.log; then \
		GOFLAGS="$${GOFLAGS-} $(PLAIN)" $(GOLANGCI) run ./...; \
	elif echo "LEFT OUT: golangci-lint $(GOLANGCI_VERSION) could not be built (bin/tools/golangci.log); staticcheck takes its place" && \
		$(MAKE) -s $(STATICCHECK) 2>bin/tools/staticcheck.log; then \
		$(STATICCHECK) ./...; \
	else \
		echo "LEFT OUT: staticcheck $(STATICCHECK_VERSION) could not be built either (bin/tools/staticcheck.log); go vet has run"; \
	fi

# A tool is built by itself, so that the modules it needs never enter go.mod.
$(GOLANGCI):
	@GOBIN=$(CURDIR)/bin/tools GOFLAGS= timeout 600 $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv bin/tools/golangci-lint $@

$(STATICCHECK):
	@GOBIN=$(CURDIR)/bin/tools GOFLAGS= timeout 300 $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv bin/tools/staticcheck $@

servers: ## fetch the real servers that some tests talk to, from Debian packages
	@echo "== real servers"
	@if [ ! -x testdata/servers/get ]; then echo "LEFT OUT: there is no testdata/servers/get"; \
	elif ! testdata/servers/get; then echo "LEFT OUT: tests against vsftpd, proftpd and OpenSSH, where they are not installed"; fi

race: ## tests of packages where goroutines meet, under the race detector
	@echo "== race detector"
	@if command -v gcc >/dev/null; then CGO_ENABLED=1 $(GO) test $(PLAIN) -race -short -timeout 10m $(RACE); \
	else echo "LEFT OUT: the race detector needs gcc"; fi

bench: build ## rates of the benchmark jobs beside other programs (ROWS=5000000 TIMES=5 PEERS=1; JOBS=keys KEYS=20000000 TIMES=1)
	@testdata/bench/run.sh

bench-wide: build ## memory for a gigabyte of rows of a megabyte each; fails above 512 MiB
	@go run ./testdata/bench/wide -weir bin/weir

bench-serve: build ## weir serve with thousands of pipelines and through changes (MODULES=500 IDLE=3m)
	@testdata/bench/serve.sh

profile: ## make cmd/weir/default.pgo anew, by which the compiler knows what runs often
	@testdata/bench/profile.sh

# Each fuzz target with its package. In make test they run over their seeds.
FUZZTIME ?= 10m
FUZZ ?= ./engine:FuzzLoad ./engine/diag:FuzzRender ./engine/compute:FuzzKernelVM ./engine/function:FuzzFormsAgree \
	./engine/columns:FuzzDeclaration ./engine/datetime:FuzzParse ./engine/datetime:FuzzAppend ./engine/datetime:FuzzCompile \
	./engine/record:FuzzParseDecimal ./engine/record:FuzzJSONString ./engine/record:FuzzAnyReadsBack \
	./engine/state:FuzzRecords ./engine/identity:FuzzRecords ./plugins/csv:FuzzRows \
	./plugins/ftp:FuzzListing ./plugins/ftp:FuzzReply ./plugins/rest:FuzzReply ./plugins/rest:FuzzMask

fuzz: ## each fuzz target for FUZZTIME (10m)
	@for t in $(FUZZ); do echo "== $$t"; \
		$(GO) test $(PLAIN) -run '^$$' -fuzz "^$${t##*:}\$$" -fuzztime $(FUZZTIME) "$${t%%:*}"; done

demo: build ## run the main job on stand-ins inside one process
	@bin/weir demo

fmt: ## format Go and HCL files
	gofmt -w cmd engine plugins pipelines
	$(GO) run $(PLAIN) ./cmd/weir fmt pipelines

clean: ## remove what was built
	rm -rf bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
