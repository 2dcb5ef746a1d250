//! `ttyscope completions` and `ttyscope man`: what they write is what shells and `man` read.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn ttyscope(arguments: &[&str], home: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ttyscope"));
    command.args(arguments).env("HOME", home);
    for variable in ["XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env_remove(variable);
    }
    command.output().unwrap()
}

const VERBS: [&str; 6] = ["record", "replay", "inspect", "stop", "sim", "check"];

#[test]
fn every_shell_gets_every_verb() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = ttyscope(&["completions", shell], home.path());
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        for verb in VERBS {
            assert!(script.contains(verb), "{shell}: {verb}");
        }
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn bash_takes_the_script_and_completes_a_verb() {
    let home = tempfile::tempdir().unwrap();
    let output = ttyscope(&["completions", "bash", "--install"], home.path());
    assert!(output.status.success());
    let file = home
        .path()
        .join(".local/share/bash-completion/completions/ttyscope");
    if Command::new("bash").arg("--version").output().is_err() {
        eprintln!("skipped: bash is not installed");
        return;
    }
    let ask = "source \"$1\"; COMP_WORDS=(ttyscope rep); COMP_CWORD=1; \
               _ttyscope ttyscope rep ttyscope; echo \"${COMPREPLY[@]}\"";
    let arguments = ["--norc", "-c", ask, "bash"];
    let bash = Command::new("bash").args(arguments).arg(&file).output();
    let bash = bash.unwrap();
    let said = String::from_utf8(bash.stdout).unwrap();
    assert_eq!(
        said.trim(),
        "replay",
        "{:?}",
        String::from_utf8(bash.stderr)
    );
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let home = tempfile::tempdir().unwrap();
    let page = String::from_utf8(ttyscope(&["man"], home.path()).stdout).unwrap();
    assert!(page.contains(".TH ttyscope 1"), "{page}");
    let dir = home.path().join("pages");
    let install = format!("--install={}", dir.display());
    assert!(ttyscope(&["man", &install], home.path()).status.success());
    assert_eq!(
        std::fs::read_to_string(dir.join("ttyscope.1")).unwrap(),
        page
    );
    for verb in VERBS {
        let page = std::fs::read_to_string(dir.join(format!("ttyscope-{verb}.1"))).unwrap();
        assert!(page.contains(&format!(".TH ttyscope-{verb} 1")), "{page}");
    }
    // Again, over those of an earlier release.
    assert!(ttyscope(&["man", &install], home.path()).status.success());
}

#[test]
fn a_folder_that_cannot_be_is_said() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let install = format!("--install={}", file.join("man1").display());
    let output = ttyscope(&["man", &install], home.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("man1 cannot be written: "), "{said}");
}
