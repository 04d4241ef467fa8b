"""Writes tts-models/tests/fixtures/templates_golden.json: chats rendered by published templates, as digests.

usage: templates.py FOLDER... > templates_golden.json

FOLDER holds chat templates as `*.jinja` files, as `models/templates` of llama.cpp does. Of each file its SHA-256 is kept,
and of each chat what transformers makes of it: length and SHA-256 of the text, or that it is refused. So nothing of the
templates stands here, and who has the same files can compare (`tests/real_model/published.rs` says where it looks).
The date is 26 July 2024. Needs transformers and jinja2.
"""
import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path

from transformers.utils.chat_template_utils import _compile_jinja_template

ENDS = {"bos_token": "<bos>", "eos_token": "<eos>"}

# Which family of docs/models.md a template is of, by how its file's name begins; others are rendered as well.
FAMILIES = {
    "ByteDance-Seed-OSS": "seed_oss",
    "GLM-4.6": "glm4_moe",
    "HuggingFaceTB-SmolLM3": "smollm3",
    "MiMo": "mimo",
    "Mistral-Small": "mistral3",
    "NousResearch-Hermes": "llama",
    "Qwen-Qw": "qwen2",
    "Qwen-Qwen3": "qwen3",
    "deepseek-ai-DeepSeek-R1-Distill-Llama": "llama",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen": "qwen2",
    "fireworks-ai-llama-3": "llama",
    "google-gemma-2": "gemma2",
    "ibm-granite-granite-3": "granite",
    "ibm-granite-granite-4": "granitemoehybrid",
    "meetkai-functionary": "llama",
    "meta-llama": "llama",
    "microsoft-Phi": "phi3",
    "mistralai-Ministral-3": "ministral3",
    "mistralai-Mistral-Nemo": "mistral",
    "openai-gpt-oss": "gpt_oss",
    "unsloth-mistral-Devstral": "mistral",
}


def message(role, content):
    return {"role": role, "content": content}


SYSTEM = message("system", "Answer in one line.")
USER = message("user", "What is 17 * 24?")
ODD = message("user", "  if a < b && \"c\" != 'd':\n\n\t<|im_end|> [INST] {{ x }} {% y %} \u00e9\u4f60\U0001f600  \n")
THOUGHT = message("assistant", "<think>\n17 * 24 = 340 + 68\n</think>\n\nThe answer is 408.")
PLAIN = message("assistant", "  The answer is 408.\n")

# Name, messages, whether an answer is to follow, arguments.
CHATS = [
    ("a question", [USER], True, {}),
    ("a system's word", [SYSTEM, USER], True, {}),
    ("turns", [SYSTEM, USER, PLAIN, ODD], True, {}),
    ("a turn that is over", [USER, PLAIN], False, {}),
    ("a thought before", [SYSTEM, USER, THOUGHT, USER], True, {}),
    ("a thought that is over", [USER, THOUGHT], False, {}),
    ("thinking", [USER], True, {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}),
    ("no thinking", [SYSTEM, USER], True, {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}),
    ("two questions in a row", [USER, ODD], True, {}),
    ("an answer first", [PLAIN, USER], True, {}),
]


def now(form):
    return datetime(2024, 7, 26).strftime(form)


def digest(text):
    return hashlib.sha256(text).hexdigest()


def rendered(template, messages, follows, arguments, ends):
    """Length in bytes and digest of the text; what is wrong, where it is refused."""
    try:
        text = template.render(
            messages=messages, tools=None, documents=None, add_generation_prompt=follows,
            strftime_now=now, **ends, **arguments,
        ).encode()
    except Exception as error:
        return {"refused": type(error).__name__}
    return {"bytes": len(text), "sha256": digest(text)}


def family(name):
    known = [start for start in FAMILIES if name.startswith(start)]
    return FAMILIES[max(known, key=len)] if known else None


def main(folders):
    files = sorted((path for folder in folders for path in Path(folder).glob("*.jinja")), key=lambda path: path.name)
    templates = []
    for path in files:
        source = path.read_bytes()
        compiled = _compile_jinja_template(source.decode())
        texts = [rendered(compiled, messages, follows, arguments, ENDS) for _, messages, follows, arguments in CHATS]
        templates.append({"file": path.name, "family": family(path.name), "sha256": digest(source), "texts": texts})
    chats = [
        {"name": name, "messages": messages, "add_generation_prompt": follows, "arguments": arguments}
        for name, messages, follows, arguments in CHATS
    ]
    lines = ",\n".join(json.dumps(template) for template in templates)
    print(f'{{"ends": {json.dumps(ENDS)}, "chats": {json.dumps(chats)}, "templates": [\n{lines}\n]}}')


if __name__ == "__main__":
    main(sys.argv[1:])
