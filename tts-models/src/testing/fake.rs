//! An HTTP server for tests: answers by a function of what was asked, with faults of the wire on demand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// A request, as it was received.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What follows the host.
    pub path: String,
    /// As they came.
    pub headers: Vec<String>,
    /// JSON, or nothing.
    pub body: Value,
}

/// What the server does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers.
    Json(Value),
    /// Answers with a status, headers (each with its line end) and a text.
    Status(u16, &'static str, String),
    /// Answers line by line, with a pause after each, and closes.
    Lines(Vec<String>, Duration),
    /// Answers so much later.
    Late(Duration, Box<Act>),
    /// Promises the text and sends so many bytes less.
    Cut(String, usize),
    /// Closes without a word.
    Close,
    /// Never answers, until the other side goes.
    Hang,
    /// Sends an answer without end.
    Endless,
}

type Answer = dyn Fn(&Seen) -> Act + Send + Sync;

#[derive(Debug, Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    /// Calls that are being answered, now and at most.
    now: AtomicUsize,
    most: AtomicUsize,
    /// Connections that the other side closed in the middle of a call.
    left: AtomicUsize,
    connections: AtomicUsize,
    over: AtomicBool,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Fake {
    address: String,
    state: Arc<State>,
}

impl Fake {
    /// A server on a free port of loopback.
    ///
    /// # Panics
    /// When there is no port.
    pub fn start(answer: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State::default());
        let answer: Arc<Answer> = Arc::new(answer);
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (state, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &state, &*answer));
            }
        });
        Self { address, state }
    }

    /// Its address.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// What was asked at this path.
    ///
    /// # Panics
    /// When a test's function did.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.state.seen.lock().expect("no panic");
        seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// The most calls that were being answered at one time.
    pub fn most(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }

    /// Connections that were made.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many connections were closed in the middle of a call; false after ten seconds.
    pub fn saw_leave(&self, count: usize) -> bool {
        (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            self.state.left.load(Ordering::SeqCst) >= count
        })
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address.trim_start_matches("http://"));
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    (reader.read_line(&mut line).ok()? > 0).then_some(())?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_owned();
        if header.is_empty() {
            break;
        }
        let lower = header.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push(header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Seen { path, headers, body })
}

fn head(status: u16, headers: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
    )
}

fn serve(stream: &TcpStream, state: &State, answer: &Answer) {
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read(&mut reader) {
        state.seen.lock().expect("no panic").push(seen.clone());
        let now = state.now.fetch_add(1, Ordering::SeqCst) + 1;
        state.most.fetch_max(now, Ordering::SeqCst);
        let mut act = answer(&seen);
        while let Act::Late(late, next) = act {
            std::thread::sleep(late);
            act = *next;
        }
        let goes_on = perform(act, stream, state);
        state.now.fetch_sub(1, Ordering::SeqCst);
        if !goes_on {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Whether the connection stays.
fn perform(act: Act, mut stream: &TcpStream, state: &State) -> bool {
    let mut send = |text: String| stream.write_all(text.as_bytes()).is_ok();
    match act {
        Act::Json(value) => {
            let body = value.to_string();
            send(head(200, "", body.len()) + &body)
        }
        Act::Status(status, headers, body) => send(head(status, headers, body.len()) + &body),
        Act::Cut(body, missing) => {
            send(head(200, "", body.len()) + &body[..body.len() - missing]);
            false
        }
        Act::Hang => {
            let mut byte = [0];
            // Returns when the other side closes.
            let gone = matches!(stream.read(&mut byte), Ok(0) | Err(_));
            state.left.fetch_add(usize::from(gone), Ordering::SeqCst);
            false
        }
        Act::Endless => {
            send("HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n[".into());
            while send("1,".repeat(100)) {
                std::thread::sleep(Duration::from_millis(5));
            }
            state.left.fetch_add(1, Ordering::SeqCst);
            false
        }
        Act::Lines(lines, pause) => {
            send(
                "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
                    .into(),
            );
            for line in lines {
                if !send(line + "\n") {
                    state.left.fetch_add(1, Ordering::SeqCst);
                    return false;
                }
                std::thread::sleep(pause);
            }
            false
        }
        Act::Close | Act::Late(..) => false,
    }
}
