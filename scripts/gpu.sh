#!/usr/bin/env bash
# Tests and measures the CUDA backend on a machine that has a GPU and a CUDA toolkit, but no Rust and no network.
#
# usage: scripts/gpu.sh build [KIT]          here: builds tests and programs, packs them into KIT (default: gpu-kit)
#        scripts/gpu.sh run KIT STEP...      there: unpacks them (once) and does the steps
#
# Steps: tests | make SHAPE | check SHAPE | speed SHAPE | compare SHAPE | profile SHAPE | model. SHAPE is one of
# those of scripts/gpu/peer.py, and BACKEND=wgpu takes another backend than cuda. `model` needs the parts of a GGUF
# file that `build` leaves beside the programs (KIT/model.*), each small enough to be carried alone.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
backend=${BACKEND:-cuda}
case ${1:-} in
build)
  cd "$root"
  kit=${2:-gpu-kit}
  programs() { python3 -c 'import json, sys
for line in sys.stdin:
    built = json.loads(line)
    if built.get("executable"): print(built["target"]["name"], built["executable"])'; }
  more="--release --features tts-models/$backend --message-format json"
  mkdir -p "$kit/bin"
  { cargo test -p tts-models -p tts-benches $more --no-run --lib --test gpu | programs | grep -v tts_benches
    cargo build -p tts-models -p tts-benches -p tts-examples $more --bin workload --example reference | programs; } |
  while read -r name path; do strip -o "$kit/bin/$name" "$path"; done
  tar -C "$kit" -c bin | xz -T0 > "$kit/bin.tar.xz"
  rm -r "$kit/bin"
  if [ -n "${MODEL:-}" ]; then split -b "${PART:-40m}" "$MODEL" "$kit/model."; fi
  ls -l "$kit"
  ;;
run)
  kit=$(cd "$2" && pwd)
  shift 2
  if [ ! -d "$kit/bin" ]; then tar -C "$kit" -xJf "$kit/bin.tar.xz"; fi
  if [ -d /usr/local/cuda/lib64 ]; then export LD_LIBRARY_PATH=/usr/local/cuda/lib64:${LD_LIBRARY_PATH:-}; fi
  peer() { python3 "$root/scripts/gpu/peer.py" "$@"; }
  workload() { "$kit/bin/workload" "$@" --backend "$backend" --warm; }
  models=$kit/models
  mkdir -p "$models"
  while [ $# -gt 0 ]; do
    step=$1 shape=${2:-}
    echo "== $step ${shape} $(date +%T)"
    case $step in
    tests)
      shift
      cd "$root/tts-models"
      time "$kit/bin/tts_models" "gpu::tests::$backend"
      time "$kit/bin/gpu" "$backend"
      cd "$root"
      ;;
    make) shift 2; peer make "$shape" "$models/$shape" ;;
    check)
      shift 2
      printf '%s\n' '{"prompt": "How many clips did Natalia sell?"}' '{"prompt": "12+3*4-5="}' > "$kit/prompts.jsonl"
      "$kit/bin/reference" --backend "$backend" --model "$models/$shape" --prompts "$kit/prompts.jsonl" > "$kit/check.jsonl"
      peer check "$models/$shape" "$kit/check.jsonl"
      ;;
    speed)
      shift 2
      workload best-of-n --model "$models/$shape" --lines "${LINES_LIST:-1,4,16,64,256}" --rounds 3
      workload beam --model "$models/$shape" --rounds 3
      workload prefill --model "$models/$shape" --rounds 3
      ;;
    compare) shift 2; peer speed "$models/$shape" ${PEER_LINES:-1 16 64 256} ;;
    compiled) shift 2; peer speed "$models/$shape" ${PEER_LINES:-1 16 64 256} --compiled ;;
    profile)
      shift 2
      # A pass is about 280 launches: those of passes in the middle of a run.
      ncu --clock-control none --metrics gpu__time_duration.sum --csv --launch-skip "${SKIP:-6000}" \
        --launch-count "${COUNT:-600}" "$kit/bin/workload" decode --backend "$backend" --model "$models/$shape" \
        --lines "${PROFILE_LINES:-64}" --new-tokens 40 | python3 "$root/scripts/gpu/profile.py"
      ;;
    model)
      shift
      cat "$kit"/model.* > "$models/model.gguf"
      workload best-of-n --model "$models/model.gguf" --lines "${LINES_LIST:-1,4,16,64,256}" --rounds 3
      workload beam --model "$models/model.gguf" --rounds 3
      ;;
    *) echo "no such step: $step" >&2; exit 2 ;;
    esac
  done
  ;;
*) sed -n 4,9p "$0" >&2; exit 2 ;;
esac
