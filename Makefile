# Everything a person or CI runs. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
# A count, not a time: with a time the go command now and then fails a target
# that was still running when it was up ("context deadline exceeded").
FUZZTIME ?= 20000x

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: build
build: ## write bin/hikyaku
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/hikyaku ./cmd/hikyaku

.PHONY: man
man: build ## write the man pages to dist/man (English) and dist/man/ja (Japanese)
	@rm -rf dist/man && mkdir -p dist/man/man1 dist/man/ja/man1
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} bin/hikyaku man dist/man/man1 --lang en
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} bin/hikyaku man dist/man/ja/man1 --lang ja

.PHONY: demo
demo: build ## run the whole system on generated files and watch IDs being delivered
	bin/hikyaku demo

.PHONY: test
test: deps lint workflows vet unit cross fuzz ## install what the tests need and run everything

.PHONY: deps
deps: ## install what the tests need beyond Go (AWS CLI, boto3, moto)
	@./.ci/deps

.PHONY: lint
lint: bin/golangci-lint ## golangci-lint with the pinned version
	bin/golangci-lint config verify
	bin/golangci-lint run ./...

bin/golangci-lint: tools/go.mod
	@mkdir -p bin
	cd tools && go build -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: vet
vet: ## go vet and module drift
	go vet ./...
	go vet -tags realaws ./cmd/lambda
	go mod tidy -diff
	go mod verify >/dev/null

.PHONY: unit
unit: ## all tests with the race detector
	go test -race -shuffle=on -timeout 15m ./...

.PHONY: test-aws
test-aws: deps ## the AWS edition end to end without AWS (part of unit): moto, our DataSync, the real Lambda binaries
	go test -race -count=1 -timeout 15m -v -run 'Scenario|Bed' ./cmd/lambda

.PHONY: test-real-aws
test-real-aws: ## what is safe of it on a deployed stack, with your credentials (HIKYAKU_REAL_AWS_STACK)
	go test -tags realaws -count=1 -timeout 3h -v -run TestScenario_realStack ./cmd/lambda

.PHONY: cross
cross: ## compile for every supported platform
	@for p in $(PLATFORMS); do echo "build $$p"; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build -o /dev/null ./cmd/hikyaku; done

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20000x)
	@for pkg in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$pkg/*_test.go | awk '{print $$2}'); do \
	    echo "fuzz $$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg >/tmp/hikyaku-fuzz.$$$$ || { cat /tmp/hikyaku-fuzz.$$$$; exit 1; }; rm -f /tmp/hikyaku-fuzz.$$$$; \
	  done; done

.PHONY: bench
bench: build ## print the figures of docs/performance.md (never part of the tests)
	go run ./bench $(BENCH)

.PHONY: workflows
workflows: ## actionlint on .github/workflows, with the pinned version
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: sam-build
sam-build: ## build the AWS edition with the SAM CLI, or like sam-package where there is none
	@if command -v sam >/dev/null 2>&1; then cd deploy && sam build --config-env "$${STAGE:-default}"; \
	  else echo "sam is not installed: make sam-package instead"; $(MAKE) --no-print-directory sam-package; fi

# The stage's parameters are those of deploy/samconfig.toml. The zips lie in a
# folder named after their content, below dist/aws/code and, once
# `aws s3 sync dist/aws/code $(ARTIFACTS)` ran, below ARTIFACTS: other code has
# another key, and the same code is no change to the stack.
ARTIFACTS ?= s3://artifacts/hikyaku
FUNCTIONS := Intake Refresh Agents Operate Steps
.PHONY: sam-package
sam-package: ## write dist/aws/code/*/*.zip and dist/aws/packaged.json without the SAM CLI (STAGE, ARTIFACTS)
	@rm -rf dist/aws && mkdir -p dist/aws/code dist/aws/zips
	@for f in $(FUNCTIONS); do \
	  n=$$(echo $$f | tr A-Z a-z); mkdir -p dist/aws/build/$$n; \
	  $(MAKE) --no-print-directory build-$${f}Function ARTIFACTS_DIR=dist/aws/build/$$n; \
	  python3 deploy/archive.py dist/aws/zips/$$n.zip dist/aws/build/$$n/bootstrap; \
	done; rm -rf dist/aws/build
	@content=$$(cat dist/aws/zips/*.zip | sha256sum | cut -c1-16); mv dist/aws/zips dist/aws/code/$$content; \
	  python3 deploy/expand.py $${STAGE:+--stage $$STAGE} --code $(ARTIFACTS)/$$content >dist/aws/packaged.json
	@cd dist/aws && sha256sum code/*/*.zip packaged.json | tee SHA256SUMS

# One recipe for `sam build` (Metadata BuildMethod: makefile), sam-package, CI
# and the tests. The same sources give the same bytes in any folder.
.PHONY: $(FUNCTIONS:%=build-%Function)
$(FUNCTIONS:%=build-%Function): build-%Function:
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 GOARM64=v8.0 go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags '-s -w -buildid=' \
	  -o $(ARTIFACTS_DIR)/bootstrap ./cmd/lambda/$(shell echo $* | tr A-Z a-z)

# The same template with the other driver for its default. A test compares them.
deploy/template-stepfunctions.yaml: deploy/template.yaml
	@{ echo '# Made from template.yaml by: make $@'; echo '# Do not edit: only the default of the parameter Driver differs.'; \
	  sed '/^  Driver:/,/^    Default:/s/Default: events/Default: step-functions/' $<; } >$@

# A Debian version: v1.2.0-rc.1 sorts before v1.2.0, and what has no tag before all.
DEB_ARCH ?= $(shell go env GOARCH)
DEB_DIR ?= dist
DEB_VERSION = $(shell echo '$(VERSION)' | sed -E 's/^v([0-9])/\1/; t s; s/^/0~/; :s; s/-(alpha|beta|rc)/~\1/; s/-/+/g')
.PHONY: deb
deb: bin/nfpm ## write dist/hikyaku_VERSION_ARCH.deb (DEB_ARCH=amd64 or arm64)
	@mkdir -p $(DEB_DIR)/deb-$(DEB_ARCH)
	CGO_ENABLED=0 GOOS=linux GOARCH=$(DEB_ARCH) go build -trimpath -ldflags '$(LDFLAGS)' -o $(DEB_DIR)/deb-$(DEB_ARCH)/hikyaku ./cmd/hikyaku
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} ARCH=$(DEB_ARCH) VERSION='$(DEB_VERSION)' \
	  BINARY=$(DEB_DIR)/deb-$(DEB_ARCH)/hikyaku bin/nfpm package --packager deb --config deploy/selfhosted/nfpm.yaml --target $(DEB_DIR)/
	@rm -r $(DEB_DIR)/deb-$(DEB_ARCH)

bin/nfpm: tools/nfpm/go.mod
	@mkdir -p bin
	cd tools/nfpm && go build -o ../../bin/nfpm github.com/goreleaser/nfpm/v2/cmd/nfpm

.PHONY: clean
clean: ## remove what the targets made
	rm -rf bin dist
