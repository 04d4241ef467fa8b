//! Clients that leave: their searches stop, and their lines are called off.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tts_serve::ServeConfig;

use crate::common::{Held, Server, aside, ask, held, post, said, until, with};

#[test]
fn a_client_that_leaves_frees_its_lines() {
    for stream in [false, true] {
        let gate = Arc::new(Held::default());
        gate.shut.store(true, Ordering::SeqCst);
        let server = Server::start(&ServeConfig::default(), vec![held(&gate)]);
        let body = with(ask("held+best-of-n-6", 0), &json!({"stream": stream, "n": 2})).to_string();
        let mut client = TcpStream::connect(&server.address).expect("connects");
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        client.write_all((head + &body).as_bytes()).expect("writes");
        if stream {
            // In the middle of it.
            let mut line = String::new();
            BufReader::new(&client).read_line(&mut line).expect("a head");
            assert!(line.contains("200"), "{line}");
        }
        until("its lines fly", || gate.flying.load(Ordering::SeqCst) == 12);
        drop(client);
        until("its lines are free", || gate.flying.load(Ordering::SeqCst) == 0);
        until("it is counted", || server.metric("tts_requests_total{outcome=\"left\"}") > 0.5);
        until("its searches are gone", || server.metric("tts_searches_running") < 0.5);
        gate.shut.store(false, Ordering::SeqCst);
        server.chat(&ask("held", 0));
        assert_eq!(gate.flying.load(Ordering::SeqCst), 0);
    }
}

/// One who leaves while waiting gives its place to the next.
#[test]
fn a_client_that_leaves_the_queue_is_forgotten() {
    let gate = Arc::new(Held::default());
    gate.shut.store(true, Ordering::SeqCst);
    let config = ServeConfig { in_flight: 1, queue: 1, answers: 1, ..ServeConfig::default() };
    let server = Server::start(&config, vec![held(&gate)]);
    let address = format!("http://{}/v1/chat/completions", server.address);
    let first = aside({
        let (address, body) = (address.clone(), ask("held", 0).to_string());
        move || said(post(&address).send(&body)).0
    });
    until("the first runs", || gate.flying.load(Ordering::SeqCst) == 1);
    let body = ask("held", 1).to_string();
    let mut client = TcpStream::connect(&server.address).expect("connects");
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all((head + &body).as_bytes()).expect("writes");
    until("the second waits", || server.metric("tts_searches_waiting") > 0.5);
    assert_eq!(server.post("/v1/chat/completions", &ask("held", 2)).0, 429);
    drop(client);
    until("its place is free", || server.metric("tts_searches_waiting") < 0.5);
    let third = aside({
        let body = ask("held", 2).to_string();
        move || said(post(&address).send(&body)).0
    });
    until("the third waits", || server.metric("tts_searches_waiting") > 0.5);
    gate.shut.store(false, Ordering::SeqCst);
    for answered in [first, third] {
        assert_eq!(answered.recv().expect("no panic"), 200);
    }
}
