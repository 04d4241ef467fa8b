"""Writes tts-models/src/text/template/tojson.json: values by the filter `tojson` of transformers, by Jinja.

usage: tojson.py > tojson.json

The filter hands its options on to Python's json.dumps: `indent`, `separators`, `sort_keys` and `ensure_ascii`, alone and
together, over values with all that they change. Needs jinja2.
"""
import itertools
import json

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

VALUES = {
    "tool": """{'type': 'function', 'function': {'name': 'f', 'description': 'd', 'parameters': {'type': 'object',
        'properties': {'b': {'type': 'integer'}, 'a': {'enum': [2, 1]}}, 'required': []}}}""",
    "letters": r"""['é', '文', '👍', 'a\u007f\u0080', '\u0001\t\n\r\b\f', '"\\/', '<b>&\'', '\u2028', {'ü': 'ß'}]""",
    "numbers": """[0, -1, 18446744073709551615, 1.0, -0.0, 0.1, 1.5e300, 1e15, 1e16, 123456789012345680.0, 0.0001,
        0.00001, 1.25e-7, true, false, none]""",
    "empty": "[[], {}, [[]], {'a': {}}, '', ()]",
    "keys": "{'b': 1, 'B': 2, 'aa': 3, 'a': {'z': 1, 'y': [{'d': 4, 'c': 5}]}, '': 0}",
    "integers": "{10: 'a', 9: 'b', 2: {3: 1, -1: 2}}",
    "mixed": "{'a': 1, 2: 'b'}",
    "text": "'a \"b\"'",
    "pairs": "(1, ('a', 2))",
}
OPTIONS = {
    "indent": ["0", "2", "20", "-1", "'\\t'", "none"],
    "separators": ["(',', ':')", "[' ; ', ' = ']", "none", "(',',)"],
    "sort_keys": ["true", "false"],
    "ensure_ascii": ["true", "0"],
}


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
environment.filters["tojson"] = tojson

# Each option alone, and some together.
chosen = [""] + [f"{option}={text}" for option, texts in OPTIONS.items() for text in texts]
chosen += ["indent=2, separators=('|', '>')", "sort_keys=true, ensure_ascii=true",
           "indent=1, separators=(',', ':'), sort_keys=true, ensure_ascii=true"]
cases = []
for (name, value), options in itertools.product(VALUES.items(), chosen):
    case = dict(value=name, options=options)
    try:
        case["expected"] = environment.from_string("{{ (" + value + f") | tojson({options})" + " }}").render()
    except (TypeError, ValueError) as error:
        case["error"] = str(error)
    cases.append(case)
body = ",\n".join(json.dumps(case) for case in cases)
print(f'{{\n"values": {json.dumps(VALUES, indent=0)},\n"cases": [\n{body}\n]}}')
