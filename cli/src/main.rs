//! The `limpide` command.

#[allow(dead_code, unused_imports)]
mod chart;
#[allow(dead_code)]
mod files;
#[allow(dead_code)]
mod page;

fn main() {}
