//! A small HTTP server on 127.0.0.1 that can break off, serve wrong content, and refuse ranges; it notes what it was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How a server behaves.
#[derive(Clone, Default)]
pub struct Manner {
    /// Close the connection after so many bytes of the body, each time.
    pub break_after: Option<usize>,
    /// Answer every request with the whole file.
    pub no_ranges: bool,
    /// Answer every request with this status and nothing else.
    pub status: Option<u16>,
    /// Do not say how long the body is.
    pub no_length: bool,
}

/// A running server; it ends with the test's process.
pub struct Server {
    pub url: String,
    /// A line a request: the path, then the first byte asked for.
    pub log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves the content that `files` gives for a path such as `/name.gz`.
    pub fn start(manner: Manner, files: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let seen = log.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away mid-answer is part of the tests.
                let _ = answer(stream, &manner, &files, &seen);
            }
        });
        Server { url, log }
    }

    pub fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

fn answer(
    stream: TcpStream,
    manner: &Manner,
    files: &dyn Fn(&str) -> Option<Vec<u8>>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or("/").to_string();
    let mut from = 0;
    for line in lines {
        let line = line?;
        if let Some(range) = line.strip_prefix("Range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    log.lock().unwrap().push(format!("{path} {from}"));
    let mut out = &stream;
    let content = files(&path).filter(|_| manner.status.is_none());
    let Some(content) = content else {
        return write!(out, "HTTP/1.1 {} No\r\nContent-Length: 0\r\n\r\n", manner.status.unwrap_or(404));
    };
    if manner.no_ranges {
        from = 0;
    }
    if from > 0 && from >= content.len() {
        return write!(out, "HTTP/1.1 416 Range\r\nContent-Length: 0\r\n\r\n");
    }
    let body = &content[from..];
    if from > 0 {
        let end = content.len() - 1;
        write!(out, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{end}/{}\r\n", content.len())?;
    } else {
        write!(out, "HTTP/1.1 200 OK\r\n")?;
    }
    if !manner.no_length {
        write!(out, "Content-Length: {}\r\n", body.len())?;
    }
    write!(out, "\r\n")?;
    out.write_all(&body[..manner.break_after.unwrap_or(body.len()).min(body.len())])
}
