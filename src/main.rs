//! The thin binary: parse, run, print the error chain once, pick the exit code.

fn main() {}
