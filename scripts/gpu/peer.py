#!/usr/bin/env python3
"""What a GPU machine needs in Python: random checkpoints of true shapes, and PyTorch on the same card.

usage: peer.py make SHAPE FOLDER          a checkpoint in BF16 with a tokenizer of bytes
       peer.py check FOLDER REFERENCE     logits of transformers in f32 beside those that `reference` wrote
       peer.py speed FOLDER LINES... [--tokens N] [--prompt N] [--rounds N]
                                          best-of-n of transformers: with a dynamic cache, or --compiled with a static one
"""
import argparse
import json
import os
import statistics
import sys
import time

import torch

SHAPES = {
    # hidden, feed-forward, layers, heads, key heads, head width, vocabulary, tied
    "smollm2-135m": ("llama", 576, 1536, 30, 9, 3, 64, 49152, True),
    "qwen2.5-1.5b": ("qwen2", 1536, 8960, 28, 12, 2, 128, 151936, True),
    "llama-3.1-8b": ("llama", 4096, 14336, 32, 32, 8, 128, 128256, False),
}


def bytes_to_text():
    """The letters by which byte-level vocabularies write the 256 bytes."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    others = [byte for byte in range(256) if byte not in plain]
    return {**{byte: chr(byte) for byte in plain}, **{byte: chr(256 + i) for i, byte in enumerate(others)}}


def make(shape, folder):
    kind, hidden, inner, layers, heads, keys, width, vocabulary, tied = SHAPES[shape]
    os.makedirs(folder, exist_ok=True)
    config = {
        "architectures": [{"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}[kind]],
        "model_type": kind, "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": keys, "head_dim": width, "vocab_size": vocabulary,
        "tie_word_embeddings": tied, "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "hidden_act": "silu",
        "max_position_embeddings": 8192, "torch_dtype": "bfloat16", "bos_token_id": 256, "eos_token_id": 256,
    }
    json.dump(config, open(f"{folder}/config.json", "w"))
    letters = bytes_to_text()
    vocab = {letters[byte]: byte for byte in range(256)}
    vocab.update({f"\u0100\u0100{number}": number for number in range(257, vocabulary)})
    end = {"id": 256, "content": "<|end|>", "single_word": False, "lstrip": False, "rstrip": False,
           "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    vocab["<|end|>"] = 256
    json.dump({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [end], "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": vocab, "merges": []},
    }, open(f"{folder}/tokenizer.json", "w"))
    from safetensors.torch import save_file
    generator = torch.Generator("cuda").manual_seed(1)

    def matrix(outputs, inputs, scale=1.0):
        values = torch.randn(outputs, inputs, generator=generator, device="cuda", dtype=torch.float32)
        return (values * (scale / inputs ** 0.5)).bfloat16().cpu()

    tensors = {"model.embed_tokens.weight": matrix(vocabulary, hidden, hidden ** 0.5 * 0.5),
               "model.norm.weight": torch.ones(hidden, dtype=torch.bfloat16)}
    if not tied:
        tensors["lm_head.weight"] = matrix(vocabulary, hidden)
    for layer in range(layers):
        name = f"model.layers.{layer}."
        tensors[name + "input_layernorm.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
        tensors[name + "post_attention_layernorm.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
        for part, outputs in (("q", heads * width), ("k", keys * width), ("v", keys * width)):
            tensors[f"{name}self_attn.{part}_proj.weight"] = matrix(outputs, hidden)
            if kind == "qwen2":
                tensors[f"{name}self_attn.{part}_proj.bias"] = matrix(outputs, 1, 0.1).flatten()
        tensors[name + "self_attn.o_proj.weight"] = matrix(hidden, heads * width)
        tensors[name + "mlp.gate_proj.weight"] = matrix(inner, hidden)
        tensors[name + "mlp.up_proj.weight"] = matrix(inner, hidden)
        tensors[name + "mlp.down_proj.weight"] = matrix(hidden, inner)
    save_file(tensors, f"{folder}/model.safetensors", metadata={"format": "pt"})


def opened(folder, dtype):
    from transformers import AutoModelForCausalLM
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).cuda().eval()


def check(folder, reference):
    torch.backends.cuda.matmul.allow_tf32 = False
    model = opened(folder, torch.float32)
    worst, size, same, all_tokens = 0.0, 0.0, 0, 0
    for line in open(reference):
        row = json.loads(line)
        with torch.no_grad():
            logits = model(torch.tensor([row["tokens"] + row["greedy"]]).cuda()).logits[0].double().cpu()
        at = len(row["tokens"]) - 1
        for top in row["top"]:
            worst = max(worst, abs(float(logits[at, top["id"]]) - top["logit"]))
        size = max(size, float(logits[at].abs().max()))
        chosen = logits[at:-1].argmax(-1).tolist()
        same += sum(a == b for a, b in zip(chosen, row["greedy"]))
        all_tokens += len(row["greedy"])
    print(json.dumps({"check": os.path.basename(folder), "logits_up_to": size, "largest_difference": worst,
                      "greedy_tokens_equal": same, "greedy_tokens": all_tokens}), flush=True)
    # Both are f32, summed in other orders; a token may differ where two are as likely.
    if not all_tokens or worst > 1e-3 * max(size, 1.0) or same < 0.98 * all_tokens:
        sys.exit("the logits are others than those of transformers")


def speed(folder, lines, tokens, prompt, rounds, compiled):
    model = opened(folder, torch.bfloat16)
    torch.set_float32_matmul_precision("high")
    vocabulary = model.config.vocab_size
    ids = torch.randint(0, vocabulary, (1, prompt), generator=torch.Generator().manual_seed(3)).cuda()
    ways = {"compiled": {"cache_implementation": "static"}} if compiled else {"dynamic": {}}
    for way, more in ways.items():
        for count in lines:
            def once():
                torch.cuda.synchronize()
                start = time.perf_counter()
                out = model.generate(
                    ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=0.8, top_k=40,
                    num_return_sequences=count, max_new_tokens=tokens, min_new_tokens=tokens, pad_token_id=0, **more)
                torch.cuda.synchronize()
                assert out.shape == (count, prompt + tokens)
                return time.perf_counter() - start
            torch.cuda.reset_peak_memory_stats()
            start = time.perf_counter()
            once()
            first = time.perf_counter() - start
            times = [once() for _ in range(rounds)]
            print(json.dumps({
                "peer": "transformers " + way, "model": os.path.basename(folder), "lines": count,
                "tokens": count * tokens, "seconds": statistics.median(times), "first": first,
                "peak_mib": torch.cuda.max_memory_allocated() // 2**20,
                "tokens_per_second": count * tokens / statistics.median(times)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "check", "speed"])
    parser.add_argument("rest", nargs="+")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--prompt", type=int, default=113)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compiled", action="store_true")
    a = parser.parse_args()
    if a.what == "make":
        make(*a.rest)
    elif a.what == "check":
        check(*a.rest)
    else:
        speed(a.rest[0], [int(count) for count in a.rest[1:]], a.tokens, a.prompt, a.rounds, a.compiled)


main()
