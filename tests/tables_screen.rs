//! The tables screen as text: live, empty, stale, away, held, filtered, with wide characters and with
//! more than there is room for.
#![allow(clippy::unwrap_used)]

#[path = "support/screens.rs"]
mod screens;

use std::sync::Arc;

use screens::{SCOPE, SENSORS, Scene, State};
use ttyscope::model::{EndReason, LinkState, Payload, Row, Rows, SourceId, Value};

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (160, 48)];
/// The tables screen, by its name: its number is a matter of the order of screens.
const TABLES: &str = ": 'screen tables' enter";

fn snapshot(name: &str, scene: &Scene) {
    let (cols, rows) = scene.size;
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("tables_{name}_{cols}x{rows}"), body(scene)));
}

/// The screen without its top line, which is about other screens.
fn body(scene: &Scene) -> String {
    let text = scene.text();
    let (_, body) = text.split_once('\n').unwrap();
    body.to_owned()
}

fn say(scene: &mut Scene, ms: u64, source: SourceId, table: &str, rows: Vec<Row>, is_whole: bool) {
    let rows = Rows {
        table: table.into(),
        rows,
        is_whole,
    };
    scene.sample(ms, source, Payload::Rows(Arc::new(rows)));
}

fn row(key: &str, cells: Vec<(&str, Value)>) -> Row {
    Row {
        key: key.into(),
        cells: cells.into_iter().map(|(n, v)| (n.into(), v)).collect(),
    }
}

/// A ticker that moves, workers of which one has gone, and a table of odd texts.
fn feed(scene: &mut Scene) {
    scene.sample(0, SENSORS, Payload::Link(LinkState::Live));
    for second in 0..20_u64 {
        let wave = [0.0, 1.25, 2.5, 1.0, -1.5, -2.25][second as usize % 6];
        let mut rows = vec![
            row(
                "BTC/USD",
                vec![
                    ("price", Value::Float(67_123.5 + wave * 10.0)),
                    ("size", "0.00150000".into()),
                    ("trades", Value::Int(1_200 + second as i64 * 7)),
                    ("state", "open".into()),
                ],
            ),
            row(
                "ETH/USD",
                vec![
                    ("price", Value::Float(2_345.25 + wave)),
                    ("size", "12.5".into()),
                    ("trades", Value::Int(96)),
                    ("state", "open".into()),
                ],
            ),
        ];
        // It falls silent.
        if second < 6 {
            let price = Value::Float([0.07, 0.0725, 0.0695][second as usize % 3]);
            rows.push(row(
                "DOGE/USD",
                vec![("price", price), ("state", "halted".into())],
            ));
        }
        say(scene, second * 1_000, SENSORS, "ticker", rows, false);
    }
    let worker = |name: &str, load: f64| row(name, vec![("load", Value::Float(load))]);
    let all = vec![worker("w1", 0.5), worker("w2", 0.75)];
    say(scene, 18_000, SENSORS, "workers", all, true);
    say(
        scene,
        19_500,
        SENSORS,
        "workers",
        vec![worker("w1", 0.25)],
        true,
    );
    let odd = vec![
        row(
            "顕微鏡",
            vec![("名前", "ピエゾ".into()), ("n", Value::Int(3))],
        ),
        row(
            "e\u{301}t\u{1b}[2J",
            vec![("名前", "null".into()), ("n", "null".into())],
        ),
        row(
            "a key that is longer than any column of keys may be",
            vec![
                (
                    "名前",
                    "and a text that says more than there is room for in a table".into(),
                ),
                ("n", Value::Float(1e-12)),
                ("on", Value::Bool(true)),
            ],
        ),
    ];
    say(scene, 19_600, SCOPE, "odd", odd, false);
}

fn live(size: (u16, u16)) -> Scene {
    let mut scene = Scene::in_state(State::Empty, size);
    feed(&mut scene);
    scene.press(TABLES);
    scene
}

