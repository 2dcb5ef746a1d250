//! Imports only point down, and runtime crates stay on their floor.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// The floors, lowest first. Neighbours on floor 2 never import one another.
const FLOORS: [&[&str]; 5] = [
    &["model"],
    &[
        "protocol",
        "recording",
        "imaging",
        "picture_file",
        "config",
        "control",
        "intent",
        "ui",
        "pipeline",
    ],
    &["sources", "simulators", "recorder", "panels", "export"],
    &["app"],
    &["run", "cli", "main", "lib"],
];

/// On floor 1 only these may know another module of floor 1: `(who, whom)`.
const SIDEWAYS: [(&str, &str); 4] = [
    // What may be emitted is the protocol's to say.
    ("config", "protocol"),
    // A file holds the pixels that are decoded there.
    ("picture_file", "imaging"),
    // A widget for a picture has to know what a picture is.
    ("ui", "imaging"),
    // Hints and help are drawn from the action table.
    ("ui", "intent"),
];

/// `(crate, modules that may name it)`; a module also by path, such as `ui/screen`.
const CRATES: &[(&str, &[&str])] = &[
    (
        "tokio",
        &[
            "pipeline",
            "control",
            "sources",
            "simulators",
            "run",
            "main",
        ],
    ),
    ("hyper", &["sources", "simulators", "run/service/metrics"]),
    ("tokio_tungstenite", &["sources", "simulators"]),
    ("ratatui", &["ui", "draw", "app/draw", "run"]),
    ("crossterm", &["run"]),
    ("mcap", &["recording", "recorder"]),
    ("sha2", &["recording"]),
    ("tiff", &["picture_file"]),
    ("png", &["picture_file"]),
    ("parquet", &["export"]),
];

fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                into.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&src).unwrap().with_extension("");
            let text = std::fs::read_to_string(&path).unwrap();
            // Comments may speak of anything.
            let code: String = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| format!("{line}\n"))
                .collect();
            (name.to_string_lossy().replace('\\', "/"), code)
        })
        .collect()
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The top-level modules that `code` names by `crate::` (or `ttyscope::` in the binary), also
/// inside braces.
fn imported(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["crate::", "ttyscope::"] {
        for (at, _) in code.match_indices(prefix) {
            let rest = &code[at + prefix.len()..];
            if let Some(list) = rest.strip_prefix('{') {
                let mut depth = 0_usize;
                let mut word = String::new();
                let mut head = true;
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            found.push(std::mem::take(&mut word));
                            head = true;
                        }
                        c if depth == 0 && head && (c.is_alphanumeric() || c == '_') => {
                            word.push(c);
                        }
                        ':' if depth == 0 => head = false,
                        _ => {}
                    }
                }
                found.push(word);
            } else {
                found.push(
                    rest.chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect(),
                );
            }
        }
    }
    found.retain(|module| floor_of(module).is_some());
    found
}

#[test]
fn imports_only_point_down() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let module = file.split('/').next().unwrap_or_default().to_owned();
        let own = floor_of(&module).unwrap_or_else(|| panic!("{file} is on no floor"));
        for target in imported(&code) {
            let other = floor_of(&target).unwrap_or_default();
            let allowed = target == module
                || other < own
                || own == 4
                || SIDEWAYS.contains(&(module.as_str(), target.as_str()));
            if !allowed {
                wrong.push(format!("src/{file}.rs imports crate::{target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn runtime_crates_stay_on_their_floor() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let module = file.split('/').next().unwrap_or_default();
        let last = file.rsplit('/').next().unwrap_or_default();
        for (name, places) in CRATES {
            let used = code.contains(&format!("{name}::"));
            let allowed = places.iter().any(|place| {
                *place == module || *place == file || (*place == "draw" && last == "draw")
            });
            if used && !allowed {
                wrong.push(format!("src/{file}.rs uses {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_check_sees_imports_in_braces() {
    assert_eq!(
        imported("use crate::{model::{A, B}, app::C, run};"),
        ["model", "app", "run"]
    );
    assert_eq!(imported("let x = crate::ui::Theme;"), ["ui"]);
}
