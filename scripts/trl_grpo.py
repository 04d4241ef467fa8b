#!/usr/bin/env python3
"""GRPO by TRL on the same tiny model and problems: its loss on a batch of ours, and what a step takes.

usage: trl_grpo.py loss MODEL RUN...      loss and norm of the gradient beside those of the runs' journals
       trl_grpo.py speed MODEL RUN        seconds a step, on the questions of the run

MODEL is a folder (`tts-prm/pair/generator`), RUN the `work` folder of `reinforce --record 1 --record-tokens --steps N`.
The loss is that of the first step, from the tokens, advantages and log-probabilities that `samples.jsonl` holds; the
scheme is read from the journal. Threads are as many as OMP_NUM_THREADS says. Needs torch, transformers and trl.
"""
import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

SCHEMES = {
    "grpo": {"loss_type": "grpo"},
    "dapo": {"loss_type": "dapo", "epsilon_high": 0.28},
    "dr-grpo": {"loss_type": "dr_grpo", "scale_rewards": "none"},
    "gspo": {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 3e-4, "epsilon_high": 4e-4},
}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def opened(folder):
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(Path(folder) / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    end = model.config.eos_token_id
    end = end[0] if isinstance(end, list) else end
    tokenizer.eos_token = tokenizer.pad_token = tokenizer.convert_ids_to_tokens(end)
    tokenizer.padding_side = "left"
    return model, tokenizer


def trainer(model, tokenizer, questions, batch, samples, most, steps, watch=None, **scheme):
    settings = GRPOConfig(
        output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, per_device_train_batch_size=batch,
        num_generations=samples, gradient_accumulation_steps=1, max_completion_length=most, temperature=1.0, top_k=0,
        top_p=1.0, beta=0.0, learning_rate=1e-4, lr_scheduler_type="constant", weight_decay=0.0, max_grad_norm=1.0,
        max_steps=steps, logging_steps=1, report_to="none", save_strategy="no", gradient_checkpointing=False,
        disable_tqdm=True, mask_truncated_completions=False, **scheme,
    )

    def right(completions, gold, **_):
        last = lambda text: text.strip().split("\n")[-1].split("=")[-1]
        return [float(last(text) == str(answer)) for text, answer in zip(completions, gold)]

    return GRPOTrainer(
        model=model, reward_funcs=right, args=settings, train_dataset=Dataset.from_list(questions),
        processing_class=tokenizer, callbacks=[watch] if watch else [],
    )


def padded(rows, fill, left):
    longest = max(map(len, rows))
    pad = lambda row: [fill] * (longest - len(row)) + row if left else row + [fill] * (longest - len(row))
    return torch.tensor([pad(row) for row in rows])


def loss(model_folder, runs):
    for run in map(Path, runs):
        header, *notes = lines(run / "journal.jsonl")
        step = next(note["step"] for note in notes if "step" in note)
        config = header["config"]
        kept = [group for group in lines(run / "samples.jsonl") if group["step"] == 1]
        # What was drawn in place of groups of equal rewards counts, those themselves do not.
        samples = [sample for group in kept for sample in group["samples"] if sample["advantage"] is not None]
        ids = [sample["ids"] for sample in samples]
        model, tokenizer = opened(model_folder)
        most = config["rule"]["max_tokens"]
        question = [{"prompt": "1+1", "gold": "2"}] * len(samples)
        made = trainer(model, tokenizer, question, len(samples), len(samples), most, 1, **SCHEMES[config["scheme"]])
        made.current_gradient_accumulation_steps = 1
        model.train()
        tokens = [one["tokens"] for one in ids]
        old = [one["runs"][0]["logprobs"] for one in ids]
        mask = lambda rows, left: padded([[1] * len(row) for row in rows], 0, left)
        inputs = {
            "prompt_ids": padded([one["prompt"] for one in ids], 0, True),
            "prompt_mask": mask([one["prompt"] for one in ids], True),
            "completion_ids": padded(tokens, 0, False),
            "completion_mask": mask(tokens, False),
            "advantages": torch.tensor([sample["advantage"] for sample in samples]),
            "old_per_token_logps": padded(old, 0.0, False),
            "num_items_in_batch": torch.tensor(float(sum(map(len, tokens)))),
        }
        found = made._compute_loss(model, inputs)
        found.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        print(json.dumps({
            "scheme": config["scheme"], "samples": len(samples), "loss": step["loss"], "trl": found.item(),
            "gradient_norm": step["gradient_norm"], "trl_gradient_norm": norm.item(),
            "loss_differs": abs(step["loss"] - found.item()),
            "gradient_differs": abs(step["gradient_norm"] / norm.item() - 1),
        }))


class Watch(TrainerCallback):
    def __init__(self):
        self.begun, self.seconds, self.tokens = 0.0, [], []

    def on_step_begin(self, *_, **__):
        self.begun = time.perf_counter()

    def on_step_end(self, *_, **__):
        self.seconds.append(time.perf_counter() - self.begun)

    def on_log(self, _, __, ___, logs=None, **____):
        if logs and "completions/mean_length" in logs:
            self.tokens.append(logs["completions/mean_length"])


def speed(model_folder, run, steps):
    header, *_ = lines(Path(run) / "journal.jsonl")
    config = header["config"]
    groups = lines(Path(run) / "samples.jsonl")
    questions = [{"prompt": group["question"], "gold": group["gold"]} for group in groups]
    asked = {group["question"]: group for group in groups}
    model, tokenizer = opened(model_folder)
    # Prompts as the run had them: the question and what stands behind it.
    for question in questions:
        ids = asked[question["prompt"]]["samples"][0]["ids"]["prompt"]
        question["prompt"] = tokenizer.decode(ids)
    watch = Watch()
    made = trainer(model, tokenizer, questions, config["problems"] * config["samples"], config["samples"],
                   config["rule"]["max_tokens"], steps, watch, **SCHEMES[config["scheme"]])
    with contextlib.redirect_stdout(sys.stderr):
        made.train()
    print(json.dumps({
        "threads": torch.get_num_threads(), "steps": steps, "seconds_per_step": statistics.median(watch.seconds[1:]),
        "seconds": watch.seconds, "mean_tokens": watch.tokens,
    }))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["loss", "speed"])
    parser.add_argument("model")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--steps", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    if arguments.what == "loss":
        loss(arguments.model, arguments.runs)
    else:
        speed(arguments.model, arguments.runs[0], arguments.steps)


if __name__ == "__main__":
    main()
