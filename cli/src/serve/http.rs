//! As much HTTP/1.1 as a prediction needs: one request after the other on a connection, within limits of size and time.
//!
//! The grammar is `httparse`'s; what is here are the limits, which a slow or a greedy client meets before it costs anything.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// The most bytes of a request line with its headers, and the most headers.
const HEAD: usize = 16 << 10;
const HEADERS: usize = 64;
/// How often a connection that waits looks whether the server stops.
const TICK: Duration = Duration::from_millis(100);
/// How long what a client still sends is passed over after the last answer, unless it ends the connection before.
pub const LINGER: Duration = Duration::from_secs(1);

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// From the first byte of a request to its last, and from the first byte of an answer to its last.
    pub time: Duration,
}

/// A whole request.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// Without what follows a `?`.
    pub path: String,
    /// The kind of body, without its parameters, in small letters.
    pub content_type: Option<String>,
    /// What the client would like to have, in small letters.
    pub accept: Option<String>,
    /// Whether more requests may follow.
    pub keep_alive: bool,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The kind of body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// One more header, with its value.
    pub header: Option<(&'static str, String)>,
}

/// Why there is no request.
#[derive(Debug)]
pub enum NoRequest {
    /// The client has gone, or the server stops: nothing to answer.
    Closed,
    /// To be answered so, and the connection closed.
    Refused(u16, String),
}

impl Response {
    /// A JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Response { status, content_type: "application/json", body: format!("{body}\n").into_bytes(), header: None }
    }

    /// An error as JSON; `field` names what is wrong, where it is one thing.
    pub fn error(status: u16, field: Option<&str>, message: &str) -> Self {
        Response::json(status, &serde_json::json!({"error": {"field": field, "message": message}}))
    }
}

/// One connection, with the bytes that have come and not been read yet.
pub struct Connection {
    stream: TcpStream,
    pending: Vec<u8>,
    limits: Limits,
    /// Whether the request is a HEAD, whose answer has no body.
    head_only: bool,
}

