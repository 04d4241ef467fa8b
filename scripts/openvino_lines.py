#!/usr/bin/env python3
"""OpenVINO GenAI on one prompt: reading 512 tokens, and writing 8 lines without the time of reading.

usage: openvino_lines.py FILE.gguf [--runs 3]

Needs openvino-genai. Prompts differ from run to run, so that nothing is cached. Writing is the
difference between lines of 128 and of 64 tokens from a prompt of 113, medians of the runs.
"""
import argparse
import statistics
import time

import numpy
import openvino
import openvino_genai


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = 2
    scheduler.max_num_batched_tokens = 512
    scheduler.max_num_seqs = 64
    pipe = openvino_genai.LLMPipeline(options.model, "CPU", scheduler_config=scheduler)
    random = numpy.random.default_rng(1)

    def seconds(prompt, lines, new):
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = config.min_new_tokens = new
        config.ignore_eos = True
        config.apply_chat_template = False
        config.do_sample = True
        config.temperature, config.top_k, config.top_p = 0.8, 40, 1.0
        config.num_return_sequences = lines
        ids = openvino.Tensor(random.integers(1000, 40000, (1, prompt), dtype=numpy.int64))
        start = time.perf_counter()
        pipe.generate(ids, config)
        return time.perf_counter() - start

    seconds(512, 8, 4)
    read = statistics.median(seconds(512, 1, 1) for _ in range(options.runs))
    long = statistics.median(seconds(113, 8, 128) for _ in range(options.runs))
    short = statistics.median(seconds(113, 8, 64) for _ in range(options.runs))
    print(f"prefill 512 tok/s {512 / read:.0f}")
    print(f"8 lines tok/s {8 * 64 / (long - short):.0f}")


if __name__ == "__main__":
    main()
