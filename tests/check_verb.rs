//! `ttyscope check` says what a configuration means, and what is wrong with it.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn check(text: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lab.toml");
    std::fs::write(&file, text).unwrap();
    let program = env!("CARGO_BIN_EXE_ttyscope");
    let mut command = Command::new(program);
    command.arg("check").arg(file).output().unwrap()
}

#[test]
fn limits_and_the_rules_of_control_are_shown() {
    let output = check(
        r#"
        [control]
        on_exit = "halt"
        audit = "audit.jsonl"
        operator = "night shift"
        [keys]
        stop = ["ctrl-x", "F12"]
        [sources.left]
        url = "imswitch://lab"
        limits = { X = [0, 25000] }
        [sources.right]
        url = "flamingo://lab"
        limits = { z = [11, 25.5] }
        "#,
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for words in [
        "all good; sources 2, keys changed 1",
        "imswitch://lab:8001",
        "limits of X: 0 to 25000",
        "flamingo://lab:53717",
        "limits of z: 11 to 25.5",
        "not taken at the start; what moves on exit is halted; operator night shift; audit in ",
        "audit.jsonl",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_stop_without_its_key_is_refused_with_its_line() {
    let output = check("[keys]\nstop = \"F12\"\n");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{text}");
    let words = "line 2: keys: stop without ctrl-x: ctrl-x always stops; write stop = \
                 [\"ctrl-x\", \"F12\"]";
    assert!(text.contains(words), "{text}");
}

#[test]
fn a_key_that_is_not_there_is_missed_by_its_name() {
    let output = check("[sources.f]\nurl = \"finnhub:AAPL\"\nkey_env = \"NO_SUCH_KEY_HERE\"\n");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("NO_SUCH_KEY_HERE"), "{text}");
}
