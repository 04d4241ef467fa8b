#!/usr/bin/env python3
"""Losses of policies and their gradients by PyTorch's autograd: golden values of `tts_models::train::PolicyGoal`.

usage: policy_loss.py > tts-models/tests/fixtures/policy_golden.json

Random texts of one to seven tokens over a vocabulary of nine: logits, what was drawn, advantages, old and reference
log-probabilities. The loss is written from the papers (GRPO with its clip and divergence, GSPO with the ratio of the
sequence, truncated importance weights, and behind the first sixty CISPO, whose clip is of the weight), in double
precision. Needs torch.
"""
import json

import torch

generator = torch.Generator().manual_seed(11)


def uniform(*shape):
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def pick(options):
    return options[int(torch.randint(0, len(options), (1,), generator=generator))]


def single(values):
    """As 32-bit numbers hold them."""
    return values.float().double()


def case(of_weight=False):
    length = int(torch.randint(1, 8, (1,), generator=generator))
    logits = single(3 * uniform(length, 9) - 1.5).requires_grad_()
    drawn = torch.randint(0, 9, (length,), generator=generator)
    logprobs = logits.log_softmax(-1)[torch.arange(length), drawn]
    spread = pick([0.05, 0.5, 2.0])
    old = single(logprobs.detach() + spread * (uniform(length) - 0.5))
    reference = single(logprobs.detach() + uniform(length) - 0.5) if pick([True, False]) else None
    importance = single(2 * uniform(length)) if pick([True, False]) else None
    advantage = single(2 * uniform(length) - 1) if pick([True, False]) else single(2 * uniform(1) - 1).expand(length)
    below, above = pick([(0.2, 0.2), (0.2, 0.28), (0.0003, 0.0004), (0.5, 3.0)])
    beta = pick([0.04, 0.5]) if reference is not None else 0.0
    weight, of_sequence = pick([1.0, 1.0 / length, 0.125]), pick([True, False])
    below, above, beta, weight = (float(single(torch.tensor(x, dtype=torch.float64))) for x in (below, above, beta, weight))
    moved = logprobs - old
    ratio = moved.mean().exp().expand(length) if of_sequence else moved.exp()
    if of_weight:
        surrogate = ratio.clamp(1 - below, 1 + above).detach() * advantage * logprobs
    else:
        surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - below, 1 + above) * advantage)
    loss = -(surrogate if importance is None else importance * surrogate)
    if reference is not None:
        away = reference - logprobs
        loss = loss + beta * (away.exp() - away - 1)
    loss = weight * loss.sum()
    (by_token,) = torch.autograd.grad(loss, [logprobs])
    listed = lambda values: None if values is None else values.tolist()
    return {
        "logprobs": listed(logprobs.detach()), "old": listed(old), "reference": listed(reference),
        "importance": listed(importance), "advantage": listed(advantage), "clip": [below, above], "beta": beta,
        "weight": weight, "ratio": "sequence" if of_sequence else "token", "loss": loss.item(),
        "by_logprob": listed(by_token), **({"clipping": "weight"} if of_weight else {}),
    }


print("[")
print(",\n".join(json.dumps(case(number >= 60)) for number in range(84)))
print("]")
