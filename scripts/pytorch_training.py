#!/usr/bin/env python3
"""Measures training of a Llama decoder in PyTorch: what `training` of tts-benches is compared with.

usage: pytorch_training.py [--precision f32|bf16] [--compile] [--hidden 256] [--layers 4] [--batch 64] ...

The same shapes, batch, threads and AdamW; bf16 is autocast. Needs torch.
"""
import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-5)


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Layer(nn.Module):
    def __init__(self, a):
        super().__init__()
        h, f = a.hidden, a.intermediate
        self.heads = a.heads
        self.norm, self.middle = Norm(h), Norm(h)
        self.qkv = nn.Linear(h, 3 * h, bias=False)
        self.output = nn.Linear(h, h, bias=False)
        self.gate_up = nn.Linear(h, 2 * f, bias=False)
        self.down = nn.Linear(f, h, bias=False)

    def forward(self, x, cos, sin):
        b, s, h = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, s, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).reshape(b, s, h))
        gate, up = self.gate_up(self.middle(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class Decoder(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.embedding = nn.Embedding(a.vocab, a.hidden)
        self.layers = nn.ModuleList(Layer(a) for _ in range(a.layers))
        self.norm = Norm(a.hidden)
        width = a.hidden // a.heads
        angles = torch.outer(torch.arange(a.length).float(),
                             10000.0 ** (-torch.arange(0, width, 2).float() / width))
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, tokens):
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        return F.linear(self.norm(x), self.embedding.weight)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--compile", action="store_true")
    for name, default in [("hidden", 256), ("intermediate", 640), ("layers", 4), ("heads", 4),
                          ("vocab", 256), ("batch", 64), ("length", 128), ("steps", 8), ("threads", 2)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    model = Decoder(a)
    parameters = sum(p.numel() for p in model.parameters())
    forward = torch.compile(model) if a.compile else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1, fused=True)
    tokens = torch.randint(a.vocab, (2 * a.batch, a.length))
    started = None
    # Two updates that are not measured: compilation and first allocations.
    for step in range(a.steps + 2):
        if step == 2:
            started = time.perf_counter()
        batch = tokens[(step % 2) * a.batch:][:a.batch]
        with torch.autocast("cpu", torch.bfloat16, enabled=a.precision == "bf16"):
            logits = forward(batch)
        loss = F.cross_entropy(logits[:, :-1].float().reshape(-1, a.vocab), batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    seconds = time.perf_counter() - started
    count = a.steps * a.batch * a.length
    print(json.dumps({"precision": a.precision, "compiled": a.compile, "parameters": parameters,
                      "tokens": count, "seconds": seconds, "tokens_per_second": count / seconds,
                      "gflops": 6e-9 * parameters * count / seconds, "loss": loss.item()}))


if __name__ == "__main__":
    main()
