"""Writes tts-models/src/text/template/harmony.json: a chat template with what gpt-oss's has, and texts by Jinja.

usage: harmony.py > harmony.json

Macros that call macros and themselves, defaults set within a macro, namespaces, `strftime_now`, keys of a message
asked for by `in`, slices from `loop.index` on, and turns that end by another token where nothing is to follow. Rendered
with Jinja2 in the environment that transformers sets up. Needs jinja2.
"""
import json
from datetime import datetime, timezone

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATE = """\
{#-
  Also takes `tools_inside`, a list, `identity` and `reasoning_effort`.
 #}

{#- Types -#}
{%- macro type_of(spec, wanted, nullable=false) -%}
    {%- if spec.type == "array" -%}
        {%- if 'items' in spec -%}
            {%- set inner = type_of(spec['items'], wanted) -%}
            {%- if inner|length > 20 -%}
                {{- "any[]" }}
            {%- else -%}
                {{- inner + "[]" }}
            {%- endif -%}
        {%- endif -%}
    {%- elif spec.type is defined and spec.type is iterable and spec.type is not string and spec.type[0] is defined -%}
        {{- spec.type | join(" | ") }}
    {%- else -%}
        {{- spec.type }}
        {%- if nullable or spec.nullable -%}
            {{- " | null" }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro namespace_of(name, tools) -%}
    {{- "namespace " + name + " {\\n" }}
    {%- for tool in tools %}
        {{- "type " + tool.name + " = (_: {" }}
        {%- for key, spec in tool.parameters.items() %}
            {{- key }}
            {%- if key not in (tool.required or []) -%}
                {{- "?" }}
            {%- endif -%}
            {{- ": " + type_of(spec, tool.required or []) }}
            {%- if spec.default is defined %}{{ " = " + spec.default|tojson }}{% endif -%}
            {{- ", " if not loop.last else "}\\n" }}
        {%- endfor %}
    {%- endfor %}
    {{- "}" }}
{%- endmacro -%}

{%- macro head() -%}
    {%- if identity is not defined %}
        {%- set identity = "You count." %}
    {%- endif %}
    {{- identity + "\\n" }}
    {{- "Today: " + strftime_now("%Y-%m-%d") + "\\n\\n" }}
    {%- if reasoning_effort is not defined %}
        {%- set reasoning_effort = "medium" %}
    {%- endif %}
    {{- "Effort: " + reasoning_effort }}
    {%- if tools_inside %}
        {%- set there = namespace(web=false, code=false) %}
        {%- for tool in tools_inside %}
            {%- if tool == "web" %}
                {%- set there.web = true %}
            {%- elif tool == "code" %}
                {%- set there.code = true %}
            {%- endif %}
        {%- endfor %}
        {{- "\\nweb: " ~ there.web ~ ", code: " ~ there.code }}
    {%- endif -%}
{%- endmacro -%}

{#- The chat -#}
{{- "<|start|>system<|message|>" }}
{{- head() }}
{{- "<|end|>" }}
{%- if messages and (messages[0].role == "developer" or messages[0].role == "system") %}
    {%- set told = messages[0].content %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set told = "" %}
    {%- set rest = messages %}
{%- endif %}
{%- if told or tools %}
    {{- "<|start|>developer<|message|>" }}
    {%- if told %}
        {{- "# Told\\n\\n" }}
        {{- told }}
        {{- "\\n\\n" }}
    {%- endif %}
    {%- if tools -%}
        {{- namespace_of("functions", tools) }}
    {%- endif -%}
    {{- "<|end|>" }}
{%- endif %}
{%- set last = namespace(name=none) %}
{%- for message in rest -%}
    {%- if message.role == 'assistant' -%}
        {%- if "content" in message %}
            {%- if "<|channel|>final<|message|>" in message.content %}
                {{- raise_exception("no channels in what was said") }}
            {%- endif %}
        {%- endif %}
        {%- set later = namespace(found=false) %}
        {%- for other in rest[loop.index:] %}
            {%- if other.role == 'assistant' and "tool_calls" not in other %}
                {%- set later.found = true %}
            {%- endif %}
        {%- endfor %}
        {%- if "thinking" in message and not later.found %}
            {{- "<|start|>assistant<|channel|>analysis<|message|>" + message.thinking + "<|end|>" }}
        {%- endif %}
        {%- if loop.last and not add_generation_prompt %}
            {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|return|>" }}
        {%- else %}
            {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|end|>" }}
            {%- set last.name = none %}
        {%- endif %}
    {%- elif message.role == 'tool' -%}
        {%- if last.name is none %}
            {{- raise_exception("a result without a call") }}
        {%- endif %}
    {%- elif message.role == 'user' -%}
        {{- "<|start|>user<|message|>" + message.content + "<|end|>" }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|start|>assistant
{%- endif -%}
"""

CHATS = {
    "one": [("user", "What is 2 + 2?")],
    "system": [("system", "  Be brief. "), ("user", "Hi <b>&\"' \u00e9 \u6587")],
    "turns": [("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d\n")],
    "channel": [("user", "a"), ("assistant", "<|channel|>final<|message|>b"), ("user", "c")],
    "tool": [("user", "a"), ("tool", "b")],
    "empty": [],
}
TOOLS = [
    # Keys in the order of letters, as a map that keeps no other has them.
    dict(name="search", required=["query"], parameters=dict(
        deep=dict(type="array", items=dict(type="array", items=dict(type="number", nullable=True))),
        either=dict(type=["string", "null"]), kinds=dict(type="array", items=dict(type="string")),
        maybe=dict(type="string", nullable=True), query=dict(type="string"), top=dict(type="integer", default=10))),
    dict(name="now", parameters=dict(zone=dict(type="string", default="UTC"))),
]
EXTRAS = [{}, dict(reasoning_effort="high", identity="You are asked."),
          dict(tools_inside=["code", "other"], tools=TOOLS)]
NOW = 1721995845


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = lambda form: datetime.fromtimestamp(NOW, timezone.utc).strftime(form)
template = environment.from_string(TEMPLATE)

cases = []
for name, chat in CHATS.items():
    messages = [dict(role=role, content=content) for role, content in chat]
    for extra in EXTRAS if name in ("system", "empty") else EXTRAS[:1]:
        for prompt in (False, True):
            case = dict(name=f"harmony/{name}", template="harmony", messages=messages, add_generation_prompt=prompt,
                        extra=extra, now=NOW)
            given = dict(tools=None, documents=None, bos_token="<s>", eos_token="</s>") | extra
            try:
                case["expected"] = template.render(messages=messages, add_generation_prompt=prompt, **given)
            except jinja2.exceptions.TemplateError as error:
                case["error"] = str(error)
            cases.append(case)
body = ",\n".join(json.dumps(case) for case in cases)
print(f'{{\n"templates": {{\n "harmony": {json.dumps(TEMPLATE)}\n}},\n"cases": [\n{body}\n]}}')
