//! `limpide train` and `predict` on arrays and folders of images, as a user runs them.

use super::{Place, root, run};
use std::fs;
use std::path::Path;

/// A file that NumPy or Pillow wrote.
fn reference(name: &str) -> String {
    root().join("tests/reference").join(name).to_str().unwrap().to_string()
}

/// Copies a file of the reference.
fn copy(name: &str, to: &str) {
    fs::create_dir_all(Path::new(to).parent().unwrap()).unwrap();
    fs::copy(reference(name), to).unwrap();
}

/// A grey PNG file.
pub fn write_png(path: &str, side: u32, pixels: &[u8]) {
    fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
}

/// The first embedded digits of three classes as files `0/….png`, 30 a class.
pub fn digits(place: &Place, folder: &str) -> String {
    let digits = limpide::data::digits::<f32>();
    let labels = digits.targets.labels().unwrap();
    for class in 0..3 {
        let own = (0..digits.len()).filter(|&sample| labels[sample] == class).take(30);
        for (number, sample) in own.enumerate() {
            let pixels: Vec<u8> = digits.inputs.gather(&[sample]).iter().map(|pixel| (pixel * 255.0) as u8).collect();
            write_png(&place.path(&format!("{folder}/{class}/{number:02}.png")), 8, &pixels);
        }
    }
    place.path(folder)
}

#[test]
fn an_npz_file_is_enough_to_train_and_to_predict() {
    let place = Place::new();
    let ran = place.train(&reference("arrays/plain.npz"), "plain", "--json");
    assert!(ran.stderr.contains("array y (30,), taken for classes"), "{}", ran.stderr);
    let json = ran.json();
    assert!(json["validation"]["accuracy"].as_f64() >= Some(0.75), "{json}");
    let toml = fs::read_to_string(place.path("plain/run.toml")).unwrap();
    for line in ["standardize = \"feature\"", "array = \"x\"", "task = \"classes\"", "validation = 0.1"] {
        assert!(toml.contains(line), "wants {line} in\n{toml}");
    }
    let answers = run("predict", &place.path("plain"), &reference("arrays/plain.npz"));
    assert_eq!(answers.code, 0, "{}", answers.stderr);
    let lines: Vec<&str> = answers.stdout.lines().collect();
    assert_eq!((lines[0], lines.len()), ("row,class,probability_0,probability_1,probability_2", 31));
    // The classes stand in turn, three deviations apart.
    let right = (0..30).filter(|row| lines[row + 1].starts_with(&format!("{},{},", row + 1, row % 3))).count();
    assert!(right >= 24, "{right} of 30");
    // The description that was left trains again.
    place.train(&place.path("plain/run.toml"), "again", "--set epochs=1");
}

#[test]
fn arrays_of_a_test_part_are_kept_for_it() {
    let place = Place::new();
    for name in ["tested", "keras"] {
        let ran = place.train(&reference(&format!("arrays/{name}.npz")), name, "--set epochs=2");
        assert!(ran.stderr.contains("train 22, validation 2, test 6"), "{}", ran.stderr);
        assert_eq!(run("eval", &place.path(name), "--part test").code, 0);
    }
}

#[test]
fn images_with_channels_last_and_classes_by_name() {
    let place = Place::new();
    let ran = place.train(&reference("arrays/images.npz"), "images", "--set epochs=12");
    let toml = fs::read_to_string(place.path("images/run.toml")).unwrap();
    for line in ["channels_last = true", "type = \"Conv2d\"", "type = \"OneCycleLR\"", "type = \"RandomAffine\""] {
        assert!(toml.contains(line), "wants {line} in\n{toml}");
    }
    // What is where in an image may be what its values say.
    let words = "--set data.targets=inputs --set epochs=1";
    place.train(&reference("arrays/images.npz"), "values", words);
    let values = fs::read_to_string(place.path("values/run.toml")).unwrap();
    assert!(values.contains("type = \"Conv2d\"") && !values.contains("RandomAffine"), "{values}");
    assert!(ran.stderr.contains("bright") && ran.stderr.contains("dark"), "{}", ran.stderr);
    let answers = run("predict", &place.path("images"), &reference("arrays/images.npz")).stdout;
    assert!(answers.starts_with("row,class,probability_bright,probability_dark\n1,dark,"), "{answers}");
    assert!(answers.contains("\n2,bright,"), "{answers}");
}

