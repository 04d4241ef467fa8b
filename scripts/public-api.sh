#!/usr/bin/env bash
# The public interface of every crate, one item a line, as docs/api keeps it: a change of it is seen in
# a diff. Needs `cargo install cargo-public-api` and a nightly toolchain. `--check` compares only.
set -euo pipefail
cd "$(dirname "$0")/.."
# Of one version alone, and not to be met in an interface without a feature that says so.
pinned='(^|[^:a-z_])(burn|burn_[a-z]+|cubecl[a-z_]*|rand_chacha|rand_core|num_bigint|num_rational|plotters[a-z_]*|self_cell|tokenizers|minijinja|rayon|half|indicatif|safetensors)::'
status=0
for crate in tts-core:plot tts-search:plot tts-serve: tts-models: tts-prm:pair; do
  name=${crate%%:*}
  found=$(mktemp)
  cargo +nightly public-api -p "$name" --features "${crate#*:}" -sss --target-dir target/api 2>target/api.log >"$found" ||
    { cat target/api.log; exit 1; }
  if grep -nE "$pinned" "$found"; then
    echo "$name: types of other crates in the interface"; status=1
  fi
  if [ "${1:-}" = --check ]; then
    diff -u "docs/api/$name.txt" "$found" || { echo "$name: the interface changed: scripts/public-api.sh records it"; status=1; }
  else
    cat "$found" >"docs/api/$name.txt"
  fi
  rm "$found"
done
exit $status
