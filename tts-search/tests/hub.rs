//! Files of the hub: from a cache as Python leaves it, from a hub that answers, and from one that does not.

#![cfg_attr(feature = "hub", expect(clippy::unwrap_used, reason = "helpers of tests"))]
#![cfg(feature = "hub")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tts_search::hub::{Address, Hub, HubError};

const GSM8K: &str = "hf://openai/gsm8k/main/test";

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn hub(cache: &Path, endpoint: &str) -> Hub {
    Hub { cache: cache.into(), endpoint: endpoint.into(), token: None, offline: false }
}

/// A hub of these answers, by path; what was asked, in order.
fn serve(answers: &[(&str, &str, &str)]) -> (String, Arc<Mutex<Vec<String>>>) {
    let answers: Vec<[String; 3]> =
        answers.iter().map(|&(path, head, body)| [path, head, body].map(str::to_owned)).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    // It ends with the test.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            let head: Vec<String> =
                lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let path = first.split(' ').nth(1).unwrap().to_owned();
            let token =
                head.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer secret"));
            heard
                .lock()
                .unwrap()
                .push(format!("{path}{}", if token { " with a token" } else { "" }));
            let answer = answers.iter().find(|[known, _, _]| *known == path);
            let (head, body) = answer.map_or(("404 Not Found", ""), |[_, head, body]| (head, body));
            // A length of its own stands for a connection that breaks.
            let length = if head.contains("content-length") {
                String::new()
            } else {
                format!("content-length: {}\r\n", body.len())
            };
            let text = format!("HTTP/1.1 {head}\r\n{length}connection: close\r\n\r\n{body}");
            let _ = stream.write_all(text.as_bytes());
        }
    });
    (endpoint, asked)
}

fn files(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// The cache as `huggingface_hub` leaves it: blobs, links to them, and what a branch stands for.
#[test]
fn what_python_has_fetched_is_found_without_asking() {
    let cache = tempfile::tempdir().unwrap();
    let place = cache.path().join("datasets--openai--gsm8k");
    let folder = place.join("snapshots/abc/main");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(place.join("refs")).unwrap();
    std::fs::write(place.join("refs/main"), "abc").unwrap();
    for part in 0..2 {
        std::fs::write(folder.join(format!("test-0000{part}-of-00002.parquet")), format!("{part}"))
            .unwrap();
    }
    let nobody = Hub { offline: true, ..hub(cache.path(), "http://127.0.0.1:9") };
    let found = nobody.data(&address(GSM8K)).unwrap();
    assert_eq!(files(&found), ["0", "1"]);
    assert!(found[0].starts_with(cache.path()), "{found:?}");
    // By commit, too; and half of it is not it.
    assert_eq!(
        files(&nobody.data(&address("hf://openai/gsm8k@abc/main/test")).unwrap()),
        ["0", "1"]
    );
    std::fs::remove_file(&found[1]).unwrap();
    let error = nobody.data(&address(GSM8K)).unwrap_err().to_string();
    assert!(error.contains("HF_HUB_OFFLINE forbids it"), "{error}");
}

#[test]
fn without_a_network_it_says_what_was_asked_and_how_to_go_on() {
    let cache = tempfile::tempdir().unwrap();
    // Nobody listens there any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = hub(cache.path(), &format!("http://{closed}"));
    let error = nobody.data(&address(GSM8K)).unwrap_err();
    assert!(matches!(error, HubError::Asked { .. }), "{error:?}");
    let error = error.to_string();
    let place = cache.path().join("datasets--openai--gsm8k");
    for words in [
        "hf://openai/gsm8k/main/test is not in",
        place.to_str().unwrap(),
        &format!("http://{closed}/api/datasets/openai/gsm8k/revision/main"),
        "Without a network, copy the file here",
    ] {
        assert!(error.contains(words), "{error}");
    }
    assert!(!place.exists(), "nothing is left behind");
    let error = nobody.data(&address("hf://openai/gsm8k")).unwrap_err().to_string();
    assert!(error.contains("expected a file or a split"), "{error}");
}

#[test]
fn what_the_hub_has_is_fetched_once() {
    let info = r#"{"sha": "abc", "siblings": [{"rfilename": "README.md"}, {"rfilename": "../evil.jsonl"},
        {"rfilename": "main/test-00000-of-00002.parquet"}, {"rfilename": "main/test-00001-of-00002.parquet"}]}"#;
    let (endpoint, asked) = serve(&[
        ("/api/datasets/openai/gsm8k/revision/main", "200 OK", info),
        (
            "/datasets/openai/gsm8k/resolve/abc/main/test-00000-of-00002.parquet",
            "302 Found\r\nlocation: /elsewhere",
            "",
        ),
        ("/elsewhere", "200 OK", "zero"),
        ("/datasets/openai/gsm8k/resolve/abc/main/test-00001-of-00002.parquet", "200 OK", "one"),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let there = Hub { token: Some("secret".into()), ..hub(cache.path(), &endpoint) };
    let found = there.data(&address(GSM8K)).unwrap();
    assert_eq!(files(&found), ["zero", "one"]);
    let place = cache.path().join("datasets--openai--gsm8k");
    assert_eq!(std::fs::read_to_string(place.join("refs/main")).unwrap(), "abc");
    assert!(found[0].ends_with("snapshots/abc/main/test-00000-of-00002.parquet"));
    let questions = asked.lock().unwrap().clone();
    assert!(questions[0].ends_with("/revision/main with a token"), "{questions:?}");
    assert_eq!(there.data(&address(GSM8K)).unwrap(), found);
    assert_eq!(*asked.lock().unwrap(), questions, "asked again for what is there");
    let error = there.data(&address("hf://openai/gsm8k/main/dev")).unwrap_err().to_string();
    assert!(error.contains("no such file or split; it has README.md, main/test-00000"), "{error}");
    assert!(!error.contains("evil"), "{error}");
}

#[test]
fn models_are_files_or_folders() {
    let info = r#"{"sha": "c1", "siblings": [{"rfilename": "config.json"}, {"rfilename": "model.safetensors"},
        {"rfilename": "pytorch_model.bin"}, {"rfilename": "onnx/config.json"}, {"rfilename": "m.gguf"}]}"#;
    let (endpoint, asked) = serve(&[
        ("/api/models/a/b/revision/main", "200 OK", info),
        ("/a/b/resolve/c1/config.json", "200 OK", "{}"),
        ("/a/b/resolve/c1/model.safetensors", "200 OK", "weights"),
        ("/a/b/resolve/c1/m.gguf", "200 OK", "GGUF"),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let there = hub(cache.path(), &endpoint);
    let folder = there.model(&address("hf://a/b")).unwrap();
    assert!(folder.ends_with("models--a--b/snapshots/c1"), "{folder:?}");
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config.json", "model.safetensors"]);
    let file = there.model(&address("hf://a/b/m.gguf")).unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "GGUF");
    assert!(asked.lock().unwrap().iter().all(|path| !path.contains("token")));
}

