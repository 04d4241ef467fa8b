#!/usr/bin/env bash
# A language model before and after: low-rank fine-tuning on worked solutions, a reward head from
# Monte-Carlo labels, and majority, weighted best-of-16 and beam search with it on a test set.
#
#   scripts/gsm8k.sh MODEL.gguf TRAIN.jsonl TEST.jsonl OUT
#
# TRAIN and TEST have GSM8K's form. Every part is kept in OUT and goes on where it was killed. Sizes are
# variables of the environment; the parts of the defaults took three and a half hours together on one
# shared core with AVX2.
set -euo pipefail
[ $# -eq 4 ] || { grep '^#' "$0" | tail -n +2; exit 2; }
model=$1 train=$2 test=$3 out=$4
: "${EXAMPLES:=700}" "${UPDATES:=80}" "${LABELLED:=100}" "${SOLUTIONS:=4}" "${ROLLOUTS:=4}" "${PROBLEMS:=100}" "${N:=16}"
mkdir -p "$out"
run() { cargo run --quiet --release --example "$@"; }

# Problems for labels are none of those that the policy learns from.
sed -n "1,${EXAMPLES}p" "$train" > "$out/train.jsonl"
sed -n "$((EXAMPLES + 1)),$((EXAMPLES + LABELLED))p" "$train" > "$out/labelled.jsonl"

run finetune -- --model "$model" --data "$out/train.jsonl" --rank 16 --steps "$UPDATES" --batch 8 \
  --learning-rate 3e-4 --max-example-tokens 400 --every 25 --f32 --out "$out/adapter"

# Before: the model as it is, shown worked examples. After: with the adapter, asked as it was trained;
# weights that an adapter was merged into are f32, and as bytes multiply faster.
before=(--model "$model")
after=(--model "$model" --adapter "$out/adapter" --weights int8)
ask_before=(--few-shot builtin)
ask_after=(--step '\n' --ask '{{ question }}')
for name in before after; do
  declare -n policy=$name ask=ask_$name
  run label -- "${policy[@]}" "${ask[@]}" --data "$out/labelled.jsonl" --problems "$LABELLED" \
    --solutions "$SOLUTIONS" --rollouts "$ROLLOUTS" --max-tokens 256 --out "$out/$name-labels.jsonl"
  run train_head -- "${policy[@]}" --labels "$out/$name-labels.jsonl" --kind soft --out "$out/$name-head"
  for strategy in best-of-n beam-search; do
    run evaluate -- "${policy[@]}" "${ask[@]}" --data "$test" --limit "$PROBLEMS" --strategy $strategy \
      --n "$N" --scorer "prm:$out/$name-head" --max-tokens 256 --json "$out/$name-$strategy.json"
  done
done
