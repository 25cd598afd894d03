//! What is done with finished runs as a user does it: their page, `compare`, `sweep` and `serve`.

#[path = "../shell/mod.rs"]
mod shell;

mod compare;
mod pass;
mod place;
mod report;
mod serve;
mod server;
mod sweep;