impl Connection {
    /// A connection that has just been accepted.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(stream: TcpStream, limits: Limits) -> std::io::Result<Self> {
        // Where the listener does not block, some systems hand that on.
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(TICK))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, pending: Vec::new(), limits, head_only: false })
    }

    /// The next request.
    ///
    /// # Errors
    /// See [`NoRequest`].
    pub fn request(&mut self, stopping: &dyn Fn() -> bool) -> Result<Request, NoRequest> {
        let mut deadline = Instant::now() + self.limits.time;
        let too_long = || refused(431, format!("the request line and headers must be at most {HEAD} bytes"));
        let (mut request, length, head) = loop {
            // Known before the head is whole: an answer that refuses it has no body either.
            self.head_only = self.pending.trim_ascii_start().starts_with(b"HEAD ");
            match parse(&self.pending)? {
                Some(parsed) if parsed.2 <= HEAD => break parsed,
                None if self.pending.len() <= HEAD => {
                    self.read(&mut deadline, !self.pending.is_empty(), stopping)?;
                }
                _ => return Err(too_long()),
            }
        };
        self.pending.drain(..head);
        if length > self.limits.body {
            let most = self.limits.body;
            let message = format!("the body must be at most {most} bytes, got {length}; --max-body allows more");
            return Err(refused(413, message));
        }
        if request.expects && self.pending.len() < length {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| NoRequest::Closed)?;
        }
        while self.pending.len() < length {
            self.read(&mut deadline, true, stopping)?;
        }
        let rest = self.pending.split_off(length);
        request.own.body = std::mem::replace(&mut self.pending, rest);
        Ok(request.own)
    }

    /// More bytes. Before the first one of a request the connection is idle: it is closed when the server stops or the time is
    /// over, and the time begins anew with that byte. After it, a byte now and then does not buy more time.
    fn read(&mut self, deadline: &mut Instant, begun: bool, stopping: &dyn Fn() -> bool) -> Result<(), NoRequest> {
        let mut room = [0; 16 << 10];
        let late = |limits: Limits| match begun {
            true => refused(408, format!("the request must be there within {} s", limits.time.as_secs_f64())),
            false => NoRequest::Closed,
        };
        loop {
            match self.stream.read(&mut room) {
                Ok(0) => return Err(NoRequest::Closed),
                Ok(count) => {
                    self.pending.extend_from_slice(&room[..count]);
                    if !begun {
                        *deadline = Instant::now() + self.limits.time;
                    }
                    return if Instant::now() > *deadline { Err(late(self.limits)) } else { Ok(()) };
                }
                Err(error) if is_wait(&error) => {
                    if !begun && stopping() {
                        return Err(NoRequest::Closed);
                    }
                    if Instant::now() > *deadline {
                        return Err(late(self.limits));
                    }
                }
                Err(_) => return Err(NoRequest::Closed),
            }
        }
    }

    /// Sends an answer.
    ///
    /// # Errors
    /// Those of the system: a client that has gone, or does not take it in time.
    pub fn answer(&mut self, response: &Response, keep_alive: bool) -> std::io::Result<()> {
        let Response { status, content_type, body, header } = response;
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let header = header.as_ref().map_or(String::new(), |(name, value)| format!("{name}: {value}\r\n"));
        let mut bytes = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{header}Connection: {connection}\r\n\r\n",
            reason(*status),
            body.len(),
        )
        .into_bytes();
        if !self.head_only {
            bytes.extend_from_slice(body);
        }
        self.send(&bytes)
    }

    /// Sends bytes within the time. A client that takes a few now and then does not buy more.
    fn send(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        let deadline = Instant::now() + self.limits.time;
        while !bytes.is_empty() {
            if Instant::now() > deadline {
                return Err(ErrorKind::TimedOut.into());
            }
            match self.stream.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_wait(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends the connection such that an answer sent before a body was read is not lost: what still comes is passed over for
    /// [`LINGER`].
    pub fn close(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let until = Instant::now() + LINGER;
        while Instant::now() < until && self.pass_over() {}
    }

    /// A last answer, after which the connection is for [`Connection::pass_over`], which from now on does not wait.
    ///
    /// # Errors
    /// Those of [`Connection::answer`].
    pub fn answer_last(&mut self, response: &Response) -> std::io::Result<()> {
        self.answer(response, false)?;
        self.stream.shutdown(Shutdown::Write)?;
        self.stream.set_nonblocking(true)
    }

    /// Passes over some of what the client still sends; whether there may be more.
    pub fn pass_over(&mut self) -> bool {
        match self.stream.read(&mut [0; 16 << 10]) {
            Ok(count) => count > 0,
            Err(error) => is_wait(&error),
        }
    }
}

/// Whether a read or write is to be tried again.
fn is_wait(error: &std::io::Error) -> bool {
    [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted].contains(&error.kind())
}

/// A request without its body.
struct Parsed {
    own: Request,
    /// Whether the client waits to be told to send the body.
    expects: bool,
}

/// The request line and headers at the start of some bytes, with the lengths of the body and of themselves; none when they
/// are not all there.
fn parse(bytes: &[u8]) -> Result<Option<(Parsed, usize, usize)>, NoRequest> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let head = match request.parse(bytes) {
        Ok(httparse::Status::Partial) => return Ok(None),
        Ok(httparse::Status::Complete(head)) => head,
        Err(httparse::Error::TooManyHeaders) => {
            return Err(refused(431, format!("there must be at most {HEADERS} headers")));
        }
        Err(error) => return Err(refused(400, format!("the request must be HTTP/1.1: {error}"))),
    };
    let text = |name: &str| -> Result<Vec<String>, NoRequest> {
        let own = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let read = |header: &httparse::Header<'_>| match std::str::from_utf8(header.value) {
            Ok(value) => Ok(value.trim().to_ascii_lowercase()),
            Err(_) => Err(refused(400, format!("the header {name} must be text"))),
        };
        own.map(read).collect()
    };
    if !text("transfer-encoding")?.is_empty() {
        return Err(refused(411, "the body must come in one piece, with its Content-Length".into()));
    }
    let lengths = text("content-length")?;
    let digits = |value: &String| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let length = match lengths.first() {
        None => 0,
        Some(first) if lengths.iter().all(|other| other == first) && digits(first) => {
            first.parse().unwrap_or(usize::MAX)
        }
        Some(_) => return Err(refused(400, format!("Content-Length must be one number, got {}", lengths.join(", ")))),
    };
    let connection = text("connection")?.join(",");
    let token = |name: &str| connection.split(',').any(|own| own.trim() == name);
    // HTTP/1.0 closes unless it says otherwise.
    let keep_alive = if request.version == Some(0) { token("keep-alive") } else { !token("close") };
    let kind = text("content-type")?.into_iter().next();
    let own = Request {
        method: request.method.unwrap_or_default().to_string(),
        path: path(request.path.unwrap_or_default()).to_string(),
        content_type: kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_string()),
        accept: text("accept")?.into_iter().next(),
        keep_alive,
        body: Vec::new(),
    };
    // What HTTP/1.0 does not know is not to be answered.
    let expects = request.version == Some(1) && text("expect")?.iter().any(|value| value == "100-continue");
    Ok(Some((Parsed { own, expects }, length, head)))
}

