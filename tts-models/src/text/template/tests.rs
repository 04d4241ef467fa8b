//! Rendered texts against those of Python's Jinja, hostile templates, and folders.

use serde_json::{Value as Json, json};

use super::*;

fn messages(list: &Json) -> Vec<Message> {
    serde_json::from_value(list.clone()).unwrap()
}

/// Cases rendered with Jinja2 3.1 in the environment that `transformers` sets up.
fn check(golden: &str) -> usize {
    let golden: Json = serde_json::from_str(golden).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    for case in cases {
        let source = golden["templates"][case["template"].as_str().unwrap()].as_str().unwrap();
        let mut template = ChatTemplate::new(source, "<s>", "</s>").unwrap();
        for (name, value) in case["extra"].as_object().unwrap() {
            template = template.with(name, value);
        }
        let template = template.at(case["now"].as_i64().unwrap());
        let prompt = case["add_generation_prompt"].as_bool().unwrap();
        let text = template.render(&messages(&case["messages"]), prompt);
        match (case["expected"].as_str(), text) {
            (Some(expected), text) => assert_eq!(text.unwrap(), expected, "{}", case["name"]),
            (None, Err(_)) => {}
            (None, Ok(text)) => panic!("{}: {text:?} for {}", case["name"], case["error"]),
        }
    }
    cases.len()
}

#[test]
fn texts_equal_those_of_python() {
    assert!(check(include_str!("golden.json")) > 50);
}

/// Macros, namespaces and the date, as gpt-oss's template has them (`scripts/golden/harmony.py`).
#[test]
fn texts_in_channels_equal_those_of_python() {
    assert!(check(include_str!("harmony.json")) > 15);
}

