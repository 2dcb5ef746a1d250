//! Draws the pictures of the README from real screens: `cargo run --example screens [FOLDER]`.
//!
//! The folder is `docs/screens` unless another one is given.

use std::path::PathBuf;
use std::process::ExitCode;

use ttyscope::ui::{Theme, svg};

#[path = "../tests/support/markets.rs"]
mod markets;
#[path = "../tests/support/screens.rs"]
mod screens;

use markets::Market;
use screens::{Doing, Scene, State};

/// Name, state, size, theme and the keys that lead there.
type Shot = (&'static str, State, (u16, u16), &'static str, &'static str);

/// The same with two instruments.
type Bench = (&'static str, Doing, (u16, u16), &'static str);

const BENCHES: [Bench; 2] = [
    ("instrument", Doing::Moving, (120, 34), "2 tab j"),
    ("stop", Doing::Stopped, (120, 34), "2 tab"),
];

const SHOTS: [Shot; 8] = [
    ("overview", State::Live, (100, 26), "dark", "1"),
    ("scope", State::Live, (120, 34), "dark", "2"),
    (
        "look",
        State::Live,
        (160, 48),
        "dark",
        "2 v h h h h h h h h h h h h h h h h h h k k k k k k k k v l l l l l l l l l l l l l l l l l l l l l l l \
         j j j j j j j j j j j j j j j j v",
    ),
    ("pipeline", State::Live, (110, 30), "dark", "6"),
    ("journal", State::Lost, (100, 18), "dark", "7 k"),
    ("lost", State::Lost, (100, 26), "dark", "1"),
    ("palette", State::Live, (100, 26), "dark", ": 't' tab tab"),
    ("scope-light", State::Live, (120, 34), "light", "2"),
];

fn main() -> ExitCode {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("docs/screens"), PathBuf::from);
    match draw_all(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("screens: {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn draw_all(folder: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, state, size, theme, keys) in SHOTS {
        let mut scene = Scene::in_state(state, size);
        scene.press(&format!(": 'theme {theme}' enter"));
        scene.press(keys);
        if state == State::Live {
            // A picture comes for the cells that were asked for.
            scene.picture(scene.now_ms);
        }
        let theme = Theme::built_in(theme).unwrap_or_else(Theme::monochrome);
        let path = folder.join(format!("{name}.svg"));
        std::fs::write(&path, svg(&scene.draw(), &theme))?;
        println!("{}", path.display());
    }
    for (name, doing, size, keys) in BENCHES {
        let mut scene = Scene::with_instruments(doing, size);
        scene.press(keys);
        scene.picture(scene.now_ms);
        let path = folder.join(format!("{name}.svg"));
        std::fs::write(&path, svg(&scene.draw(), &Theme::default()))?;
        println!("{}", path.display());
    }
    let mut scene = Scene::markets(Market::Gap, (160, 48));
    scene.press("n enter j j");
    let path = folder.join("markets.svg");
    std::fs::write(&path, svg(&scene.draw(), &Theme::default()))?;
    println!("{}", path.display());
    Ok(())
}
