#!/usr/bin/env python3
"""What the tests of AB-MCTS-M compare with: its mixed model by dense covariances, and the shapes of its trees.

usage: ab_mcts_m.py law             moments of draws, how often each arm is the highest, means of both deviations
       ab_mcts_m.py shape [SEED] [SEARCHES]      new solutions of the problem and depth, in searches of 40 calls

Needs numpy. `law` knows nothing of the closed integral; `shape` is a second implementation of the search in the
world of tts-search/examples/stories/worlds/quality.rs.
"""
import sys

import numpy as np

LEAST, MOST = np.log(1 / 8192), np.log(4)
SETS = {
    "one": [[.4]],
    "apart": [[.1, .15, .2], [.8, .9, .85, .8], [.5]],
    "alike": [[.5, .52], [.48], [.51, .5], [.49], [.5]],
    "wide": [[.1], [.9], [.3], [.7], [.2], [.6]],
}


def grid(side):
    units = np.exp(LEAST + (MOST - LEAST) * (np.arange(side) + .5) / side)
    between, within = np.meshgrid(.2 * units, .3 * units, indexing="ij")
    prior = -.5 * (between / .2) ** 2 - .5 * (within / .3) ** 2 + np.log(between) + np.log(within)
    return between, within, prior


def law(groups, side, draws=400_000, mean=.5, spread=.2):
    rng = np.random.default_rng(1)
    between, within, prior = grid(side)
    counts = np.array([len(group) for group in groups])
    means = np.array([np.mean(group) for group in groups])
    scores = np.concatenate([np.array(group, float) for group in groups])
    owner = np.repeat(np.arange(len(groups)), counts)
    same, eye = (owner[:, None] == owner[None, :]).astype(float), np.eye(len(scores))
    density = np.empty((side, side))
    for row in range(side):
        covariance = same * between[row, :, None, None] ** 2 + eye * within[row, :, None, None] ** 2 + spread ** 2
        factor = np.linalg.cholesky(covariance)
        off = np.broadcast_to((scores - mean)[None, :, None], (side, len(scores), 1))
        z = np.linalg.solve(factor, off)[..., 0]
        density[row] = -.5 * (z ** 2).sum(-1) - np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(-1)
    p = np.exp(density + prior - (density + prior).max())
    p /= p.sum()
    cell = rng.choice(side * side, size=draws, p=p.ravel())
    b, w = between.ravel()[cell], within.ravel()[cell]
    weight = counts / (w[:, None] ** 2 + counts * b[:, None] ** 2)
    precision = 1 / spread ** 2 + weight.sum(1)
    centre = mean + (weight * (means - mean)).sum(1) / precision + rng.standard_normal(draws) / np.sqrt(precision)
    own = 1 / b[:, None] ** 2 + counts / w[:, None] ** 2
    child = (centre[:, None] / b[:, None] ** 2 + counts * means / w[:, None] ** 2) / own
    child += rng.standard_normal(child.shape) / np.sqrt(own)
    out = np.empty((draws, len(groups) + 1))
    out[:, :-1] = child + rng.standard_normal(child.shape) * w[:, None]
    out[:, -1] = centre + rng.standard_normal(draws) * np.sqrt(b ** 2 + w ** 2)
    best = np.bincount(out.argmax(1), minlength=len(groups) + 1) / draws
    return {"mean": out.mean(0).round(4).tolist(), "deviation": out.std(0).round(4).tolist(),
            "best": best.round(4).tolist(), "between": round(float((p * between).sum()), 5),
            "within": round(float((p * within).sum()), 5)}


class Node:
    def __init__(self, score, depth):
        self.score, self.children, self.depth = score, [], depth

    def scores(self):
        return sum((child.scores() for child in self.children), [self.score])


def draw(groups, rng, between, within, prior):
    counts = np.array([len(group) for group in groups], float)
    means = np.array([np.mean(group) for group in groups])
    spread = sum(((np.array(group) - np.mean(group)) ** 2).sum() for group in groups)
    variance = (within ** 2)[..., None] + counts * (between ** 2)[..., None]
    weight, off = counts / variance, means - .5
    precision, weighted = 25 + weight.sum(-1), (weight * off).sum(-1)
    log = prior - .5 * ((counts - 1).sum() * np.log(within ** 2) + np.log(variance).sum(-1) + spread / within ** 2
                        + np.log(precision) + (weight * off * off).sum(-1) - weighted ** 2 / precision)
    mass = np.cumsum(np.exp(log - log.max()).ravel())
    cell = np.searchsorted(mass, rng.random() * mass[-1])
    b2, w2 = (between ** 2).ravel()[cell], (within ** 2).ravel()[cell]
    precision, weighted = precision.ravel()[cell], weighted.ravel()[cell]
    centre = .5 + weighted / precision + rng.standard_normal() / np.sqrt(precision)
    own = 1 / b2 + counts / w2
    children = (centre / b2 + counts * means / w2) / own + rng.standard_normal(len(counts)) * np.sqrt(1 / own + w2)
    return children, centre + rng.standard_normal() * np.sqrt(b2 + w2)


def given_up(child):
    scores = [round(100 * score) for score in child.scores()]
    return len(scores) >= 4 and max(scores.count(score) for score in set(scores)) >= .75 * len(scores)


def search(fresh, gain, rng, calls=40):
    law, root, depths = grid(96), Node(None, 0), []
    for _ in range(calls):
        node = root
        while node.children:
            draws, most = draw([child.scores() for child in node.children], rng, *law)
            best = None
            for child, score in zip(node.children, draws):
                if score > most and not given_up(child):
                    best, most = child, score
            if best is None:
                break
            node = best
        base = fresh if node is root else node.score + gain
        score = round(min(1, max(0, base + .1 * (rng.random() - .5))), 3)
        node.children.append(Node(score, node.depth + 1))
        depths.append(node.depth + 1)
    return depths.count(1), max(depths)


def main():
    if sys.argv[1:2] == ["law"]:
        for name, groups in SETS.items():
            print(name, law(groups, 250))
    elif sys.argv[1:2] == ["shape"]:
        rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
        for fresh, gain in [(.6, -.5), (.2, .1), (.4, 0)]:
            found = np.array([search(fresh, gain, rng) for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 150)])
            print(fresh, gain, "wide, deep:", found.mean(0).round(2), "deviations:", found.std(0).round(2), flush=True)
    else:
        sys.exit(__doc__)


main()
