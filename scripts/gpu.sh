#!/usr/bin/env bash
# Tests and measures the GPU backends on a machine that has a GPU and its libraries, but no Rust and no network.
#
# usage: scripts/gpu.sh build [KIT]          here: builds tests and programs, packs them into KIT (default: gpu-kit)
#        scripts/gpu.sh run KIT [STEP...]    there: unpacks them and does the steps, each even if one before it failed
#
# Steps: tests | make SHAPE | check SHAPE | speed SHAPE | memory SHAPE | compare SHAPE | compiled SHAPE |
# profile SHAPE | model. Without any: all that the machine has what it takes for, on smollm2-135m, the most telling
# first, within LIMIT seconds (540); a step that time is up for is ended, and one that there is none for is named.
# SHAPE is one of those of scripts/gpu/peer.py; BACKEND=wgpu takes another backend than cuda, here and there. `make`,
# `check` and `compare` need PyTorch and transformers, `profile` Nsight Compute. `model` runs a GGUF file, which
# MODEL=FILE scripts/gpu.sh build leaves in parts (KIT/model.*) of PART bytes (40m), small enough to be carried alone.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
backend=${BACKEND:-cuda}
usage() { sed -n 4,13p "$0" >&2; exit 2; }

build() {
  cd "$root"
  local kit=${1:-gpu-kit} name path
  local more=(--release --features "tts-models/$backend" --message-format json)
  programs() { python3 -c 'import json, sys
for line in sys.stdin:
    built = json.loads(line)
    if built.get("executable"): print(built["target"]["name"], built["executable"])'; }
  rm -rf "$kit/bin" "$kit"/model.*
  mkdir -p "$kit/bin"
  { cargo test -p tts-models -p tts-benches "${more[@]}" --no-run --lib --test gpu | programs
    cargo build -p tts-models -p tts-benches -p tts-examples "${more[@]}" --bin workload --example reference | programs
  } > "$kit/programs"
  while read -r name path; do
    if [ "$name" != tts_benches ]; then strip -o "$kit/bin/$name" "$path"; fi
  done < "$kit/programs"
  rm "$kit/programs"
  tar -C "$kit" -c bin | xz -T0 > "$kit/bin.tar.xz"
  rm -r "$kit/bin"
  if [ -n "${MODEL:-}" ]; then split -b "${PART:-40m}" "$MODEL" "$kit/model."; fi
  ls -l "$kit"
}

# A test that finds no device skips itself with a message; here that is a failure, and so is a run of none.
run_tests() {
  local log
  log=$("$@" 2>&1) || { echo "$log"; return 1; }
  echo "$log" | tail -n 15
  if grep -q '^skipped' <<< "$log"; then echo "no device: nothing was tested" >&2; return 1; fi
  if ! grep -Eq 'test result: ok\. [1-9]' <<< "$log"; then echo "no test ran" >&2; return 1; fi
}

# MiB that the first device holds.
USED=(--id=0 --query-gpu=memory.used --format=csv,noheader,nounits)

# The steps that this machine has what it takes for.
defaults() {
  local shape=smollm2-135m
  echo tests
  if ls "$kit"/model.?? >/dev/null 2>&1; then echo model; fi
  if python3 -c 'import torch, transformers; assert torch.cuda.is_available()' 2>/dev/null; then
    printf '%s\n' "make $shape" "check $shape" "speed $shape"
    if command -v nvidia-smi >/dev/null; then echo "memory $shape"; fi
    echo "compare $shape"
    if command -v ncu >/dev/null; then echo "profile $shape"; fi
  else
    echo "no PyTorch that sees a card, with transformers: nothing is made, checked or compared" >&2
  fi
}

step() {
  local step=$1 shape=${2:-}
  local model=$kit/models/$shape
  peer() { python3 "$root/scripts/gpu/peer.py" "$@"; }
  workload() { "$kit/bin/workload" "$@" --backend "$backend" --warm --rounds "${ROUNDS:-3}"; }
  best_and_beam() {
    workload best-of-n --model "$1" --lines "${LINES_LIST:-1,4,16,64,256}"
    workload beam --model "$1"
  }
  case $step in
  tests)
    cd "$root/tts-models"
    run_tests "$kit/bin/tts_models" "gpu::tests::$backend"
    run_tests "$kit/bin/gpu" "$backend"
    ;;
  make) peer make "$shape" "$model" ;;
  check)
    printf '%s\n' '{"prompt": "How many clips did Natalia sell?"}' '{"prompt": "12+3*4-5="}' > "$kit/prompts.jsonl"
    "$kit/bin/reference" --backend "$backend" --model "$model" --prompts "$kit/prompts.jsonl" > "$kit/check.jsonl"
    peer check "$model" "$kit/check.jsonl"
    ;;
  speed)
    best_and_beam "$model"
    workload prefill --model "$model"
    ;;
  memory)
    # What the device holds beside what it held before, at its most.
    local before most
    before=$(nvidia-smi "${USED[@]}")
    nvidia-smi "${USED[@]}" -lms 100 > "$kit/used" 2>/dev/null & watch=$!
    # This step has a process of its own, whose end ends the watcher.
    trap 'kill "$watch" 2>/dev/null' EXIT
    workload best-of-n --model "$model" --lines "${LINES_LIST:-64,256}"
    most=$(sort -n "$kit/used" | tail -n 1)
    echo "device memory: $((most - before)) MiB at the most, $before before"
    ;;
  compare) peer speed "$model" ${PEER_LINES:-1 16 64 256} ;;
  compiled) peer speed "$model" ${PEER_LINES:-1 16 64 256} --compiled ;;
  profile)
    # A pass is about 280 launches: those of passes in the middle of a run.
    ncu --clock-control none --metrics gpu__time_duration.sum --csv --launch-skip "${SKIP:-6000}" \
      --launch-count "${COUNT:-600}" "$kit/bin/workload" decode --backend "$backend" --model "$model" \
      --lines "${PROFILE_LINES:-64}" --new-tokens 40 | python3 "$root/scripts/gpu/profile.py"
    ;;
  model)
    cat "$kit"/model.?? > "$kit/model.gguf.part"
    mv "$kit/model.gguf.part" "$kit/whole.gguf"
    best_and_beam "$kit/whole.gguf"
    ;;
  esac
}