/// The filter and its options (`scripts/golden/tojson.py`).
#[test]
fn values_in_json_equal_those_of_python() {
    let golden: Json = serde_json::from_str(include_str!("tojson.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 100);
    for case in cases {
        let [value, options] = ["value", "options"].map(|name| case[name].as_str().unwrap());
        let source = golden["values"][value].as_str().unwrap();
        let source = format!("{{{{ ({source}) | tojson({options}) }}}}");
        let text = ChatTemplate::new(&source, "", "").unwrap().render(&[], false);
        match (case["expected"].as_str(), text) {
            (Some(expected), text) => assert_eq!(text.unwrap(), expected, "{value} {options}"),
            (None, Err(_)) => {}
            (None, Ok(text)) => panic!("{value} {options}: {text} for {}", case["error"]),
        }
    }
}

#[test]
fn options_that_say_nothing_are_refused_by_name() {
    for (options, expected) in [
        ("indent=2000", "tojson: indent 2000, expected at most 1024"),
        ("indent=[1]", "tojson: indent [1], expected a number or a text"),
        ("separators=1", "tojson: separators 1, expected two texts"),
        ("separators=(1, 2)", "expected two texts"),
        ("default=1", "unknown keyword argument 'default'"),
    ] {
        let source = format!("{{{{ [1] | tojson({options}) }}}}");
        let error = ChatTemplate::new(&source, "", "").unwrap().render(&[], false).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn keys_of_an_argument_stay_in_their_order() {
    let tools = r#"tools=[{"type": "function", "function": {"name": "f", "description": "d"}}]"#;
    let argument: TemplateArgument = tools.parse().unwrap();
    let written = tools.strip_prefix("tools=").unwrap();
    let source = "{{ tools | tojson }}{% for key in tools[0] %} {{ key }}{% endfor %}";
    let template = ChatTemplate::new(source, "", "").unwrap().with_argument(&argument);
    assert_eq!(template.render(&[], false).unwrap(), format!("{written} type function"));
    // Another order is another prompt, so it has another name.
    assert_eq!(
        argument.to_string(),
        format!("tools={}", written.replace(": ", ":").replace(", ", ","))
    );
    assert_eq!(argument.to_string().parse::<TemplateArgument>().unwrap(), argument);
    let sorted = TemplateArgument::new("tools", argument.value().clone()).unwrap();
    assert_eq!(sorted.value(), argument.value());
    assert_ne!(sorted.to_string(), argument.to_string());
}

#[test]
fn errors_name_the_template_and_the_line() {
    let message = [Message::new("user", "x")];
    let table: &[(&str, &str)] = &[
        ("a\n{% if %}", "chat_template: line 2: syntax error: "),
        ("a\n\n{{ x", "chat_template: line 3: syntax error: "),
        ("{% generation %}x", "chat_template: line 1: syntax error: "),
        (
            "\n{{ raise_exception('no ' ~ messages[0].role) }}",
            "chat_template: line 2: invalid operation: the template says: no user",
        ),
        ("{{ nope() }}", "chat_template: line 1: unknown function"),
        ("{{ x.y.z }}", "chat_template: line 1: undefined value"),
        ("{{ 'x'.nope() }}", "chat_template: line 1: unknown method"),
        (
            "{{ strftime_now('%Q') }}",
            "chat_template: line 1: invalid operation: strftime_now: unknown",
        ),
        ("{% include 'other' %}", "chat_template: line 1: template not found"),
        ("{{ messages | tojson(nope=1) }}", "chat_template: line 1: too many arguments"),
    ];
    for (source, expected) in table {
        let result = ChatTemplate::new(source, "", "").and_then(|t| t.render(&message, true));
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
    let error = ChatTemplate::new(&"x".repeat(2 << 20), "", "").unwrap_err().to_string();
    assert_eq!(error, "chat_template: chat_template: 2097152 bytes, at most 1048576");
}

#[test]
fn hostile_templates_fail() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000));
    let nested = "{% if 1 %}".repeat(20_000);
    let table = [
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{{ 'a' * 99999999 }}",
        "{% for i in range(9999) %}{{ 'a' * 99999 }}{% endfor %}",
        "{{ '%999999999d' | format(1) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set n.x = n.x.replace('a', n.x) %}{% endfor %}",
        deep.as_str(),
        nested.as_str(),
    ];
    for source in table {
        let result = ChatTemplate::new(source, "", "").and_then(|t| t.render(&[], true));
        let start: String = source.chars().take(120).collect();
        assert!(result.is_err(), "{start}: {} bytes", result.unwrap().len());
    }
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let render = || ChatTemplate::from_folder(folder.path())?.render(&[], true);
    let config = |value: &Json| put("tokenizer_config.json", &value.to_string());

    assert!(render().unwrap_err().to_string().contains("neither a template nor a list"));
    put("tokenizer_config.json", "{\"a\": ");
    assert!(render().unwrap_err().to_string().contains("tokenizer_config.json: JSON: EOF"));
    config(&json!({"chat_template": "{{ bos_token }}1{{ eos_token }}", "bos_token": "<s>",
                   "eos_token": {"content": "</s>", "lstrip": false}}));
    assert_eq!(render().unwrap(), "<s>1</s>");
    config(&json!({"bos_token": null, "chat_template": [
        {"name": "tool_use", "template": "2"}, {"name": "default", "template": "{{ bos_token }}3"}]}));
    assert_eq!(render().unwrap(), "3");
    config(&json!({"chat_template": [{"name": "tool_use", "template": "2"}]}));
    assert!(
        render().unwrap_err().to_string().contains("tokenizer_config.json: chat_template: nei")
    );
    put(
        "tokenizer_config.json",
        "\u{feff}{\"bos_token\": \"<s>\", \"model_max_length\": Infinity}",
    );
    let error = render().unwrap_err().to_string();
    assert!(error.ends_with("no chat_template.jinja and no chat_template.json either"), "{error}");
    put("chat_template.json", r#"{"chat_template": "{{ bos_token }}5"}"#);
    assert_eq!(render().unwrap(), "<s>5");
    put("chat_template.jinja", "4\n");
    assert_eq!(render().unwrap(), "4");
    put("chat_template.jinja", "4\n{% if %}");
    assert!(render().unwrap_err().to_string().contains("chat_template.jinja: line 2: syntax"));
}

/// What Python's Jinja says of values, by `tests.py` of Jinja2 3.1.
#[test]
fn tests_of_values_answer_as_in_python() {
    let answers = [
        ("none", "- - - -"),
        ("true", "- - - number"),
        ("1", "- - - number"),
        ("1.5", "- - - number"),
        ("''", "iterable sequence - -"),
        ("'abc'", "iterable sequence - -"),
        ("[]", "iterable sequence - -"),
        ("(1,2)", "iterable sequence - -"),
        ("{}", "iterable sequence mapping -"),
        ("{'a':1}", "iterable sequence mapping -"),
        ("nope", "iterable sequence - -"),
        ("range(3)", "iterable sequence - -"),
        ("messages", "iterable sequence - -"),
        ("messages[0]", "iterable sequence mapping -"),
    ];
    let message = [Message::new("user", "x")];
    for (value, expected) in answers {
        let found = ["iterable", "sequence", "mapping", "number"].map(|test| {
            let source = format!("{{{{ '{test}' if {value} is {test} else '-' }}}}");
            ChatTemplate::new(&source, "", "").unwrap().render(&message, true).unwrap()
        });
        assert_eq!(found.join(" "), expected, "{value}");
    }
}

#[test]
fn formats_give_the_texts_of_python() {
    let message = [Message::new("user", "x")];
    for (source, expected) in [
        ("'%s' % 'a'", "a"),
        ("'%s and %s' % ('a', 'b')", "a and b"),
        ("'%d' % 3", "3"),
        ("'%05.2f|%-4s|%4s|' % (3.14159, 'a', 'b')", "03.14|a   |   b|"),
        ("'%s%%' % 5", "5%"),
        ("'%x' % 255", "ff"),
        ("'%s' % none", "None"),
        ("'%s' % true", "True"),
        ("'%s' % messages[0].role", "user"),
        ("'a' ~ '%s' % 'b' ~ 'c'", "abc"),
        ("'%s' % 'a' | upper", "A"),
        ("'%s' % 'x' + 'y'", "xy"),
        ("'%i items' % messages | length", "1 items"),
        ("7 % 4", "3"),
    ] {
        let template = ChatTemplate::new(&format!("{{{{ {source} }}}}"), "", "").unwrap();
        assert_eq!(template.render(&message, true).unwrap(), expected, "{source}");
    }
}

/// Rendered with Jinja2 3.1, the block as `transformers` defines it.
#[test]
fn what_is_marked_for_training_renders_as_what_it_holds() {
    let source = "{% for m in messages %}\n  {% if m.role == 'user' %}\nU:{{ m.content }}\n  {% else %}\n  {% generation %}\n{% set x = 1 %}A:{{ m.content }}<e>\n  {%- endgeneration %}\n  {%- endif %}\n{% endfor %}{{ x is defined }}{% if add_generation_prompt %}A:{% endif %}";
    let chat = [("user", "1"), ("assistant", "2"), ("user", "3")].map(|(r, c)| Message::new(r, c));
    let template = ChatTemplate::new(source, "", "").unwrap();
    assert_eq!(template.render(&chat, true).unwrap(), "U:1\nA:2<e>U:3\nFalseA:");
}

#[test]
fn arguments_are_json_or_text_and_reach_the_template() {
    let source = "{{ think }} {% if think is true or think is false %}b{% endif %}";
    let rendered = |argument: &str| {
        let argument: TemplateArgument = argument.parse().unwrap();
        assert_eq!(argument.to_string().parse::<TemplateArgument>().unwrap(), argument);
        let template = ChatTemplate::new(source, "", "").unwrap().with_argument(&argument);
        template.render(&[], true).unwrap()
    };
    assert_eq!(rendered("think=false"), "False b");
    assert_eq!(rendered("think=high"), "high ");
    assert_eq!(rendered("think=\"true\""), "true ");
    assert_eq!(rendered("think="), " ");
    assert_eq!(rendered("think=a=b"), "a=b ");
    for (text, problem) in [
        ("think", "expected NAME=VALUE"),
        ("=1", "is not a name"),
        ("a b=1", "is not a name"),
        ("1a=1", "is not a name"),
        ("messages=[]", "is not for users"),
        ("add_generation_prompt=false", "is not for users"),
        ("strftime_now=\"today\"", "is not for users"),
    ] {
        let error = text.parse::<TemplateArgument>().unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
}
