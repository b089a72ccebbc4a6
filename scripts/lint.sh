#!/usr/bin/env bash
# Every check of `make lint`. All run, so that one run shows everything that is wrong; any failure fails the whole.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
check() {
    local name=$1
    shift
    local output
    if output=$("$@" 2>&1); then
        printf 'ok      %s\n' "$name"
    else
        printf '%s\nFAILED  %s\n' "$output" "$name"
        failed+=("$name")
    fi
}

envoy_accepts_the_gateway() {
    local folder status=0
    folder=$(mktemp -d)
    ARTIFEX_GATEWAY_CONFIG_FILE=$folder/envoy.json python -m gateway render >/dev/null \
        && envoy --mode validate --config-path "$folder/envoy.json" || status=$?
    rm -rf "$folder"
    return "$status"
}

check "ruff check" ruff check .
check "ruff format" ruff format --check .
check "mypy" mypy
check "import contracts" lint-imports
check "buf lint" buf lint
check "buf format" buf format --diff --exit-code protos
check "buf breaking" buf breaking protos --against protos/baseline.binpb
check "licences" python docs/licences.py
check "envoy configuration" envoy_accepts_the_gateway
check "deployment files" python -m deploy.validate

if ((${#failed[@]})); then
    printf '\n%d checks failed: %s\n' "${#failed[@]}" "$(IFS=,; echo "${failed[*]}")"
    exit 1
fi
printf '\nall checks passed\n'