/// The path of a request's target: without what follows a `?`, and without the `http://host` that a client of proxies puts
/// before it.
fn path(target: &str) -> &str {
    let target = target.split('?').next().unwrap_or_default();
    match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').map_or("/", |start| &rest[start..]),
        _ => target,
    }
}

fn refused(status: u16, why: String) -> NoRequest {
    NoRequest::Refused(status, why)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<(Parsed, usize, usize)>, NoRequest> {
        parse(text.as_bytes())
    }

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let text = "POST /predict?x=1 HTTP/1.1\r\nHost: a\r\nContent-Type: Text/CSV; charset=utf-8\r\ncontent-length: 3\r\n\r\nabc";
        for cut in 0..text.len() - 3 {
            assert!(read(&text[..cut]).unwrap().is_none(), "{cut}");
        }
        let (Parsed { own, expects }, length, head) = read(text).unwrap().unwrap();
        assert_eq!((own.method.as_str(), own.path.as_str()), ("POST", "/predict"));
        assert_eq!((own.content_type.as_deref(), own.keep_alive, expects), (Some("text/csv"), true, false));
        assert_eq!((length, &text[head..]), (3, "abc"));
        let expects = |version: &str| {
            let text = format!("POST / HTTP/{version}\r\nExpect: 100-Continue\r\n\r\n");
            read(&text).unwrap().unwrap().0.expects
        };
        assert!(expects("1.1") && !expects("1.0"));
        let closing = |text: &str| !read(text).unwrap().unwrap().0.own.keep_alive;
        assert!(closing("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n"));
        assert!(closing("GET / HTTP/1.0\r\n\r\n"));
        assert!(!closing("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn a_target_is_a_path_with_or_without_the_host() {
        for (target, path) in [
            ("/predict", "/predict"),
            ("/predict?to=http://b/c", "/predict"),
            ("http://a:8000/predict?x", "/predict"),
            ("HTTP://a", "/"),
            ("http://a?x=/y", "/"),
            ("/a://b", "/a://b"),
            ("*", "*"),
        ] {
            assert_eq!(read(&format!("GET {target} HTTP/1.1\r\n\r\n")).unwrap().unwrap().0.own.path, path, "{target}");
        }
    }

    #[test]
    fn an_answer_that_is_taken_a_little_at_a_time_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let limits = Limits { body: 0, time: Duration::from_millis(300) };
        let mut connection = Connection::new(listener.accept().unwrap().0, limits).unwrap();
        // Each of its reads is soon enough; all of them take half a minute.
        std::thread::spawn(move || {
            let mut room = vec![0; 64 << 10];
            while client.read(&mut room).is_ok_and(|count| count > 0) {
                std::thread::sleep(Duration::from_millis(30));
            }
        });
        let response = Response { status: 200, content_type: "text/csv", body: vec![0; 64 << 20], header: None };
        assert_eq!(connection.answer(&response, true).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (headers, wanted) in [
            ("Transfer-Encoding: chunked", 411),
            ("Content-Length: 1\r\nContent-Length: 2", 400),
            ("Content-Length: +1", 400),
            ("Content-Length: ", 400),
            ("no colon", 400),
        ] {
            let text = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n");
            let Err(NoRequest::Refused(status, _)) = read(&text) else { panic!("{headers}") };
            assert_eq!(status, wanted, "{headers}");
        }
        let many: String = (0..65).map(|n| format!("X{n}: 1\r\n")).collect();
        assert!(matches!(read(&format!("GET / HTTP/1.1\r\n{many}\r\n")), Err(NoRequest::Refused(431, _))));
        let huge = "Content-Length: 99999999999999999999999";
        assert_eq!(read(&format!("POST / HTTP/1.1\r\n{huge}\r\n\r\n")).unwrap().unwrap().1, usize::MAX);
    }
}
