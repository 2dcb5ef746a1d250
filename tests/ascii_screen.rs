//! The screens in signs of 7 bits: nothing else may reach a serial line.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/screens.rs"]
mod screens;

use std::fs;
use std::path::{Path, PathBuf};

use screens::{Doing, Scene, State};
use ttyscope::ui::Graphics;
use ttyscope::ui::ascii::plain;

const KEYS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "?"];

fn assert_plain(scene: &mut Scene, graphics: Graphics) {
    let word = graphics.as_str();
    scene.press(&format!(": 'graphics {word}' enter"));
    for key in KEYS {
        scene.press(key);
        scene.picture(scene.now_ms);
        for cell in &scene.draw().content {
            assert!(
                cell.symbol().is_ascii(),
                "{word}, {key}: {:?}",
                cell.symbol()
            );
        }
    }
}

#[test]
fn every_screen_is_plain() {
    for name in ["ascii", "numbers"] {
        let graphics = Graphics::from_name(name).unwrap();
        for state in State::ALL {
            assert_plain(&mut Scene::in_state(state, (100, 30)), graphics);
        }
        for doing in Doing::ALL {
            assert_plain(&mut Scene::with_instruments(doing, (80, 24)), graphics);
        }
        assert_plain(&mut Scene::in_state(State::Live, (20, 8)), graphics);
    }
}

#[test]
fn a_picture_of_letters_looks_like_one() {
    let mut scene = Scene::in_state(State::Live, (100, 30));
    scene.press(": 'graphics ascii' enter 2");
    scene.picture(scene.now_ms);
    let letters = |word: &str| scene.text().contains(word);
    assert!(letters("......") && letters(":"), "{}", scene.text());
    scene.press(": 'graphics numbers' enter");
    assert!(
        scene.text().contains("Brightness: mean "),
        "{}",
        scene.text()
    );
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => rust_files(&path, found),
            false => found.push(path),
        }
    }
}

/// The signs in the strings of what draws: without comments, tests and the glyphs of pictures.
fn signs_that_are_drawn() -> Vec<(char, PathBuf)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join("model/text.rs")];
    files.retain(|file| file.is_file());
    for floor in ["ui", "panels", "app", "intent"] {
        rust_files(&source.join(floor), &mut files);
    }
    let mut signs = Vec::new();
    for file in files {
        let is_left_out = ["tests.rs", "glyphs.rs", "svg.rs"];
        if is_left_out.iter().any(|name| file.ends_with(name)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().map(str::trim_start);
        for line in lines.filter(|line| !line.starts_with("//")) {
            let drawn = line.split(" // ").next().unwrap_or_default();
            signs.extend(drawn.chars().map(|sign| (sign, file.clone())));
        }
    }
    signs
}

#[test]
fn every_sign_of_ours_has_a_letter() {
    let signs = signs_that_are_drawn();
    let ours = signs.iter().filter(|(sign, _)| !sign.is_ascii());
    assert!(
        ours.clone().count() > 50,
        "the signs are not found any more"
    );
    for (sign, file) in ours {
        assert!(plain(*sign).is_some(), "{sign} of {}", file.display());
    }
}
