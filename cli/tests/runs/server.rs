//! A running `limpide serve`, what is sent to it and what it answers.

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server; it is killed with the test.
pub struct Server {
    pub child: Child,
    pub address: String,
}

impl Server {
    pub fn start(run: &str, words: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_limpide"));
        command.args(["serve", run, "--port", "0"]).args(words.split_whitespace());
        Self::of(command)
    }

    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("{line}")).to_string();
        Server { child, address }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// A connection on which a request has been sent.
    pub fn send(&self, request: impl AsRef<[u8]>) -> BufReader<TcpStream> {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        BufReader::new(stream)
    }

    pub fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        Answer::read(&mut self.send(request))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    pub fn predict(&self, kind: &str, body: impl AsRef<[u8]>) -> Answer {
        self.ask(post(kind, body))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn post(kind: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let (body, host) = (body.as_ref(), "Host: x");
    let length = body.len();
    let head = format!("POST /predict HTTP/1.1\r\n{host}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

pub fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text.as_ref()).unwrap();
    packer.finish().unwrap()
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn read(reader: &mut impl BufRead) -> Self {
        let mut answer = Answer::head(reader);
        let mut body = vec![0; answer.length()];
        reader.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// The answer to a HEAD.
    pub fn head(reader: &mut impl BufRead) -> Self {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "the answer ends early: {head}");
        }
        Answer { status: head[9..12].parse().unwrap(), head, body: String::new() }
    }

    /// How long the body is, or would be.
    pub fn length(&self) -> usize {
        self.head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}{}", self.head, self.body))
    }

    pub fn is_refused(&self, status: u16, field: Value, words: &str) {
        let json = self.json();
        assert_eq!((self.status, &json["error"]["field"]), (status, &field), "{json}");
        assert!(json["error"]["message"].as_str().unwrap().contains(words), "{json}");
    }
}
