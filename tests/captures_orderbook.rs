//! Plays recorded order-book sessions through the venues and compares with what an independent
//! reader made of them. Sessions are found by listing; nothing here knows a symbol.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "captures_orderbook/compare.rs"]
mod compare;
#[path = "captures_orderbook/player.rs"]
mod player;
#[path = "captures_orderbook/vectors.rs"]
mod vectors;

mod support;

use std::path::PathBuf;

use support::captures;

/// Every session that has a result to compare with, in the order of their names.
fn sessions() -> Vec<PathBuf> {
    let Some(folder) = captures::folder("orderbook") else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| player::expected_path(path).is_some_and(|expected| expected.is_file()))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no session in {}", folder.display());
    paths
}

#[test]
fn every_session_ends_as_the_independent_reader_says() {
    let mut wrong = Vec::new();
    for path in sessions() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for difference in player::play(&path) {
            wrong.push(format!("{name}: {difference}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
