#!/usr/bin/env bash
# Checks the tools that `sam build` needs, and reports every one that is missing or does not work (docs/DEPLOY.md).
set -uo pipefail
cd "$(dirname "$0")/.."

problems=()

# at_least FOUND MINIMUM
at_least() {
    printf '%s\n' "$2" "$1" | sort --version-sort --check=quiet
}

# The first version number in the output of a command, or 0.
version() {
    { "$@" 2> /dev/null | grep -oE '[0-9]+(\.[0-9]+)+' || echo 0; } | head -n 1
}

# or_none VERSION: the version, or the word for its absence.
or_none() {
    [[ $1 == 0 ]] && echo none || echo "$1"
}

rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(version rustc --version)
at_least "$found" "$rust" || problems+=("Rust $rust or newer, found $(or_none "$found"): install it with rustup")

found=$(version sam --version)
at_least "$found" 1.156 \
    || problems+=("AWS SAM CLI 1.156 or newer, found $(or_none "$found"): older versions ask to confirm a beta feature")

cargo lambda --version > /dev/null 2>&1 \
    || problems+=("cargo-lambda: pip install cargo-lambda ziglang, or see https://www.cargo-lambda.info")

# cargo-lambda prefers the Python package.
found=$(version python3 -m ziglang version)
[[ $found != 0 ]] || found=$(version zig version)
case $found in
    0) problems+=("zig, which cargo-lambda uses as C compiler and linker: pip install ziglang") ;;
    0.16.0) problems+=("another zig than 0.16.0, whose ar cannot create the archive of the crate ring: pip install ziglang==0.17.1") ;;
esac

if ((${#problems[@]})); then
    echo 'sam build needs, but cannot find:'
    printf '  * %s\n' "${problems[@]}"
    exit 1
fi >&2
