//! The `limpide` command.
fn main() {}
