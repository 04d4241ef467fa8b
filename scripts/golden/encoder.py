#!/usr/bin/env python3
"""Vectors of texts by others: golden values of `tts_models::encoder`.

usage: encoder.py tiny FOLDER > tts-models/tests/fixtures/encoder/golden.json
       encoder.py real MODEL > tts-models/tests/fixtures/minilm_golden.json

`tiny` writes a small random BERT with its tokenizer into FOLDER (tts-models/tests/fixtures/encoder), and what
transformers makes of texts with it. `real` has the vectors of sentence-transformers for the model in a folder
(scripts/fetch-minilm.sh). Needs torch and transformers, `real` sentence-transformers, too.
"""
import json
import os
import sys

import torch

TEXTS = [
    "the river is long", "The River IS long.", "rivers, rivers!", "", "zzz 漢字 é ÀÇ", "a" * 120, "[MASK] of the river [SEP]",
    "the sea is not a river. " * 12,
]
REAL = [
    "How long is the river Mira?", "The Mira has a length of 31 kilometres.", "", "Zażółć gęślą jaźń, 漢字かな, 🙂",
    "UPPER and lower; numbers 3.14159, 2026-11-28, and a [MASK] or [SEP]", "supercalifragilisticexpialidocious",
    "The committee met on Tuesday to discuss the budget of the harbour, which had risen by a third. " * 25,
]


def vectors(rows, mask):
    """Mean over the mask and first row, of length 1."""
    weights = mask.unsqueeze(-1).to(rows.dtype)
    mean = (rows * weights).sum(1) / weights.sum(1)
    return [torch.nn.functional.normalize(x, dim=-1)[0] for x in (mean, rows[:, 0])]


def digits(vector, places):
    return [round(float(x), places) for x in vector]


def tiny(folder):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    os.makedirs(folder, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters), *".,!?"]
    vocab += ["the", "river", "##s", "is", "long", "not", "sea", "of", "漢"]
    vocab = list(dict.fromkeys(vocab))
    words = os.path.join(folder, "vocab.txt")
    with open(words, "w") as out:
        out.write("\n".join(vocab) + "\n")
    tokenizer = BertTokenizerFast(words)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(5)
    config = BertConfig(vocab_size=len(vocab), hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
                        intermediate_size=40, max_position_embeddings=40, initializer_range=0.5)
    model = BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                weight += 0.3 * torch.randn_like(weight)
    model.save_pretrained(folder)
    for name in os.listdir(folder):
        if name not in ("config.json", "model.safetensors", "tokenizer.json", "golden.json"):
            os.remove(os.path.join(folder, name))
    rows = []
    for text in TEXTS:
        whole = tokenizer(text)["input_ids"]
        encoded = tokenizer(text, truncation=True, max_length=40, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**encoded).last_hidden_state
        mean, cls = vectors(hidden, encoded["attention_mask"])
        rows.append({"text": text, "tokens": encoded["input_ids"].shape[1], "cut": len(whole) > 40,
                     "mean": digits(mean, 7), "cls": digits(cls, 7)})
    return rows


def real(folder):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    limit = model.max_seq_length
    rows = []
    for text in REAL:
        tokens = len(model.tokenizer(text, truncation=False, padding=False)["input_ids"])
        vector = model.encode([text], normalize_embeddings=True)[0]
        rows.append({"text": text, "tokens": min(tokens, limit), "cut": tokens > limit, "mean": digits(vector, 6)})
    return rows


made = {"tiny": tiny, "real": real}[sys.argv[1]](sys.argv[2])
print(json.dumps(made, ensure_ascii=False).replace('}, {"text"', '},\n{"text"'))