#[test]
fn tables_in_every_state() {
    for size in SIZES {
        let mut empty = Scene::in_state(State::Empty, size);
        empty.press(TABLES);
        snapshot("empty", &empty);

        let mut scene = live(size);
        scene.press("n l j");
        snapshot("live", &scene);
        scene.press("n");
        snapshot("gone", &scene);
        scene.press("n");
        snapshot("wide", &scene);

        let mut stale = live(size);
        stale.press("n");
        stale.event(
            70_000,
            ttyscope::app::Event::Resize {
                cols: size.0,
                rows: size.1,
            },
        );
        snapshot("stale", &stale);
        let down = LinkState::Down {
            reason: EndReason::TransportClose,
            detail: "gone".into(),
            retry_in: None,
        };
        stale.sample(71_000, SENSORS, Payload::Link(down));
        snapshot("away", &stale);

        let mut frozen = live(size);
        frozen.press("n f");
        let later = vec![row("NEW", vec![("price", Value::Int(1))])];
        say(&mut frozen, 25_000, SENSORS, "ticker", later, false);
        assert!(!body(&frozen).contains("NEW"));
        snapshot("frozen", &frozen);
        frozen.press("f");
        assert!(body(&frozen).contains("NEW"));

        let mut filtered = live(size);
        filtered.press("n / 'usd' enter l s S");
        snapshot("sorted", &filtered);
        filtered.press("/ ' nothing' enter");
        snapshot("no_match", &filtered);
    }
}

#[test]
fn changes_since_a_mark_are_all_that_is_shown() {
    let mut scene = live((100, 30));
    scene.press("n m");
    let change = vec![
        row(
            "ETH/USD",
            vec![("trades", Value::Int(97)), ("state", "open".into())],
        ),
        row("BTC/USD", vec![("state", "open".into())]),
    ];
    say(&mut scene, 30_000, SENSORS, "ticker", change, false);
    scene.press("m");
    snapshot("since_mark", &scene);
    let text = body(&scene);
    assert!(
        text.contains("ETH/USD") && !text.contains("BTC/USD"),
        "{text}"
    );
    scene.press("esc");
    assert!(body(&scene).contains("BTC/USD"));
}

/// Twenty columns and a hundred rows.
fn crowded(size: (u16, u16)) -> Scene {
    let mut scene = Scene::in_state(State::Empty, size);
    scene.sample(0, SENSORS, Payload::Link(LinkState::Live));
    let names: Vec<String> = (0..20).map(|n| format!("column{n}")).collect();
    let rows = (0..100).map(|n| {
        let cells = names.iter().zip(0..);
        let cells = cells.map(|(name, c)| (name.as_str(), Value::Int(n * 1_000 + c)));
        row(&format!("row{n}"), cells.collect())
    });
    say(&mut scene, 1_000, SENSORS, "big", rows.collect(), false);
    scene.press(TABLES);
    scene
}

#[test]
fn the_cell_under_the_cursor_is_always_on_the_screen() {
    for size in [(60, 18), (80, 24), (160, 48), (40, 10)] {
        let mut scene = crowded(size);
        for column in 0..20 {
            scene.press("l");
            let text = body(&scene);
            assert!(
                text.contains(&format!("column{column} ")),
                "{column} at {size:?}:\n{text}"
            );
        }
        for n in 1..100 {
            scene.press("j");
            let text = body(&scene);
            assert!(
                text.contains(&format!(" row{n} ")),
                "{n} at {size:?}:\n{text}"
            );
            // A number is there whole or not at all.
            assert!(
                text.contains(&format!("{}", n * 1_000 + 19)),
                "{n} at {size:?}:\n{text}"
            );
        }
    }
    let mut scene = crowded((80, 24));
    scene.press("l l l l l l l l l l l l G");
    snapshot("crowded", &scene);
}

#[test]
fn no_size_and_no_key_does_harm() {
    let keys = [
        "",
        "n",
        "l",
        "G",
        "s",
        "S",
        "m",
        "m",
        "tab",
        "j",
        "e",
        "h",
        "N",
        "/ 'x' enter",
        "esc",
    ];
    for cols in (0..170).step_by(17) {
        for rows in (0..50).step_by(7) {
            let mut scene = live((cols, rows));
            for key in keys {
                scene.press(key);
                scene.draw();
            }
        }
    }
}
