//! `limpide serve` over real sockets.

use crate::place::{Place, SMALL};
use crate::server::{Answer, Server, gzip, post};
use limpide::layers::{Flatten, Linear};
use limpide::pipeline::{Activation, Input, Output, Pipeline};
use limpide::{Module, Sequential, tensor};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A trained table: a number, a category and the class.
fn table(place: &Place) -> Server {
    // Not in order: numbers that count the rows would be left out of training.
    let size = |n: usize| n * 7 % 40;
    let row = |n: usize| format!("{}.5,{},{}\n", size(n), ["red", "blue"][n % 3 % 2], ["small", "large"][size(n) / 20]);
    let rows: String = (0..40).map(row).collect();
    place.file("rows.csv", &format!("size,colour,kind\n{rows}"));
    let ran = place.run("train @rows.csv --target kind --out @table --set epochs=60");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    Server::start(&place.path("table"), "")
}

#[test]
fn rows_come_as_json_or_csv_and_are_answered_as_predict_answers_them() {
    let place = Place::new();
    let server = table(&place);
    place.file("new.csv", "colour,size\nred,3\nblue,36\n");
    let predicted = place.run("predict @table @new.csv");
    let csv = server.predict("text/csv", "colour,size\nred,3\nblue,36\n");
    assert_eq!((csv.status, csv.body.as_str()), (200, predicted.stdout.as_str()), "{}", predicted.stderr);
    let rows = r#"{"rows": [{"size": 3, "colour": "red"}, {"colour": "blue", "size": 36}]}"#;
    let json = server.predict("application/json; charset=utf-8", rows).json();
    let lines: Vec<Vec<&str>> = predicted.stdout.lines().map(|line| line.split(',').collect()).collect();
    for (place, line) in lines[1..].iter().enumerate() {
        let own = &json["predictions"][place];
        assert_eq!(own["class"], line[0]);
        for (name, number) in lines[0][1..].iter().zip(&line[1..]) {
            let name = name.strip_prefix("probability_").unwrap();
            assert_eq!(own["probabilities"][name].as_f64().unwrap() as f32, number.parse::<f32>().unwrap());
        }
    }
    assert_eq!(
        (&json["predictions"][0]["class"], &json["predictions"][1]["class"]),
        (&"small".into(), &"large".into())
    );
    assert!(json["unseen"].is_null());
    let green = server.predict("application/json", r#"{"rows": [{"size": null, "colour": "green"}]}"#).json();
    // No size was missing in training, and there was no green.
    let unseen = json!([{"row": 0, "column": "size", "value": ""}, {"row": 0, "column": "colour", "value": "green"}]);
    assert_eq!(green["unseen"], unseen);
    // CSV has no place for it but the head.
    let green = server.predict("text/csv", "size,colour\n,green\n1.5,green\n");
    assert!(green.head.contains("\r\nLimpide-Unseen: 3\r\n"), "{}", green.head);
    assert!(!server.predict("text/csv", "size,colour\n1.5,red\n").head.contains("Limpide-Unseen"));
    assert_eq!(server.predict("application/json", r#"{"rows": []}"#).json(), json!({"predictions": []}));
}

#[test]
fn a_body_that_is_wrong_names_the_field() {
    let place = Place::new();
    let server = table(&place);
    for (body, field, words) in [
        ("{", json!(null), "the body must be JSON"),
        ("[]", json!("the body"), "must be an object"),
        (r#"{"row": []}"#, json!("rows"), "rows must be there, got the fields row"),
        (r#"{"rows": [], "x": 1}"#, json!("x"), "x is no field"),
        (r#"{"rows": 1}"#, json!("rows"), "rows must be a list, got a number"),
        (r#"{"rows": [1]}"#, json!("rows[0]"), "an object with a value a column"),
        (r#"{"rows": [{"size": 1}]}"#, json!("the columns"), "`colour` is missing"),
        (r#"{"rows": [{}]}"#, json!("the columns"), "`size` is missing; `colour` is missing"),
        (r#"{"rows": [{}, {}]}"#, json!("the columns"), "`size` is missing; `colour` is missing"),
        (r#"{"rows": [{"size": [], "colour": "red"}]}"#, json!("row 1: `size`"), "a list"),
    ] {
        server.predict("application/json", body).is_refused(400, field, words);
    }
    let many: Vec<String> = (100_000..450_000).map(|name| format!("\"{name}\":0")).collect();
    let many = server.predict("application/json", format!("{{\"rows\":[{{{}}}]}}", many.join(",")));
    many.is_refused(400, json!("the columns"), "the model knows no `100000`");
    let wrong = server.predict("application/json", r#"{"rows": [{"size": "big", "colour": "red"}]}"#);
    assert_eq!(wrong.status, 400);
    assert!(wrong.json()["error"]["field"].as_str().unwrap().contains("size"), "{}", wrong.body);
    let ragged = server.predict("text/csv", "size,colour\n1,red,2\n");
    assert_eq!(ragged.status, 400, "{}", ragged.body);
    server.predict("text/plain", "x").is_refused(
        415,
        json!("Content-Type"),
        "application/json, text/csv, got text/plain",
    );
    // The server is as it was.
    assert_eq!(server.get("/healthz").json(), json!({"status": "ok"}));
}

#[test]
fn tensors_come_as_nested_lists_or_lines_of_numbers() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    let server = Server::start(&place.path("moons"), "");
    let json = server.predict("application/json", r#"{"inputs": [[0.5, 0.25], [-1, 2]]}"#).json();
    let csv = server.predict("text/csv", "0.5,0.25\n-1,2\n");
    let lines: Vec<&str> = csv.body.lines().collect();
    assert_eq!((csv.status, lines.len(), lines[0]), (200, 3, "class,probability_0,probability_1"), "{}", csv.body);
    for (place, line) in lines[1..].iter().enumerate() {
        let first: f32 = line.split(',').nth(1).unwrap().parse().unwrap();
        assert_eq!(json["predictions"][place]["probabilities"]["0"].as_f64().unwrap() as f32, first);
    }
    for (body, field) in [
        (r#"{"inputs": [[1, 2], [3]]}"#, "inputs[1]"),
        (r#"{"inputs": [[1, "2"]]}"#, "inputs[0][1]"),
        (r#"{"inputs": [[1, 2, 3]]}"#, "inputs"),
    ] {
        let answer = server.predict("application/json", body);
        assert_eq!((answer.status, &answer.json()["error"]["field"]), (400, &json!(field)), "{}", answer.body);
    }
}

/// An image is the same sample as its numbers, which Pillow read.
#[test]
fn images_come_as_they_are() {
    let place = Place::new();
    let network = Sequential::new().push(Flatten::new()).push(Linear::new(204, 2)).seed(1);
    let input = Input::Tensor { shape: Some(vec![1, 12, 17]), standardization: None, divisor: Some(255.0), fit: None };
    let output = Output::Classes { names: vec!["a".into(), "b".into()], activation: Activation::Softmax };
    let path = place.path("images.safetensors");
    Pipeline::new(network, input, output).unwrap().save(path.as_ref()).unwrap();
    let server = Server::start(&path, "");
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference");
    let file = |name: &str| fs::read(reference.join("images").join(name)).unwrap();
    let pillow: Value = serde_json::from_slice(&fs::read(reference.join("images.json")).unwrap()).unwrap();
    for name in ["grey.png", "colour.png"] {
        let grey = pillow[name]["grey"].as_array().unwrap();
        let numbers: Vec<f64> = grey.iter().map(|pixel| pixel.as_f64().unwrap() / 255.0).collect();
        let rows: Vec<&[f64]> = numbers.chunks(17).collect();
        let wanted = server.predict("application/json", json!({"inputs": [[rows]]}).to_string());
        let answer = server.predict("image/png", file(name));
        assert_eq!((answer.status, answer.json()), (200, wanted.json()), "{name}");
    }
    // Of another size, it is brought to the network's.
    assert_eq!(server.predict("image/jpeg", file("colour.jpg")).json()["predictions"].as_array().unwrap().len(), 1);
    let cut = &file("grey.png")[..100];
    server.predict("image/png", cut).is_refused(400, Value::Null, "the image is not a whole PNG image");
    server.predict("image/gif", "GIF89a").is_refused(415, json!("Content-Type"), "text/csv, image/png, image/jpeg");
    let bodies = &server.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"];
    assert!(bodies["image/png"].is_object() && bodies["text/csv"].is_object(), "{bodies}");
    // A model of something else takes none.
    place.train("moons", SMALL, "");
    let other = Server::start(&place.path("moons"), "");
    other.predict("image/png", file("grey.png")).is_refused(415, json!("Content-Type"), "for a model of images");
    let bodies = &other.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"];
    assert!(bodies["image/png"].is_null(), "{bodies}");
}

#[test]
fn labels_are_answered_with_their_probabilities() {
    let place = Place::new();
    let network = Sequential::new().push(Linear::new(2, 2)).seed(1);
    let input = Input::Tensor { shape: Some(vec![2]), standardization: None, divisor: None, fit: None };
    let output = Output::Labels { names: Vec::new(), activation: Activation::Sigmoid };
    let path = place.path("labels.safetensors");
    Pipeline::new(network, input, output).unwrap().save(path.as_ref()).unwrap();
    let server = Server::start(&path, "");
    let json = server.predict("application/json", r#"{"inputs": [[0.5, 0.25]]}"#).json();
    let csv = server.predict("text/csv", "0.5,0.25\n").body;
    let shares = json["predictions"][0]["probabilities"].as_array().unwrap_or_else(|| panic!("{json}")).clone();
    let shares: Vec<f64> = shares.iter().map(|share| share.as_f64().unwrap()).collect();
    assert!(shares.len() == 2 && shares.iter().all(|share| (0.0..1.0).contains(share)), "{json}");
    let row = shares.iter().map(|&share| (share as f32).to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(csv, format!("probability_1,probability_2\n{row}\n"));
}

#[test]
fn requests_at_the_same_time_get_each_their_own_answer() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    let server = Server::start(&place.path("moons"), "");
    let one = |x: usize| {
        let rows: Vec<[f64; 2]> = (0..x % 5 + 1).map(|row| [x as f64 / 100.0, row as f64]).collect();
        json!({"inputs": rows}).to_string()
    };
    let alone: Vec<Value> = (0..40).map(|x| server.predict("application/json", one(x)).json()).collect();
    std::thread::scope(|scope| {
        for client in 0..8 {
            let (server, alone) = (&server, &alone);
            scope.spawn(move || {
                // One connection for all requests of a client, two of them sent before the first answer is read.
                let mut stream = server.connect();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                for x in (client..40).step_by(2) {
                    let other = 39 - x;
                    let both = [x, other].map(|x| post("application/json", one(x))).concat();
                    stream.write_all(&both).unwrap();
                    assert_eq!(Answer::read(&mut reader).json(), alone[x]);
                    assert_eq!(Answer::read(&mut reader).json(), alone[other]);
                }
            });
        }
    });
    let metrics = server.get("/metrics");
    assert!(metrics.head.contains("text/plain; version=0.0.4"));
    let figure = |name: &str| -> f64 {
        let line =
            metrics.body.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{name}"));
        line[name.len() + 1..].parse().unwrap()
    };
    // Clients 0 to 7 ask for 40 − client, halved and rounded up, pairs.
    let asked: usize = 40 + (0..8usize).map(|client| 2 * (40 - client).div_ceil(2)).sum::<usize>();
    assert_eq!(figure("limpide_requests_total{path=\"/predict\",status=\"200\"}"), asked as f64);
    assert_eq!(figure("limpide_predict_seconds_count"), asked as f64);
    assert!(figure("limpide_samples_total") >= asked as f64);
}

#[test]
fn the_description_is_of_this_model() {
    let place = Place::new();
    let server = table(&place);
    let json = server.get("/openapi.json").json();
    assert_eq!(json["openapi"], "3.1.0");
    let answer = &json["paths"]["/predict"]["post"]["responses"]["200"];
    assert_eq!(answer["headers"]["Limpide-Unseen"]["schema"], json!({"type": "integer"}));
    let schemas = &json["components"]["schemas"];
    let row = &schemas["Request"]["properties"]["rows"]["items"];
    assert_eq!(row["required"], json!(["size", "colour"]));
    assert_eq!(row["properties"]["size"], json!({"type": ["number", "null"]}));
    let one = &schemas["Answer"]["properties"]["predictions"]["items"];
    assert_eq!(one["properties"]["class"]["enum"].as_array().unwrap().len(), 2);
    for (path, method) in [("/predict", "post"), ("/healthz", "get"), ("/metrics", "get"), ("/openapi.json", "get")] {
        assert!(json["paths"][path][method]["responses"]["200"].is_object(), "{path}");
    }
}

#[test]
fn limits_of_size_time_and_number_hold() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    let server = Server::start(&place.path("moons"), "--max-body 100 --timeout 1 --connections 8");
    // The body is refused by its length, before it is sent.
    let head = "POST /predict HTTP/1.1\r\nContent-Type: text/csv\r\nContent-Length: 101\r\n\r\n";
    server.ask(head).is_refused(413, json!(null), "at most 100 bytes, got 101");
    server.ask("GET / HTTP/1.1\r\n\r\n").is_refused(404, json!("path"), "there is no /");
    for (path, method, allow, words) in [
        ("/predict", "GET", "POST", "/predict wants POST, got GET"),
        ("/healthz", "POST", "GET, HEAD", "/healthz wants GET or HEAD, got POST"),
    ] {
        let answer = server.ask(format!("{method} {path} HTTP/1.1\r\n\r\n"));
        answer.is_refused(405, json!("method"), words);
        assert!(answer.head.contains(&format!("Allow: {allow}\r\n")), "{}", answer.head);
    }
    server.ask("POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").is_refused(
        411,
        json!(null),
        "one piece",
    );
    server.ask(format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(17 << 10))).is_refused(431, json!(null), "at most");
    assert_eq!(server.ask("GET http://x/healthz HTTP/1.1\r\n\r\n").status, 200);
    server.ask("nonsense\r\n\r\n").is_refused(400, json!(null), "must be HTTP/1.1");
    // What is packed counts unpacked, all members of it.
    let packed = |one: usize, two: usize| {
        server.predict("text/csv", [gzip("1,2\n".repeat(one)), gzip("1,2\n".repeat(two))].concat())
    };
    let whole = packed(12, 13);
    assert_eq!((whole.status, whole.body.lines().count()), (200, 26), "{}", whole.body);
    for (one, two) in [(13, 13), (2000, 0)] {
        packed(one, two).is_refused(413, json!(null), "unpacked body must be at most 100 bytes, got more; --max-body");
    }
    server.predict("text/csv", gzip(gzip("1,2\n"))).is_refused(400, json!("the body"), "packed once at most");
    server.predict("text/csv", &gzip("1,2\n")[..12]).is_refused(400, json!(null), "the body: ");
    // A byte now and then does not buy time.
    let (mut slow, start) = (server.connect(), Instant::now());
    let mut reader = BufReader::new(slow.try_clone().unwrap());
    let drip = std::thread::spawn(move || {
        for byte in b"GET /healthz HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'y')) {
            if slow.write_all(&[*byte]).is_err() || start.elapsed() > Duration::from_secs(20) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    Answer::read(&mut reader).is_refused(408, json!(null), "within 1 s");
    assert!(start.elapsed() >= Duration::from_secs(1));
    drop(reader);
    drip.join().unwrap();
    // Eight that say nothing, and a ninth. All of those before may still be on their way out.
    let _held: Vec<TcpStream> = (0..8).map(|_| server.connect()).collect();
    std::thread::sleep(Duration::from_millis(200));
    server.get("/healthz").is_refused(503, json!(null), "too many connections");
    // They are let go in time.
    let mut left = 50;
    while server.get("/healthz").status == 503 {
        left -= 1;
        assert!(left > 0, "the connections stay");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn an_answer_to_head_is_that_to_get_without_its_body() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    let server = Server::start(&place.path("moons"), "--max-body 100 --timeout 1");
    for path in ["/healthz", "/openapi.json", "/nowhere", "/predict", "/metrics"] {
        // The answer to the next request follows the head at once.
        let mut reader = server.send(["HEAD", "GET"].map(|m| format!("{m} {path} HTTP/1.1\r\n\r\n")).concat());
        let (head, get) = (Answer::head(&mut reader), Answer::read(&mut reader));
        // HEAD is not what /predict wants either, and the counters have gone on.
        if path != "/metrics" && path != "/predict" {
            assert_eq!(head.head, get.head);
        }
        assert!(head.status == get.status && head.length() > 0, "{path}: {}{}", head.head, get.head);
    }
    let long = format!("X: {}", "x".repeat(17 << 10));
    for (headers, status) in [("Content-Length: 101", 413), (&long, 431), ("no colon", 400), ("Content-Length: 1", 408)]
    {
        let mut reader = server.send(format!("HEAD /healthz HTTP/1.1\r\n{headers}\r\n\r\n"));
        let (head, mut rest) = (Answer::head(&mut reader), Vec::new());
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!((head.status, rest.len()), (status, 0), "{}", head.head);
    }
}

#[test]
fn numbers_that_the_network_cannot_answer_are_refused() {
    let mut network = Sequential::<f32>::new().push(Linear::new(1, 2));
    *network.parameters_mut()[0] = tensor(&[2, 1], vec![1e10, -1e10]);
    let input = Input::Tensor { shape: Some(vec![1]), standardization: None, divisor: None, fit: None };
    let output = Output::Classes { names: vec!["a".into(), "b".into()], activation: Activation::Softmax };
    let place = Place::new();
    Pipeline::new(network, input, output).unwrap().save(place.path("steep.safetensors").as_ref()).unwrap();
    let server = Server::start(&place.path("steep.safetensors"), "");
    for (kind, body) in [("text/csv", "1\n1e30\n"), ("application/json", r#"{"inputs": [[1], [1e30]]}"#)] {
        server.predict(kind, body).is_refused(400, json!("inputs[1]"), "inputs[1] is not finite");
    }
    assert_eq!(server.predict("text/csv", "1\n").status, 200);
}

#[test]
fn values_far_from_0_keep_their_digits() {
    let mut network = Sequential::<f32>::new().push(Linear::new(1, 1).without_bias());
    *network.parameters_mut()[0] = tensor(&[1, 1], vec![1.0]);
    let input = Input::Tensor { shape: Some(vec![1]), standardization: None, divisor: None, fit: None };
    let output = Output::Values { names: vec!["y".into()], mean: vec![1e9], std: vec![0.5] };
    let place = Place::new();
    Pipeline::new(network, input, output).unwrap().save(place.path("far.safetensors").as_ref()).unwrap();
    let server = Server::start(&place.path("far.safetensors"), "");
    let json = server.predict("application/json", r#"{"inputs": [[0.25], [-1]]}"#).json();
    assert_eq!(json["predictions"], json!([{"values": {"y": 1_000_000_000.125}}, {"values": {"y": 999_999_999.5}}]));
    assert_eq!(server.predict("text/csv", "0.25\n-1\n").body, "y\n1000000000.125\n999999999.5\n");
}

#[test]
fn turning_clients_away_does_not_keep_others_waiting() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    let server = Server::start(&place.path("moons"), "--connections 1 --timeout 5");
    let _only = server.connect();
    // None of them ends its connection. Were each passed over for a moment before the next is accepted, the one that says
    // nothing would be let go before the last has come.
    let mut refused: Vec<_> = (0..64).map(|_| server.send("GET /healthz HTTP/1.1\r\n\r\n")).collect();
    for reader in &mut refused {
        Answer::read(reader).is_refused(503, json!(null), "too many connections");
    }
}

/// A server for whose threads there is not room enough: all of its memory is `kilobytes`, and each thread takes a quarter of
/// a gigabyte.
#[cfg(target_os = "linux")]
fn cramped(place: &Place, kilobytes: usize) -> Command {
    let mut command = Command::new("sh");
    let limited = format!("ulimit -v {kilobytes}; exec \"$@\"");
    command.args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_limpide"), "serve", &place.path("moons"), "--port", "0"]);
    command.env("RUST_MIN_STACK", (256 << 20).to_string()).env("MALLOC_ARENA_MAX", "1");
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_thread_that_the_system_refuses_costs_its_client_alone() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    // Not even one.
    let none = cramped(&place, 200 << 10).output().unwrap();
    let stderr = String::from_utf8(none.stderr).unwrap();
    assert!(none.status.code() == Some(2) && stderr.contains("a thread"), "{}: {stderr}", none.status);
    // Those of the server itself and some more.
    let server = Server::of(cramped(&place, (8 * 256 + 128) << 10));
    let mut held = Vec::new();
    loop {
        let mut reader = server.send("GET /healthz HTTP/1.1\r\n\r\n");
        match Answer::read(&mut reader).status {
            200 => held.push(reader),
            status => break assert_eq!(status, 503),
        }
    }
    assert!(!held.is_empty());
    drop(held);
    while server.get("/healthz").status == 503 {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_lets_a_request_end_and_then_the_server() {
    let place = Place::new();
    place.train("moons", SMALL, "");
    let mut server = Server::start(&place.path("moons"), "");
    let (mut half, idle) = (server.connect(), server.connect());
    let request = post("text/csv", "1,2\n");
    half.write_all(&request[..request.len() - 4]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let kill = Command::new("kill").args(["-INT", &server.child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    std::thread::sleep(Duration::from_millis(300));
    half.write_all(&request[request.len() - 4..]).unwrap();
    let answer = Answer::read(&mut BufReader::new(half));
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("Connection: close"));
    // The one that said nothing is closed.
    assert_eq!((&idle).read(&mut [0; 1]).unwrap(), 0);
    let status = server.child.wait().unwrap();
    let mut stderr = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(status.success() && stderr.contains("limpide: stopped"), "{status}: {stderr}");
}

#[test]
fn what_cannot_be_served_is_told() {
    let place = Place::new();
    place.run("serve @none").is_refused_with(&["none"]);
    place.train("moons", SMALL, "");
    let server = Server::start(&place.path("moons"), "");
    let port = server.address.rsplit(':').next().unwrap();
    place.run(&format!("serve @moons --port {port}")).is_refused_with(&[&server.address]);
    place.run("serve @moons --host nowhere.invalid").is_refused_with(&["--host", "nowhere.invalid"]);
    let mut named = Server::start(&place.path("moons"), "--host localhost");
    assert_eq!(named.get("/healthz").status, 200);
    named.child.kill().unwrap();
    let mut warned = String::new();
    named.child.stderr.take().unwrap().read_to_string(&mut warned).unwrap();
    assert!(!warned.contains("anybody on the network"), "{warned}");
    place.run("serve @moons --timeout 0").is_refused_with(&["--timeout"]);
}