#[test]
fn npy_files_find_each_other_and_floats_are_values() {
    let place = Place::new();
    copy("arrays/f8.npy", &place.path("X.npy"));
    let alone = run("train", &place.path("X.npy"), &format!("--out {}", place.path("none")));
    alone.is_refused_with(&["X.npy: has no targets beside it", "--target"]);
    copy("arrays/bool.npy", &place.path("y.npy"));
    let short = run("train", &place.path("X.npy"), &format!("--out {}", place.path("none")));
    short.is_refused_with(&["y.npy: wants (2, …), one target for each of the 2 inputs, got (3,)"]);
    // 40 rows of two numbers, the target 100 + 10 · the first.
    let header = |shape: &str| {
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat()
    };
    let x: Vec<f32> = (0..80).map(|i| (i * 37 % 80) as f32 / 80.0).collect();
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let y: Vec<f32> = x.chunks(2).map(|row| 100.0 + 10.0 * row[0]).collect();
    fs::write(place.path("x.npy"), [header("(40, 2)"), floats(&x)].concat()).unwrap();
    fs::write(place.path("y.npy"), [header("(40,)"), floats(&y)].concat()).unwrap();
    let ran = place.train(&place.path("x.npy"), "values", "");
    assert!(ran.stderr.contains("taken for values"), "{}", ran.stderr);
    let answers = run("predict", &place.path("values"), &place.path("x.npy")).stdout;
    let got: Vec<f32> = answers.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(got.len(), 40);
    // In the targets' own units: a network that had learnt nothing would be 2.9 off.
    let off = (got.iter().zip(&y).map(|(got, y)| (got - y).powi(2)).sum::<f32>() / 40.0).sqrt();
    assert!(off < 1.0, "{off}");
}

#[test]
fn a_folder_of_images_is_enough_to_train_and_to_predict() {
    let place = Place::new();
    let folder = digits(&place, "digits");
    fs::write(place.path("digits/2/z.heic"), "").unwrap();
    fs::copy(reference("images/grey.png"), place.path("digits/loose.png")).unwrap();
    copy("images/grey.png", &place.path("digits/__MACOSX/._1.png"));
    let ran = place.train(&folder, "run", "--json --set epochs=8");
    assert!(ran.stderr.contains("90 images, 8x8, grey"), "{}", ran.stderr);
    let passed_over = "passed over 1 file, not png, jpg or jpeg by name: ";
    assert!(ran.stderr.contains(&format!("{passed_over}{folder}/2/z.heic")), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("1 image, in no folder of a class: {folder}/loose.png")), "{}", ran.stderr);
    assert!(ran.json()["validation"]["accuracy"].as_f64() >= Some(0.8), "{}", ran.stdout);
    let toml = fs::read_to_string(place.path("run/run.toml")).unwrap();
    assert!(toml.contains("size = [8, 8]") || toml.contains("size = [\n    8,\n    8,\n]"), "{toml}");
    let answers = run("predict", &place.path("run"), &format!("{folder}/2"));
    let lines: Vec<&str> = answers.stdout.lines().collect();
    assert_eq!((lines[0], lines.len()), ("file,class,probability_0,probability_1,probability_2", 31));
    assert!(answers.stderr.contains(passed_over), "{}", answers.stderr);
    assert!(run("eval", &place.path("run"), &folder).stderr.contains(passed_over));
    assert!(lines.iter().filter(|line| line.contains(".png,2,")).count() > 20, "{}", answers.stdout);
    let rust = run("export", &place.path("run"), "--format rust --json").json();
    assert_eq!((&rust["input_divisor"], &rust["input"]), (&255.0.into(), &serde_json::json!([1, 8, 8])));
    // Written as ONNX and read back, it answers the same.
    let (graph, back) = (place.path("net.onnx"), place.path("back.safetensors"));
    assert_eq!(run("export", &place.path("run"), &format!("--format onnx --out {graph}")).code, 0);
    assert_eq!(run("import", &graph, &format!("--out {back}")).code, 0);
    assert_eq!(run("predict", &back, &format!("{folder}/2")).stdout, answers.stdout);
    let image = reference("images/grey.png");
    run("predict", &place.path("run"), &format!("{image} --keep id")).is_refused_with(&["--keep", "grey.png"]);
    run("predict", &place.path("run"), &format!("{image} --ignore-extra")).is_refused_with(&["--ignore-extra"]);
    // One file, of another size: it is brought to the network's.
    let one = run("predict", &place.path("run"), &reference("images/grey.png"));
    assert_eq!((one.code, one.stdout.lines().count()), (0, 2), "{}", one.stderr);
}

