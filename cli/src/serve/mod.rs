//! `limpide serve`: a trained model behind HTTP.

mod answer;
mod batch;
mod body;
mod http;
mod metrics;
mod openapi;

use crate::stdout;
use crate::train::interrupt;
use batch::Batcher;
use http::{Connection, LINGER, Limits, NoRequest, Request, Response};
use limpide::pipeline::Pipeline;
use limpide::{Error, Result, model};
use metrics::Metrics;
use serde_json::json;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// How often the server looks for Ctrl-C.
const TICK: Duration = Duration::from_millis(50);
/// The most connections on their way out, and how often what they still send is passed over.
const LEAVING: usize = 64;
const PAUSE: Duration = Duration::from_millis(5);

/// Answer predictions over HTTP.
///
/// `POST /predict` takes JSON or CSV, and for a model of images a PNG or JPEG file; `GET /openapi.json` says in which form;
/// `GET /healthz` and `GET /metrics` are for whoever keeps watch. Requests that come at the same time go through the network
/// together. The address is printed on stdout; Ctrl-C lets the requests under way end. There is no encryption and no password:
/// anybody who reaches the address may ask, and by default that is this machine alone.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example: limpide serve runs/iris --port 8000\n\n  curl http://127.0.0.1:8000/predict -H 'Content-Type: \
    application/json' \\\n    -d '{\"rows\": [{\"sepal length\": 5.1, \"sepal width\": 3.5}]}'\n  curl \
    http://127.0.0.1:8000/predict -H 'Content-Type: text/csv' --data-binary @rows.csv\n  curl \
    http://127.0.0.1:8000/predict -H 'Content-Type: image/jpeg' --data-binary @photo.jpg"
)]
pub struct Arguments {
    /// The folder of a finished run, or a model file.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The address to listen on, or a name that has one; 0.0.0.0 lets the whole network in.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    port: u16,
    /// The most bytes of a body, unpacked where it came packed by gzip.
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    max_body: usize,
    /// Seconds within which a request must be there, and an answer taken.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    timeout: u16,
    /// The most connections at a time; more are sent away.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
}

/// What every connection needs.
struct Server<'a> {
    pipeline: &'a Pipeline,
    openapi: serde_json::Value,
    metrics: Metrics,
    limits: Limits,
    stop: AtomicBool,
    /// Whether the thread of the network has ended.
    silent: AtomicBool,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be used, an address that cannot be listened on.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let pipeline = model::load(&arguments.run)?;
    pipeline.ready(1)?;
    let listener = listen(&arguments.host, arguments.port)?;
    let address = listener.local_addr().map_err(|source| Error::Io { path: arguments.host.clone().into(), source })?;
    interrupt::catch();
    stdout::line(format_args!("http://{address}"))?;
    if !address.ip().is_loopback() {
        eprintln!("limpide: anybody on the network can ask this server");
    }
    let server = Server {
        pipeline: &pipeline,
        openapi: openapi::description(&pipeline, &format!("limpide serve {}", arguments.run.display())),
        metrics: Metrics::default(),
        limits: Limits { body: arguments.max_body, time: Duration::from_secs(arguments.timeout.into()) },
        stop: AtomicBool::new(false),
        silent: AtomicBool::new(false),
    };
    server.run(&listener, address, arguments.connections.into())?;
    eprintln!("limpide: stopped");
    Ok(ExitCode::SUCCESS)
}

/// A listener at the first address of the host that can be listened on.
fn listen(host: &str, port: u16) -> Result<TcpListener> {
    let unknown = |error: std::io::Error| {
        Error::option("--host", "an address of this machine, or a name that has one", format!("{host}: {error}"))
    };
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(unknown)?.collect();
    TcpListener::bind(&addresses[..]).map_err(|source| {
        let tried: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
        Error::Io { path: tried.join(", ").into(), source }
    })
}

/// A thread of the server's own.
fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    job: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    Builder::new()
        .spawn_scoped(scope, job)
        .map_err(|source| Error::Io { path: "a thread of the server".into(), source })
}