run() {
  local failed=() limit=0 left
  if [ $# -lt 1 ]; then usage; fi
  kit=$(cd "$1" && pwd)
  shift
  if [ ! -d "$kit/bin" ] || [ "$kit/bin.tar.xz" -nt "$kit/bin" ]; then
    rm -rf "$kit/bin" "$kit/unpacked"
    mkdir "$kit/unpacked"
    tar -C "$kit/unpacked" -xJf "$kit/bin.tar.xz"
    mv "$kit/unpacked/bin" "$kit/bin"
    touch "$kit/bin"
    rmdir "$kit/unpacked"
  fi
  if [ -d /usr/local/cuda/lib64 ]; then export LD_LIBRARY_PATH=/usr/local/cuda/lib64:${LD_LIBRARY_PATH:-}; fi
  mkdir -p "$kit/models"
  # shellcheck disable=SC2046
  if [ $# -eq 0 ]; then
    limit=${LIMIT:-540}
    set -- $(defaults)
  fi
  while [ $# -gt 0 ]; do
    case $1 in
    tests | model) set -- "$1" "" "${@:2}" ;;
    make | check | speed | memory | compare | compiled | profile) if [ $# -lt 2 ]; then usage; fi ;;
    *) echo "no such step: $1" >&2; usage ;;
    esac
    echo "== $1 $2 $(date +%T)"
    left=$((limit - SECONDS))
    if [ "$limit" -gt 0 ] && [ "$left" -lt 10 ]; then
      echo "no time is left for it"
      failed+=("$1 $2 (no time)")
    # In a process of its own, where the first failure ends it, and which can be ended.
    elif ! timeout "$((limit > 0 ? left : 86400))" bash "$0" one "$kit" "$1" "$2"; then
      failed+=("$1 $2")
    fi
    shift 2
  done
  if [ ${#failed[@]} -gt 0 ]; then printf 'failed: %s\n' "${failed[@]}" >&2; exit 1; fi
}

case ${1:-} in
build) build "${@:2}" ;;
run) run "${@:2}" ;;
one) kit=$2; step "$3" "$4" ;;
*) usage ;;
esac
