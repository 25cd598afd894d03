//! How many requests a second `limpide serve` answers: clients that ask again as soon as they have their answer.
//!
//! ```sh
//! limpide serve runs/iris --port 8000 &
//! cargo run --release -p limpide-cli --example serve_load -- 127.0.0.1:8000 body.json 8 5
//! ```
//!
//! The words are an address, a file with the JSON body of every request, clients (1), seconds (5).

use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, body, rest @ ..] = words.as_slice() else {
        eprintln!("wants ADDRESS BODY.json [CLIENTS] [SECONDS]");
        std::process::exit(2);
    };
    let number = |place: usize, default| rest.get(place).map_or(default, |word| word.parse().expect("a number"));
    let (clients, time) = (number(0, 1), Duration::from_secs(number(1, 5)));
    let body = std::fs::read_to_string(body)?;
    let request = format!(
        "POST /predict HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut times = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..clients).map(|_| scope.spawn(|| ask(address, request.as_bytes(), time))).collect();
        let results = asking.into_iter().map(|client| client.join().expect("a client that does not panic"));
        results.collect::<Result<Vec<Vec<Duration>>>>().map(|times| times.concat())
    })?;
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_micros();
    println!(
        "{clients} clients: {:.0} requests/s, answered within {} µs (median), {} µs (99 %)",
        times.len() as f64 / time.as_secs_f64(),
        at(0.5),
        at(0.99)
    );
    Ok(())
}

/// Sends the request on one connection again and again; how long each answer took.
fn ask(address: &str, request: &[u8], time: Duration) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let (begin, mut times) = (Instant::now(), Vec::new());
    while begin.elapsed() < time {
        let start = Instant::now();
        stream.write_all(request)?;
        let (mut line, mut length) = (String::new(), 0);
        answers.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(Error::other(format!(
                "{address} answered {}; wanted 200, is the body right?",
                line.trim_end()
            )));
        }
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line)?;
            if let Some(count) = line.to_lowercase().strip_prefix("content-length:") {
                length = count.trim().parse().expect("a length");
            }
        }
        answers.read_exact(&mut vec![0; length])?;
        times.push(start.elapsed());
    }
    Ok(times)
}