impl Server<'_> {
    /// Accepts connections until Ctrl-C, or until the network can answer no more, and waits for those that are open.
    fn run(&self, listener: &TcpListener, address: SocketAddr, most: u64) -> Result<()> {
        let (batcher, jobs) = Batcher::new();
        let (away, refused) = sync_channel(LEAVING);
        std::thread::scope(|scope| {
            let network = spawn(scope, move || {
                let _last = Last(&self.silent);
                batch::work(self.pipeline, &jobs, &self.metrics)
            })?;
            spawn(scope, move || self.turn_away(&refused))?;
            // The last, since it ends with the server alone.
            spawn(scope, || self.watch(address))?;
            for stream in listener.incoming() {
                if self.stopping() {
                    break;
                }
                let Ok(connection) = stream.and_then(|stream| Connection::new(stream, self.limits)) else {
                    // No descriptors left, most likely: some will be.
                    std::thread::sleep(TICK);
                    continue;
                };
                let open = Open::new(&self.metrics);
                let (give, given) = sync_channel(1);
                let batcher = batcher.clone();
                let job = move || {
                    let _open = open;
                    if let Ok(connection) = given.recv() {
                        self.serve(connection, &batcher);
                    }
                };
                let _ = if self.metrics.open() > most || spawn(scope, job).is_err() {
                    // In a flood of them some are closed without a word.
                    away.try_send(connection).ok()
                } else {
                    give.send(connection).ok()
                };
            }
            drop((batcher, away));
            network.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits for Ctrl-C or the end of the network, and then wakes the one who accepts connections by one of its own.
    fn watch(&self, mut address: SocketAddr) {
        while !interrupt::pressed() && !self.silent.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
        }
        self.stop.store(true, Ordering::Relaxed);
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let _ = TcpStream::connect_timeout(&address, self.limits.time);
    }

    /// Answers that there is no room, and passes over what the client sends for a moment, so that the answer is not lost: in
    /// one thread for all such connections, while others are accepted.
    fn turn_away(&self, from: &Receiver<Connection>) {
        let response = Response::error(503, None, "too many connections; come back later");
        let mut leaving: Vec<(Instant, Connection)> = Vec::new();
        loop {
            match from.recv_timeout(if leaving.is_empty() { TICK } else { PAUSE }) {
                Ok(mut connection) => {
                    self.metrics.request("", 503);
                    if connection.answer_last(&response).is_ok() {
                        leaving.push((Instant::now() + LINGER, connection));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            leaving.drain(..leaving.len().saturating_sub(LEAVING));
            leaving.retain_mut(|(until, connection)| Instant::now() < *until && connection.pass_over());
        }
    }

    /// Answers one request after the other.
    fn serve(&self, mut connection: Connection, batcher: &Batcher) {
        loop {
            match connection.request(&|| self.stopping()) {
                Ok(request) => {
                    let (path, response) = self.respond(&request, batcher);
                    self.metrics.request(path, response.status);
                    let keep_alive = request.keep_alive && !self.stopping();
                    if connection.answer(&response, keep_alive).is_err() || !keep_alive {
                        return;
                    }
                }
                Err(NoRequest::Closed) => return,
                Err(NoRequest::Refused(status, why)) => {
                    self.metrics.request("", status);
                    if connection.answer(&Response::error(status, None, &why), false).is_ok() {
                        connection.close();
                    }
                    return;
                }
            }
        }
    }

    /// The path as the counters know it, and the answer.
    fn respond(&self, request: &Request, batcher: &Batcher) -> (&'static str, Response) {
        let (path, methods) = match request.path.as_str() {
            "/predict" => ("/predict", "POST"),
            "/healthz" => ("/healthz", "GET, HEAD"),
            "/metrics" => ("/metrics", "GET, HEAD"),
            "/openapi.json" => ("/openapi.json", "GET, HEAD"),
            other => {
                let message = format!("there is no {other}; see /openapi.json");
                return ("", Response::error(404, Some("path"), &message));
            }
        };
        if !methods.split(", ").any(|method| method == request.method) {
            let message = format!("{path} wants {}, got {}", methods.replace(", ", " or "), request.method);
            let response = Response::error(405, Some("method"), &message);
            return (path, Response { header: Some(("Allow", methods.into())), ..response });
        }
        let response = match path {
            "/healthz" => Response::json(200, &json!({"status": "ok"})),
            "/openapi.json" => Response::json(200, &self.openapi),
            "/metrics" => {
                let body = self.metrics.text().into_bytes();
                Response { status: 200, content_type: "text/plain; version=0.0.4", body, header: None }
            }
            _ => self.predict(request, batcher).unwrap_or_else(|refused| refused),
        };
        (path, response)
    }

    fn predict(&self, request: &Request, batcher: &Batcher) -> std::result::Result<Response, Response> {
        let start = Instant::now();
        let (x, unseen) = body::read(self.pipeline, request, self.limits.body)?;
        let inside = |error: Error| Response::error(500, None, &error.to_string());
        let answer = batcher.answer(x).ok_or_else(|| Response::error(500, None, "the network does not answer"))?;
        let answer = answer.map_err(inside)?;
        if let Some(sample) = answer.not_finite() {
            let field = format!("{}[{sample}]", body::field(self.pipeline));
            let message = format!(
                "what the network makes of {field} is not finite; its numbers must be nearer to the training data"
            );
            return Err(Response::error(400, Some(&field), &message));
        }
        let accept = request.accept.as_deref().unwrap_or_default();
        let csv = match accept {
            "text/csv" | "application/json" => accept == "text/csv",
            _ => request.content_type.as_deref() == Some("text/csv"),
        };
        let response = match csv {
            true => answer::csv(self.pipeline, &answer, unseen.len()).map_err(inside)?,
            false => answer::json(self.pipeline.output(), &answer, &unseen),
        };
        self.metrics.took(start.elapsed());
        Ok(response)
    }
}

/// Says when the thread that holds it ends, by a panic too.
struct Last<'a>(&'a AtomicBool);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection that is counted as long as this lives.
struct Open<'a>(&'a Metrics);

impl<'a> Open<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        metrics.opened();
        Open(metrics)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpide::pipeline::{Input, Output};
    use limpide::{Module, Tape, Tensor};
    use std::io::{Read, Write};
    use std::sync::mpsc::channel;

    /// A module whose forward pass panics.
    #[derive(Debug)]
    struct Broken;

    impl std::fmt::Display for Broken {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "Broken")
        }
    }

    impl Module<f32> for Broken {
        fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
            Ok(input.to_vec())
        }
        fn forward(&self, _: &Tensor<f32>, _: &mut Tape<f32>) -> Tensor<f32> {
            panic!("a network that is broken on purpose")
        }
        fn backward_delta(&self, _: &mut Tape<f32>, delta: &Tensor<f32>) -> Tensor<f32> {
            delta.clone()
        }
    }

    /// Nobody is told for ever that all is well where nothing is answered.
    #[test]
    fn a_server_whose_network_has_died_stops_with_an_error() {
        let listener = listen("127.0.0.1", 0).unwrap();
        let address = listener.local_addr().unwrap();
        let (told, ended) = channel();
        std::thread::spawn(move || {
            let input = Input::Tensor { shape: Some(vec![1]), standardization: None, divisor: None, fit: None };
            let pipeline = Pipeline::new(Broken, input, Output::default()).unwrap();
            let server = Server {
                pipeline: &pipeline,
                openapi: json!({}),
                metrics: Metrics::default(),
                limits: Limits { body: 1 << 10, time: Duration::from_secs(5) },
                stop: AtomicBool::new(false),
                silent: AtomicBool::new(false),
            };
            let run = std::panic::AssertUnwindSafe(|| server.run(&listener, address, 8));
            told.send(std::panic::catch_unwind(run).map_or(true, |end| end.is_err())).unwrap();
        });
        let mut stream = TcpStream::connect(address).unwrap();
        let body = r#"{"inputs": [[1]]}"#;
        let length = body.len();
        let head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Ok(true));
    }
}
