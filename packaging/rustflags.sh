#!/usr/bin/env bash
# Prints the flags of rustc for an executable that does not depend on the directories of the machine: rustc embeds the
# paths of the sources in the messages of panics. The last flag that matches a path applies.
set -euo pipefail
cd "$(dirname "$0")/.."
home=${CARGO_HOME:-$HOME/.cargo}
# Unpacks the crates, whose directory has the name of the registry or of its mirror.
cargo fetch --quiet --locked
printf -- '--remap-path-prefix=%s=/source --remap-path-prefix=%s=/cargo' "$PWD" "$home"
for registry in "$home"/registry/src/*; do
    printf -- ' --remap-path-prefix=%s=/registry' "$registry"
done
