#!/usr/bin/env bash
# Checks what `make test` needs, and reports all that is missing at once. Some of it is used only after many minutes.
set -uo pipefail
cd "$(dirname "$0")/.."

missing=()
packages=()

# has PROGRAM PACKAGE: notes the Debian package if the program is missing.
has() {
    command -v "$1" > /dev/null || { missing+=("$1"); packages+=("$2"); }
}

[[ $(uname -s) == Linux ]] || missing+=("Linux: the tests use valgrind and QEMU's user mode")
[[ $(uname -m) == x86_64 ]] || missing+=("x86_64: the fuzzers and the limit on start instructions are for it")

rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(rustc --version 2> /dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
printf '%s\n' "$rust" "${found:-0}" | sort --version-sort --check=quiet \
    || missing+=("Rust $rust or newer, found ${found:-none}: https://rustup.rs")
for component in clippy fmt; do
    cargo $component --version > /dev/null 2>&1 \
        || missing+=("cargo $component: rustup component add ${component/fmt/rustfmt}")
done
command -v rustup > /dev/null || missing+=("rustup, for the target of the other architecture: https://rustup.rs")

has git git
has cc build-essential
# libFuzzer is written in C++.
has c++ build-essential
has readelf binutils
terraform=$(CHECKPOINT_DISABLE=1 terraform version 2> /dev/null | sed -n 's/^Terraform v//p')
printf '%s\n' 1.5 "${terraform:-0}" | sort --version-sort --check=quiet \
    || missing+=("Terraform 1.5 or newer, found ${terraform:-none}: https://developer.hashicorp.com/terraform/install")

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
    missing+=("Python 3.11 or newer as $python: select another by PYTHON=python3.12")
elif ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    missing+=("the module venv of $python")
    packages+=(python3-venv)
fi

# make installs these if it runs as root.
if [[ $(id -u) != 0 ]] || ! command -v apt-get > /dev/null; then
    command -v google-chrome > /dev/null || has chromium chromium
    has valgrind valgrind
    has zsh zsh
    has qemu-aarch64-static qemu-user-static
    if [[ ! -e /usr/aarch64-linux-gnu/lib/libc.so.6 ]]; then
        missing+=("the C library of aarch64, in /usr/aarch64-linux-gnu")
        packages+=(libc6-arm64-cross)
    fi
fi

if ((${#missing[@]})); then
    echo 'make test needs, but cannot find:'
    printf '  * %s\n' "${missing[@]}"
    ((${#packages[@]})) \
        && echo "On Debian and Ubuntu: sudo apt-get install $(printf '%s\n' "${packages[@]}" | sort -u | tr '\n' ' ')"
    exit 1
fi >&2
