//! As much HTTP as a download needs: one GET over a plain connection, from a byte on.
//!
//! There is no TLS: it would triple the build, and a file is trusted for its known SHA-256 and for nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long a server may take to accept a connection, and to send the next bytes.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most bytes of headers that are read.
const HEADER_LIMIT: u64 = 16 << 10;

/// A server's answer.
pub struct Answer {
    /// The status: 200 for the whole file, 206 for the part asked for, 416 when there is nothing from there on.
    pub status: u16,
    /// The bytes that the body should have, when the server says.
    pub length: Option<u64>,
    /// The first byte of the file that the body holds, when it is a part.
    pub start: Option<u64>,
    /// The content.
    pub body: Box<dyn Read>,
}

/// Asks for a URL, from byte `from` on. The error says what went wrong, without the URL.
pub fn get(url: &str, from: u64) -> Result<Answer, String> {
    let rest = url.strip_prefix("http://").ok_or("wants a URL that begins with http://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let stream = connect(host)?;
    let range = if from > 0 { format!("Range: bytes={from}-\r\n") } else { String::new() };
    let agent = concat!("limpide/", env!("CARGO_PKG_VERSION"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept-Encoding: identity\r\n{range}Connection: close\r\n\r\n"
    );
    (&stream).write_all(request.as_bytes()).map_err(|error| format!("no request could be sent: {error}"))?;
    read_answer(BufReader::new(stream))
}

/// Connects to `host` or `host:port`, trying every address of the name.
fn connect(host: &str) -> Result<TcpStream, String> {
    let address = if host.contains(':') { host.to_string() } else { format!("{host}:80") };
    let addresses = address.to_socket_addrs().map_err(|error| format!("no address: {error}"))?;
    let mut last = "no address".to_string();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
                    .map_err(|error| error.to_string())?;
                return Ok(stream);
            }
            Err(error) => last = format!("no connection: {error}"),
        }
    }
    Err(last)
}

/// Reads the status line and the headers; the rest is the body.
fn read_answer(mut reader: impl BufRead + 'static) -> Result<Answer, String> {
    let mut headers = reader.by_ref().take(HEADER_LIMIT);
    let mut next = || {
        let mut line = Vec::new();
        headers.read_until(b'\n', &mut line).map_err(|error| format!("no answer: {error}"))?;
        if !line.ends_with(b"\n") {
            return Err("the answer's headers end early or are too long".to_string());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_string())
    };
    let first = next()?;
    let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| format!("wants an HTTP answer, got {first:?}"))?;
    let (mut length, mut start) = (None, None);
    loop {
        let line = next()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| format!("wants a header, got {line:?}"))?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok(),
            // "bytes 100-199/200"
            "content-range" => start = value.strip_prefix("bytes ").and_then(|v| v.split('-').next()?.parse().ok()),
            "transfer-encoding" if value != "identity" => return Err(format!("answers in pieces ({value})")),
            _ => {}
        }
    }
    Ok(Answer { status, length, start, body: Box::new(reader) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &'static str) -> Result<Answer, String> {
        read_answer(text.as_bytes())
    }

    #[test]
    fn status_length_range_and_body_are_read() {
        let mut got =
            answer("HTTP/1.1 206 Partial\r\ncontent-length: 3\r\nContent-Range: bytes 7-9/10\r\n\r\nabc").unwrap();
        assert_eq!((got.status, got.length, got.start), (206, Some(3), Some(7)));
        let mut body = String::new();
        got.body.read_to_string(&mut body).unwrap();
        assert_eq!(body, "abc");
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for text in
            ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nx\r\n\r\n"]
        {
            assert!(answer(text).is_err(), "{text:?}");
        }
        assert!(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(read_answer(std::io::Cursor::new(vec![b'a'; 1 << 20])).is_err());
        assert!(get("https://example.org/file", 0).is_err());
    }
}
