#!/usr/bin/env python3
"""Gemma 3 270M by others: tokens of llama.cpp, next tokens and greedy continuations of transformers.

usage: gemma3.py SERVER MODEL.gguf > tts-models/tests/fixtures/gemma3_golden.json

SERVER is a server of scripts/llama-server.sh with that file. Transformers computes in f32 on the values that the
blocks of the file stand for; llama.cpp rounds what it multiplies them with. Needs torch, transformers, gguf and
accelerate.
"""
import json
import os
import sys
import urllib.request

import torch
from transformers import AutoModelForCausalLM

TEXTS = [
    "The capital of France is", "def fibonacci(n):\n    ", "12 + 30 = 42. 7 + 8 =", "  Two spaces, and\ttabs.\n\n\nLines",
    "Zażółć gęślą jaźń, 漢字かな, 🙂👍🏽", "<start_of_turn>user\nHi<end_of_turn>\n", "▁ is a mark, <pad> a token?",
    "Once upon a time, there was a little girl who lived in a village near the forest. " * 40,
]


def ask(path, body):
    request = urllib.request.Request(sys.argv[1] + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=600))


folder, file = os.path.split(os.path.abspath(sys.argv[2]))
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32, attn_implementation="eager")
model = model.eval()
rows = []
for text in TEXTS:
    tokens = ask("/tokenize", {"content": text, "add_special": True, "parse_special": False})["tokens"]
    ids = torch.tensor([tokens])
    with torch.no_grad():
        logprobs = model(ids).logits[0, -1].log_softmax(-1)
        greedy = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False,
                                eos_token_id=None)[0, len(tokens):].tolist()
    top = logprobs.topk(5)
    pairs = zip(top.indices.tolist(), top.values.tolist())
    rows.append({"text": text, "tokens": tokens, "greedy": greedy, "top": [[i, round(p, 5)] for i, p in pairs]})
print(json.dumps(rows).replace('}, {"text"', '},\n{"text"'))
