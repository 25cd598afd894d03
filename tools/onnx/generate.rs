//! Writes `src/format/onnx/proto.rs` from the messages in `onnx.proto` beside it.

use std::{env, fs, path::Path};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/format/onnx");
    let messages = protox::compile(["onnx.proto"], [&folder]).expect("onnx.proto is well formed");
    let out = env::temp_dir();
    prost_build::Config::new().out_dir(&out).compile_fds(messages).expect("the temporary folder can be written to");
    let code = fs::read_to_string(out.join("onnx.rs")).expect("it was just written");
    let head = "//! The messages of `onnx.proto`; `tools/onnx` writes this file.\n\n";
    fs::write(folder.join("proto.rs"), format!("{head}{code}")).expect("the source folder can be written to");
}