#[test]
fn what_breaks_on_the_way_is_not_taken_for_whole() {
    let info =
        r#"{"sha": "abc", "siblings": [{"rfilename": "t.jsonl"}, {"rfilename": "gone.jsonl"}]}"#;
    let path = "/datasets/a/b/resolve/abc/t.jsonl";
    let (endpoint, _) = serve(&[
        ("/api/datasets/a/b/revision/main", "200 OK", info),
        (path, "200 OK\r\ncontent-length: 100", "half"),
        ("/api/datasets/a/private/revision/main", "401 Unauthorized", ""),
        ("/api/datasets/a/odd/revision/main", "200 OK", "<html>"),
        ("/api/datasets/a/evil/revision/main", "200 OK", r#"{"sha": "../x", "siblings": []}"#),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let there = hub(cache.path(), &endpoint);
    for (text, expected) in [
        ("hf://a/b/t.jsonl", "resolve/abc/t.jsonl failed: "),
        ("hf://a/b/gone.jsonl", "404"),
        ("hf://a/private/t.jsonl", "HF_TOKEN says who asks"),
        ("hf://a/odd/t.jsonl", "failed: expected value"),
        ("hf://a/evil/t.jsonl", "is no commit"),
    ] {
        // Twice: what is left of the first is not found by the second.
        for _ in 0..2 {
            let error = there.data(&address(text)).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}

/// TLS without C: the provider that is named exists, and the roots are there.
#[test]
fn an_address_over_tls_is_asked_over_tls() {
    let cache = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = hub(cache.path(), &format!("https://{closed}")).data(&address(GSM8K)).unwrap_err();
    let HubError::Asked { source, .. } = error else { panic!("{error:?}") };
    assert!(source.to_string().to_lowercase().contains("refused"), "{source}");
}
