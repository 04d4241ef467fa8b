#!/usr/bin/env bash
# Packages every crate as a registry would have it, and builds and tests each outside the workspace:
# unpacked into OUT, where only what is in the packages is there. `scripts/package.sh OUT [CRATE..]`
# (all crates by default; the models need some minutes).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?where to unpack}; shift
crates=("$@"); [ ${#crates[@]} -gt 0 ] || crates=(tts-core tts-search tts-models tts-prm)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/packages}
mkdir -p "$out/.cargo"; out=$(cd "$out" && pwd)
cargo package --workspace --exclude tts-examples --exclude tts-benches --no-verify --allow-dirty
# The crates are not on the registry, whose tts-core is another project's: they find each other here.
echo "[patch.crates-io]" >"$out/.cargo/config.toml"
for crate in tts-core tts-search tts-models tts-prm; do
  rm -rf "${out:?}/$crate"
  mkdir -p "$out/$crate"
  tar xzf "$CARGO_TARGET_DIR/package/$crate"-[0-9]*.crate -C "$out/$crate" --strip-components 1
  rm -f "$out/$crate/Cargo.lock"
  echo "$crate = { path = \"$out/$crate\" }" >>"$out/.cargo/config.toml"
done
for crate in "${crates[@]}"; do
  features=""
  case $crate in tts-core | tts-search) features=plot ;; tts-models) features=burn ;; tts-prm) features=pair ;; esac
  (cd "$out/$crate" && cargo test --features "$features")
done