#[test]
fn a_corrupt_image_is_named_and_left_out_when_asked() {
    let place = Place::new();
    let folder = digits(&place, "digits");
    let bad = format!("{folder}/1/07.png");
    let bytes = fs::read(&bad).unwrap();
    fs::write(&bad, &bytes[..bytes.len() - 20]).unwrap();
    let out = format!("--out {} --set epochs=8", place.path("run"));
    run("train", &folder, &out).is_refused_with(&["1/07.png: is not a whole PNG image", "--skip-bad"]);
    assert!(!Path::new(&place.path("run")).exists(), "no partial output");
    let ran = run("train", &folder, &format!("--skip-bad {out}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("89 images") && ran.stderr.contains("left out 1 file that cannot be decoded"),
        "{}",
        ran.stderr
    );
    run("predict", &place.path("run"), &folder).is_refused_with(&["1/07.png: is not a whole PNG image"]);
    run("eval", &place.path("run"), &folder).is_refused_with(&["1/07.png: is not a whole PNG image"]);
    let scored = run("eval", &place.path("run"), &format!("{folder} --skip-bad --json"));
    assert_eq!((scored.code, &scored.json()["samples"]), (0, &89.into()), "{}", scored.stderr);
    run("eval", &place.path("run"), "--skip-bad").is_refused_with(&["--skip-bad must be with a folder of images"]);
    let answers = run("predict", &place.path("run"), &format!("{folder} --skip-bad"));
    assert_eq!((answers.code, answers.stdout.lines().count()), (0, 90), "{}", answers.stderr);
    assert!(answers.stderr.contains("left out 1 file that"), "{}", answers.stderr);
    // Each answer is held against the class of its own file.
    let lines: Vec<&str> = answers.stdout.lines().skip(1).collect();
    let is_right = |line: &&&str| {
        (0..3).any(|class| line.contains(&format!("/{class}/")) && line.contains(&format!(".png,{class},")))
    };
    let right = lines.iter().filter(is_right).count() as f64 / lines.len() as f64;
    assert_eq!(scored.json()["accuracy"].as_f64(), Some(right), "{}", scored.stdout);
}

/// The damage that disks, downloads and people do, in a folder of 10,000: alone it is named by its file, and all together is
/// left out and counted.
#[test]
fn damaged_images_among_ten_thousand_are_named_or_left_out_and_counted() {
    let place = Place::new();
    let folder = place.path("many");
    let name = |file: usize| format!("{}/{file:05}.png", ["dark", "light"][file % 2]);
    for file in 0..10_000 {
        let base = [40, 200][file % 2];
        let pixels: Vec<u8> = (0..16).map(|pixel| base + ((file * 31 + pixel * 17) % 23) as u8).collect();
        write_png(&format!("{folder}/{}", name(file)), 4, &pixels);
    }
    fs::write(format!("{folder}/dark/notes.txt"), "not an image, and not called one").unwrap();
    let whole = fs::read(format!("{folder}/{}", name(1))).unwrap();
    let changed = |at: usize, byte: u8| [&whole[..at], &[byte], &whole[at + 1..]].concat();
    let pixels = whole.windows(4).position(|four| four == b"IDAT").unwrap() + 8;
    let damage = [
        (3, Vec::new()),
        (1_234, whole[..20].to_vec()),
        (4_321, whole[..pixels].to_vec()),
        (5_000, whole[..whole.len() - 16].to_vec()),
        (6_789, changed(pixels, whole[pixels] ^ 0x55)),
        (7_007, changed(0, b'x')),
        (8_888, b"<html>404 Not Found</html>".to_vec()),
        (9_999, changed(16, 0x7F)),
    ];
    let out = format!("--out {} --set epochs=1 --set data.limit=300", place.path("run"));
    for (file, bytes) in damage.iter().step_by(3) {
        let path = format!("{folder}/{}", name(*file));
        let good = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        run("train", &folder, &out).is_refused_with(&[&name(*file), "--skip-bad"]);
        assert!(!Path::new(&place.path("run")).exists(), "no partial output");
        fs::write(&path, good).unwrap();
    }
    for (file, bytes) in &damage {
        fs::write(format!("{folder}/{}", name(*file)), bytes).unwrap();
    }
    let ran = run("train", &folder, &format!("--skip-bad {out}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for words in ["9992 images", "left out 8 files that cannot be decoded"] {
        assert!(ran.stderr.contains(words), "wants {words} in {}", ran.stderr);
    }
    let answers = run("predict", &place.path("run"), &format!("{folder} --skip-bad"));
    assert_eq!((answers.code, answers.stdout.lines().count()), (0, 9_993), "{}", answers.stderr);
    assert!(answers.stderr.contains("left out 8 files"), "{}", answers.stderr);
    for (file, _) in &damage {
        assert!(!answers.stdout.contains(&name(*file)), "{file}");
    }
}

#[test]
fn photos_of_many_sizes_train_and_predict() {
    let place = Place::new();
    for number in 0..24u32 {
        let (class, side) = (["dark", "light"][number as usize % 2], 90 + number % 5);
        let shade = 60 + 120 * (number as usize % 2);
        let pixels: Vec<u8> = (0..(side * side) as usize).map(|at| (shade + at * 7919 % 60) as u8).collect();
        write_png(&place.path(&format!("photos/{class}/{number}.png")), side, &pixels);
    }
    let said = "they have 5 sizes, 90x90 to 94x94, and become 64x64 (--set data.pixels.size=[64,64] for another)";
    let ran = place.train(&place.path("photos"), "run", "--set epochs=2");
    assert!(ran.stderr.contains(said) && ran.stderr.contains("sticks out is cut off"), "{}", ran.stderr);
    assert!(fs::read_to_string(place.path("run/run.toml")).unwrap().contains("size = [64, 64]"));
    let answers = run("predict", &place.path("run"), &place.path("photos/dark"));
    assert_eq!((answers.code, answers.stdout.lines().count()), (0, 13), "{}", answers.stderr);
    // Who says the size and the fit hears nothing of a choice.
    let own = place.train(&place.path("photos"), "own", "--set epochs=1 --set data.pixels.size=[16,16]");
    assert!(own.stderr.contains("24 images, 16x16, grey") && !own.stderr.contains("they have"), "{}", own.stderr);
}

#[test]
fn folders_and_files_that_are_no_data_are_refused() {
    let place = Place::new();
    let refused = |path: &str, words: &[&str]| {
        run("train", &place.path(path), &format!("--out {}", place.path("run"))).is_refused_with(words);
        assert!(!Path::new(&place.path("run")).exists(), "{path}: no partial output");
    };
    fs::create_dir(place.path("empty")).unwrap();
    refused("empty", &["wants a folder for each class"]);
    copy("images/grey.png", &place.path("one/cat/1.png"));
    refused("one", &["has one class, cat"]);
    let whole = fs::read(reference("arrays/tested.npz")).unwrap();
    fs::write(place.path("cut.npz"), &whole[..whole.len() / 2]).unwrap();
    refused("cut.npz", &["cut.npz: is not a whole ZIP archive", "cut short"]);
    copy("arrays/object.npy", &place.path("x.npy"));
    copy("arrays/object.npy", &place.path("y.npy"));
    refused("x.npy", &["Python objects (dtype=object)", "astype"]);
    copy("arrays/plain.npz", &place.path("names.npz"));
    run("train", &place.path("names.npz"), "--target z").is_refused_with(&["holds no array z; its arrays are x, y"]);
    let skip = run("train", &place.path("names.npz"), "--skip-bad");
    skip.is_refused_with(&["--skip-bad must be with a folder of images"]);
}

/// An NPY file of numbers (rows, columns).
fn npy(columns: usize, numbers: &[f32]) -> Vec<u8> {
    let shape = format!("({}, {columns})", numbers.len() / columns);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}").into_bytes();
    header.resize((header.len() + 11).next_multiple_of(64) - 11, b' ');
    header.push(b'\n');
    let length = (header.len() as u16).to_le_bytes();
    let body = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    [b"\x93NUMPY\x01\0".to_vec(), length.to_vec(), header, body].concat()
}

/// Two values of which one is a thousand times as large are off by as much as the answers in their own units say.
#[test]
fn several_values_are_off_in_the_units_of_each() {
    let place = Place::new();
    let x: Vec<f32> = (0..120).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let y: Vec<f32> = x.iter().enumerate().flat_map(|(i, x)| [x * x, 1000.0 * x + (i % 7) as f32 * 50.0]).collect();
    for (name, columns, numbers) in
        [("x", 1, &x[..80]), ("y", 2, &y[..160]), ("x_test", 1, &x[80..]), ("y_test", 2, &y[160..])]
    {
        fs::write(place.path(&format!("{name}.npy")), npy(columns, numbers)).unwrap();
    }
    let json = place.train(&place.path("x.npy"), "run", "--json --set test.max_loss=1e9 --set epochs=5").json();
    let answers = run("predict", &place.path("run"), &place.path("x_test.npy")).stdout;
    let cells =
        answers.lines().skip(1).flat_map(|line| line.split(',').skip(1).map(|cell| cell.parse::<f64>().unwrap()));
    let squares: Vec<f64> = cells.zip(&y[160..]).map(|(got, &wanted)| (got - f64::from(wanted)).powi(2)).collect();
    assert_eq!(squares.len(), 80);
    let wanted = (squares.iter().sum::<f64>() / 80.0).sqrt();
    let got = json["test_fit"]["rmse"].as_f64().unwrap();
    assert!((got / wanted - 1.0).abs() < 1e-4, "{got} {wanted}");
}
