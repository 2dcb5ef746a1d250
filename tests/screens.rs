//! Screens as text: every screen at three sizes and in every state, overlays, and the odd ones.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/screens.rs"]
mod screens;

use std::time::Duration;

use proptest::prelude::*;
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::style::{Color, Style};

use screens::{Doing, Scene, State};
use ttyscope::app::{AppOptions, Effect, Event};
use ttyscope::model::{
    Activity, Command, CommandId, CommandState, EndReason, Instrument, Limits, LinkState, LogLine,
    Message, Motion, Origin, Payload, PictureFormat, Reading, RecorderState, RecorderStatus,
    Request, Severity, SourceId, SourceInfo, StopLevel, StopPath, Workflow, WorkflowState,
};
use ttyscope::pipeline::{PipelineSnapshot, TerminalStats};
use ttyscope::ui::{ColorDepth, Role, Theme};

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (160, 48)];
const SCREENS: [(&str, &str); 5] = [
    ("overview", "1"),
    ("scope", "2"),
    ("fleet_without", "4"),
    ("pipeline", "6"),
    ("journal", "7"),
];

fn snapshot(name: String, scene: &Scene) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, scene.text()));
}

#[test]
fn every_screen_in_every_state() {
    for state in State::ALL {
        for size in SIZES {
            let mut scene = Scene::in_state(state, size);
            for (screen, key) in SCREENS {
                scene.press(key);
                // A picture comes for the cells that were asked for.
                if screen == "scope" && state == State::Live {
                    scene.picture(scene.now_ms);
                }
                let (cols, rows) = size;
                snapshot(format!("{screen}_{}_{cols}x{rows}", state.name()), &scene);
            }
        }
    }
}

#[test]
fn instruments_in_every_state() {
    for doing in Doing::ALL {
        for (cols, rows) in SIZES {
            let mut scene = Scene::with_instruments(doing, (cols, rows));
            let name = |what: &str| format!("{what}_{}_{cols}x{rows}", doing.name());
            scene.press("2");
            if doing != Doing::Lost {
                scene.picture(scene.now_ms);
            }
            snapshot(name("instrument"), &scene);
            // The light sheet has no camera.
            scene.press("n n");
            snapshot(name("lightsheet"), &scene);
            if matches!(doing, Doing::Workflow | Doing::Stopped | Doing::PathDown) {
                scene.press("1");
                snapshot(name("instruments"), &scene);
            }
        }
    }
}

/// More of everything than there is room for, and names of all kinds.
fn crowded() -> Instrument {
    let mut instrument = screens::microscope();
    let axes = (0..12).map(|n| {
        let mut axis = instrument.axes[n % 3].clone();
        axis.name = match n {
            4 => "ピエゾ".into(),
            7 => "the axis with the long name of the second detection arm".into(),
            n => format!("a{n}").into(),
        };
        axis.position = axis
            .position
            .map(|position| position * 10.0_f64.powi(n as i32 - 5));
        axis
    });
    let axes = axes.collect();
    let lights = (0..10).map(|n| {
        let mut light = instrument.lights[n % 3].clone();
        light.name = format!("{}", 405 + 30 * n).into();
        light
    });
    let lights = lights.collect();
    instrument.cameras[0].name = "顕微鏡の名前がとても長いカメラ".into();
    (instrument.axes, instrument.lights) = (axes, lights);
    instrument
}

#[test]
fn an_instrument_with_more_than_there_is_room_for() {
    let cases = [
        ("top", (80, 24), "2 tab"),
        ("last_axis", (80, 24), "2 tab j j j j j j j j j j j"),
        ("last_light", (80, 24), "2 tab G"),
        ("expanded", (80, 24), "2 tab e"),
        ("wide", (160, 48), "2 tab"),
        ("narrow", (40, 16), "2 tab"),
        ("least", (20, 7), "2 tab"),
    ];
    for (name, size, keys) in cases {
        let mut scene = Scene::with_instruments(Doing::Moving, size);
        scene.describe(89_900, screens::SCOPE, &crowded());
        scene.press(keys);
        assert_rows_are_whole(&scene.draw());
        snapshot(format!("crowded_{name}"), &scene);
    }
}

#[test]
fn the_selected_part_is_on_the_screen() {
    for size in [(80, 24), (60, 18), (40, 12), (160, 48)] {
        let mut scene = Scene::with_instruments(Doing::Moving, size);
        let crowded = crowded();
        scene.describe(89_900, screens::SCOPE, &crowded);
        scene.press("2 tab");
        let axes = crowded.axes.iter().map(|axis| axis.name.to_string());
        let lights = crowded.lights.iter().map(|light| light.name.to_string());
        for name in axes.chain(lights) {
            let selected = selected_row(&scene);
            let begins = name.chars().take(5).collect::<String>();
            assert!(
                selected.contains(&begins),
                "{name} at {size:?}: {selected:?}"
            );
            scene.press("j");
        }
    }
}

/// The row with the background of the selection.
fn selected_row(scene: &Scene) -> String {
    let selection = Theme::built_in("dark").unwrap().style(Role::Selection).bg;
    let buf = scene.draw();
    let is_selected = |x: u16, y: u16| buf[(x, y)].style().bg == selection;
    for y in 0..buf.area.height {
        let mut text = String::new();
        let mut x = 0;
        while x < buf.area.width {
            if is_selected(x, y) {
                text.push_str(buf[(x, y)].symbol());
            }
            x += buf[(x, y)].cell_width().max(1);
        }
        if !text.is_empty() {
            return text;
        }
    }
    String::new()
}

#[test]
fn the_stop_line_stands_on_every_screen_and_tells_of_now() {
    let last_but_one = |scene: &Scene| -> String {
        let text = scene.text();
        text.lines().rev().nth(1).unwrap().trim().to_owned()
    };
    let cases = [
        (
            Doing::Settled,
            "stop path: scope  3 ms ● · lightsheet  1 ms ●",
        ),
        (
            Doing::Stopped,
            "■ STOP SENT  lightsheet no answer: assume it is still moving",
        ),
        (
            Doing::Safe,
            "■ STOP SENT, light too  lightsheet no answer: assume",
        ),
        (
            Doing::PathDown,
            "✕ STOP PATH DOWN: lightsheet: 10.0.0.9:53717 refused",
        ),
    ];
    for (doing, words) in cases {
        let mut scene = Scene::with_instruments(doing, (110, 30));
        for keys in [
            "1",
            "2",
            "2 e",
            "3",
            "4",
            "5",
            "6",
            "7",
            "?",
            "esc : 'move'",
            "esc esc f",
        ] {
            scene.press(keys);
            let line = last_but_one(&scene);
            assert!(line.starts_with(words), "{doing:?} {keys}: {line:?}");
        }
        // Also behind a held screen.
        scene.stop(95_000, StopLevel::Halt);
        let line = last_but_one(&scene);
        assert!(
            line.starts_with("■ STOP SENT  lightsheet no answer"),
            "{line:?}"
        );
        scene.event(96_000, Event::Stop(None));
        assert!(!scene.text().contains("■ STOP"));
    }
    // Nothing that can be stopped: no line.
    assert!(
        !Scene::in_state(State::Live, (110, 30))
            .text()
            .contains("stop path")
    );
}

#[test]
fn a_stop_line_says_the_worst_where_there_is_no_room_for_all() {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = |doing, columns: u16| -> String {
        let scene = Scene::with_instruments(doing, (columns, 12));
        words(scene.text().lines().rev().nth(1).unwrap())
    };
    let cases = [
        (
            Doing::Settled,
            60,
            "stop path: scope 3 ms ● · lightsheet 1 ms ● ^X stop",
        ),
        (
            Doing::Settled,
            48,
            "stop path: 2 of 2 ready ^X stop everything",
        ),
        (Doing::Settled, 30, "^X stop"),
        (
            Doing::Stopped,
            70,
            "■ STOP SENT lightsheet no answer, may be moving · scope ack 3.1 ms",
        ),
        (
            Doing::Stopped,
            60,
            "■ STOP SENT 1 may be moving · 1 acknowledged",
        ),
        (Doing::Stopped, 24, "■ MAY BE MOVING"),
        (
            Doing::PathDown,
            60,
            "✕ STOP PATH DOWN: lightsheet: 10.0.0.9:53717 ref… ^X stop",
        ),
        (
            Doing::PathDown,
            44,
            "✕ STOP PATH DOWN: lightsheet: 10… ^X stop",
        ),
        (Doing::PathDown, 24, "✕ STOP PATH DOWN: lig…"),
    ];
    for (doing, columns, expected) in cases {
        assert_eq!(line(doing, columns), expected, "{doing:?} at {columns}");
    }
    let tiny = |doing, size| words(&Scene::with_instruments(doing, size).text());
    let cases = [
        (
            Doing::Stopped,
            (50, 3),
            "SIM ■ STOP: lightsheet no answer, may be … ^X stop",
        ),
        (
            Doing::PathDown,
            (50, 1),
            "SIM ✕ STOP PATH DOWN: lightsheet ^X stop",
        ),
        (Doing::Settled, (40, 4), "SIM ● 3 sources, all well ^X stop"),
        (Doing::Stopped, (19, 1), "SIM ■ STOP… ^X stop"),
        (Doing::Stopped, (12, 1), "SIM ■ ST… ^X"),
    ];
    for (doing, size, expected) in cases {
        assert_eq!(tiny(doing, size), expected, "{doing:?} at {size:?}");
    }
}

#[test]
fn a_stop_line_with_long_and_wide_names_is_whole() {
    for size in [(160, 48), (80, 24), (33, 9), (20, 5), (19, 4), (7, 1)] {
        for doing in Doing::ALL {
            let mut sources = screens::three_sources();
            sources[0].name = "顕微鏡の名前がとても長い装置".into();
            sources[2].name = "the light sheet with the long name on the second floor".into();
            let scene = Scene::with_named_instruments(doing, sources, size);
            assert_rows_are_whole(&scene.draw());
            let text = scene.text();
            let says = match doing {
                Doing::Stopped | Doing::Safe => "■",
                Doing::PathDown => "✕ S",
                _ if size.0 < 20 => "^X",
                _ => "^X stop",
            };
            // Seven columns hold the origin and little else.
            assert!(
                size.0 < 8 || text.contains(says),
                "{doing:?} at {size:?}: {text}"
            );
        }
    }
}

#[test]
fn what_is_played_from_a_file_cannot_be_stopped() {
    let mut options = screens::options(screens::sources(), (80, 24));
    (options.replay, options.can_record) = (true, false);
    let mut scene = Scene::new(options);
    scene.describe(1_000, screens::SCOPE, &screens::microscope());
    let why = "closed".into();
    scene.stop_path(1_000, screens::SCOPE, StopPath::Down { why });
    let text = scene.text();
    assert!(text.contains("recorded stop path: scope DOWN ✕"), "{text}");
    assert!(!text.contains("^X"), "{text}");
}

#[test]
fn a_first_description_after_a_loss_is_believed_again() {
    let mut scene = Scene::with_instruments(Doing::Lost, (100, 30));
    scene.press("2");
    assert!(scene.text().contains("? link lost"));
    scene.sample(91_000, screens::SCOPE, Payload::Link(LinkState::Live));
    // Live, and nothing said of the instrument yet.
    assert!(scene.text().contains("? unknown"));
    scene.describe(91_500, screens::SCOPE, &screens::microscope());
    let text = scene.text();
    assert!(
        !text.contains("? link lost") && text.contains("● settled"),
        "{text}"
    );
}

#[test]
fn overlays() {
    let cases = [
        ("help", "2 ?"),
        ("help_scrolled", "? G"),
        ("palette", ":"),
        ("palette_completion", ": 't' tab tab"),
        ("palette_error", ": 'theme dusk' enter"),
        ("palette_history", ": up up"),
        ("filter_signals", "2 / 'stage'"),
        ("filter_journal", "7 / 'warning'"),
        ("filter_matches_nothing", "7 / 'nothing at all' enter"),
        ("quit_question", "q"),
        ("notice", "L"),
    ];
    for (name, keys) in cases {
        let mut scene = Scene::in_state(State::Live, (80, 24));
        scene.press(keys);
        snapshot(format!("overlay_{name}_80x24"), &scene);
    }
}

#[test]
fn other_views() {
    let cases: [(&str, (u16, u16), &str); 10] = [
        ("scope_picture_expanded", (80, 24), "2 e"),
        ("scope_signals_expanded", (80, 24), "2 tab e s"),
        ("scope_events", (100, 30), "2 n tab"),
        ("pipeline_ledger_expanded", (80, 24), "6 e"),
        ("journal_selected", (80, 24), "7 k k k"),
        ("journal_errors", (80, 24), "7 s s"),
        ("small_overview", (59, 17), "1"),
        ("small_scope", (50, 16), "2 tab"),
        ("tiny", (40, 4), "2"),
        ("tiniest", (12, 1), "2"),
    ];
    for (name, size, keys) in cases {
        let mut scene = Scene::in_state(State::Live, size);
        scene.press(keys);
        if name == "scope_picture_expanded" {
            scene.picture(scene.now_ms);
        }
        snapshot(format!("view_{name}"), &scene);
    }
    let scene = Scene::in_state(State::Lost, (30, 3));
    snapshot("view_tiny_lost".to_owned(), &scene);
}

#[test]
fn truths_that_stand_on_every_screen() {
    let simulated = |scene: &mut Vec<SourceInfo>| {
        for source in scene {
            source.origin = Origin::Simulated;
            source.caution = None;
        }
    };
    let tops = |options: AppOptions, snapshot: PipelineSnapshot| -> Vec<String> {
        let mut scene = Scene::new(options);
        scene.tick(61_000, snapshot);
        (1..=7)
            .map(|screen| {
                scene.press(&screen.to_string());
                scene.text().lines().next().unwrap().to_owned()
            })
            .collect()
    };
    let mut all_simulated = screens::sources();
    simulated(&mut all_simulated);
    let mut cases = Vec::new();
    for (name, snapshot, says) in [
        (
            "simulated",
            PipelineSnapshot::default(),
            vec!["SIMULATED", "rec off"],
        ),
        (
            "recording",
            screens::figures(61_000, 0),
            vec!["SIMULATED", "● rec 00:01:00"],
        ),
        (
            "trouble",
            PipelineSnapshot {
                recorder: RecorderStatus {
                    part: 3,
                    trouble: Some("part 4 of the recording could not be begun".into()),
                    ..screens::figures(61_000, 0).recorder
                },
                ..PipelineSnapshot::default()
            },
            vec!["✕ rec 00:01:00"],
        ),
        (
            "failed",
            PipelineSnapshot {
                recorder: RecorderStatus {
                    state: RecorderState::Failed("/data is full".into()),
                    ..RecorderStatus::default()
                },
                ..PipelineSnapshot::default()
            },
            vec!["SIMULATED", "✕ rec failed"],
        ),
        (
            "blocked",
            PipelineSnapshot {
                terminal: TerminalStats {
                    blocked_ns: 3_000_000_000,
                    ..TerminalStats::default()
                },
                ..PipelineSnapshot::default()
            },
            vec!["tty blocked 3.00 s"],
        ),
    ] {
        cases.push((
            name,
            screens::options(all_simulated.clone(), (80, 24)),
            snapshot,
            says,
        ));
    }
    let far = TerminalStats {
        bytes_per_s: 84_000.0,
        round_trip_ns: Some(210_000_000),
        pictures_hz: 6.1,
        skipped: 12,
        ..TerminalStats::default()
    };
    let near = TerminalStats {
        round_trip_ns: Some(2_000_000),
        ..far
    };
    for (terminal, says) in [
        (far, "  tty 84 kB/s rtt 210 ms img 6 fps  "),
        (near, "  tty 84 kB/s, 12 skipped  "),
    ] {
        let snapshot = PipelineSnapshot {
            terminal,
            ..PipelineSnapshot::default()
        };
        let options = screens::options(all_simulated.clone(), (160, 48));
        cases.push(("link", options, snapshot, vec![says]));
    }
    let mut replay = screens::options(all_simulated.clone(), (80, 24));
    replay.replay = true;
    replay.can_record = false;
    cases.push((
        "replay",
        replay,
        PipelineSnapshot::default(),
        vec!["REPLAY"],
    ));
    let mut real = all_simulated.clone();
    real[0].origin = Origin::Live;
    real[1].origin = Origin::Live;
    cases.push((
        "real",
        screens::options(real, (80, 24)),
        PipelineSnapshot::default(),
        vec!["READ-ONLY"],
    ));
    cases.push((
        "mixed",
        screens::options(screens::sources(), (60, 24)),
        PipelineSnapshot::default(),
        vec!["SIMULATED 1 of 2", "TLS NOT VERIFIED"],
    ));
    for (name, options, snapshot, says) in cases {
        for top in tops(options, snapshot) {
            for words in &says {
                assert!(top.contains(words), "{name}: {words} is not in {top:?}");
            }
        }
    }
}

/// A text with one space between its words, wherever they stand.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_recording_in_parts_says_which_and_what_it_cannot_do() {
    let trouble = "part 4 of the recording could not be begun: /data is read-only";
    for size in [(80, 24), (160, 48)] {
        let mut scene = Scene::in_state(State::Live, size);
        scene.press("1");
        let mut snapshot = screens::figures(64_300, 90);
        snapshot.recorder.part = 3;
        scene.tick(64_300, snapshot.clone());
        assert!(words(&scene.text()).contains("part 3"), "{}", scene.text());
        snapshot.recorder.trouble = Some(trouble.into());
        scene.tick(65_300, snapshot);
        let text = words(&scene.text());
        assert!(
            text.contains("part 4 of the recording could not be begun"),
            "{text}"
        );
        assert!(text.contains("part 3") && text.contains("✕ rec"), "{text}");
    }
}

#[test]
fn a_held_screen_stands_still_and_says_so() {
    for size in SIZES {
        let mut scene = Scene::in_state(State::Live, size);
        scene.press("2 f");
        let (cols, rows) = size;
        let body = |scene: &Scene| -> Vec<String> {
            scene.text().lines().skip(1).map(str::to_owned).collect()
        };
        let before = body(&scene);
        scene.tick(64_300, screens::figures(64_300, 90));
        scene.picture(64_350);
        assert_eq!(body(&scene), before, "{cols}x{rows}");
        assert!(scene.text().contains("‖ FROZEN 3 s"));
        scene.press("f");
        assert!(!scene.text().contains("FROZEN"));
        assert_ne!(body(&scene), before);
    }
}

#[test]
fn wide_names_are_never_cut_in_half() {
    let mut sources = screens::sources();
    sources[0].name = "顕微鏡の名前がとても長い装置".into();
    sources[1].name = "Ω𝄞-sensor👩‍🔬".into();
    for size in [(80, 24), (160, 48), (33, 9)] {
        let mut scene = Scene::new(screens::options(sources.clone(), size));
        let log = LogLine {
            severity: Severity::Warning,
            origin: "ログ".into(),
            text: "警告: 温度が高すぎます。冷却を確認してください。".into(),
        };
        scene.sample(100, screens::SCOPE, Payload::Log(log));
        let reading = Reading::new("ステージ/X軸の位置", 12.5, "mm");
        scene.sample(100, screens::SCOPE, Payload::Readings(vec![reading]));
        scene.tick(1_000, screens::figures(61_000, 0));
        for (screen, key) in SCREENS {
            for overlay in ["esc", "?", "esc : 'live start '"] {
                scene.press(key);
                scene.press(overlay);
                assert_rows_are_whole(&scene.draw());
                if size == (80, 24) && overlay == "esc" {
                    snapshot(format!("wide_{screen}_80x24"), &scene);
                }
            }
            scene.press("esc esc");
        }
    }
}

/// Every row is exactly as wide as the area: no glyph sticks out, none stands on half of another.
fn assert_rows_are_whole(buf: &Buffer) {
    for y in 0..buf.area.height {
        let mut x = 0;
        while x < buf.area.width {
            let wide = buf[(x, y)].cell_width().max(1);
            for behind in 1..wide {
                assert!(x + behind < buf.area.width, "row {y}: a glyph sticks out");
                assert_eq!(
                    buf[(x + behind, y)].symbol(),
                    " ",
                    "row {y}: written over a half"
                );
            }
            x += wide;
        }
        assert_eq!(x, buf.area.width, "row {y}");
    }
}

/// How these words look, where they are first on the screen.
fn style_at(scene: &Scene, words: &str) -> Style {
    let buf = scene.draw();
    let text = screens::text(&buf);
    let (y, line) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(words))
        .unwrap_or_else(|| panic!("{words} is not on the screen:\n{text}"));
    let before = line.split(words).next().unwrap();
    buf[(ttyscope::ui::text::width(before), y as u16)].style()
}

#[test]
fn severity_and_focus_have_a_style_of_their_own() {
    let theme = Theme::built_in("dark").unwrap();
    let cases = [
        (State::Lost, "1", "down: ping", Role::Error),
        (State::Stale, "1", "stale 7 s", Role::Warning),
        (State::Lost, "1 tab", "next try", Role::Error),
        (State::Live, "1", "● rec", Role::Recording),
        (State::Live, "1", "SIMULATED", Role::Banner),
        (State::Live, "1", "TLS NOT", Role::Banner),
        (State::Frozen, "1", "‖ FROZEN", Role::Held),
        (State::Live, "2", "12.3720", Role::Changed),
        (State::Live, "2", "-4.0021", Role::Value),
        (State::Stale, "2", "◐ stale", Role::Warning),
        (State::Lost, "2", "‖ held", Role::Held),
        (State::Live, "6", "! frames dropped", Role::Warning),
        (State::Live, "7", "7 Journal", Role::TitleFocused),
        (State::Live, "7", "journal", Role::TitleFocused),
        (State::Live, "1", "? help", Role::Key),
    ];
    for (state, keys, words, role) in cases {
        let mut scene = Scene::in_state(state, (100, 30));
        scene.press(keys);
        let want = theme.style(role);
        let got = style_at(&scene, words);
        assert_eq!(got.fg, want.fg.or(theme.base().fg).or(got.fg), "{words}");
        assert_eq!(got.add_modifier, want.add_modifier, "{words}");
    }
    let cases = [
        (Doing::Moving, "2", "-3.9872", Role::Changed),
        (Doing::Moving, "2", "12.3470", Role::Value),
        (Doing::Moving, "2", "▸ to", Role::Starting),
        (Doing::Moving, "2", "● ON", Role::Warning),
        (Doing::Moving, "2", "○ off", Role::Dim),
        (Doing::Lost, "2", "? link lost", Role::Warning),
        (Doing::Lost, "2", "12.3470", Role::Held),
        (Doing::Lost, "2", "? unknown   10 s", Role::Warning),
        (Doing::Stopped, "6", "■ STOP SENT", Role::Error),
        (Doing::Stopped, "6", "lightsheet no answer", Role::Error),
        (Doing::Stopped, "2", "✕ move", Role::Text),
        (Doing::Stopped, "2", "refused", Role::Warning),
        (Doing::PathDown, "1", "STOP PATH DOWN", Role::Error),
        (Doing::PathDown, "6", "✕ STOP PATH DOWN", Role::Error),
        (Doing::Settled, "6", "^X stop", Role::Key),
    ];
    for (doing, keys, words, role) in cases {
        let mut scene = Scene::with_instruments(doing, (100, 30));
        scene.press(keys);
        let (want, got) = (theme.style(role), style_at(&scene, words));
        assert_eq!(got.fg, want.fg.or(got.fg), "{words}");
        assert_eq!(got.add_modifier, want.add_modifier, "{words}");
    }
}

#[test]
fn a_move_that_a_stop_ended_is_no_alarm() {
    let theme = Theme::built_in("dark").unwrap();
    let mut scene = Scene::with_instruments(Doing::Settled, (100, 30));
    let asked = (9, "move y by +10 um");
    scene.command(89_900, screens::SCOPE, asked, CommandState::Stopped);
    scene.press("2");
    let (want, got) = (theme.style(Role::Dim), style_at(&scene, "stopped"));
    assert_eq!(got.fg, want.fg.or(got.fg));
    scene.press("7");
    let line = "· scope       move y by +10 um: stopped: Y stands at 12.1 um";
    assert!(scene.text().contains(line), "{}", scene.text());
    // It has no line of its own above the keys, as a failure has.
    let above = "Y stands at 12.1 um";
    assert_eq!(scene.text().matches(above).count(), 1, "{}", scene.text());
}

#[test]
fn an_unexplained_item_is_an_error_line() {
    let mut scene = Scene::in_state(State::Live, (80, 24));
    let mut wrong = screens::figures(62_000, 40);
    wrong.sources[0].lanes[1].counts.received += 2;
    scene.tick(62_000, wrong);
    scene.press("6");
    assert!(
        scene
            .text()
            .contains("✕ the books of scope do not balance: 2 unexplained; please report this")
    );
}

/// Keys on the live screens, and what they ask of the world.
#[test]
fn keys_and_their_effects() {
    let asked = |source, command| {
        let request = Request {
            id: CommandId(1),
            command,
            operator: "ada".into(),
            stop_number: 0,
        };
        Effect::Send(source, request)
    };
    let send = |command| asked(screens::SCOPE, command);
    let sensors = |command| asked(screens::SENSORS, command);
    let recording: [(&str, Vec<Effect>); 18] = [
        ("q", vec![]),
        ("q q", vec![Effect::Quit]),
        ("q y", vec![Effect::Quit]),
        ("q n", vec![]),
        ("q enter", vec![]),
        ("q esc q ctrl-c", vec![Effect::Quit]),
        ("ctrl-c", vec![]),
        ("ctrl-c ctrl-c", vec![Effect::Quit]),
        ("? ctrl-c ctrl-c", vec![Effect::Quit]),
        (": 'quit' enter y", vec![Effect::Quit]),
        ("esc esc esc esc", vec![]),
        ("R", vec![Effect::StopRecording]),
        (": 'stop-recording' enter", vec![Effect::StopRecording]),
        (": 'record' enter", vec![]),
        ("r", vec![send(Command::Refresh)]),
        ("j r", vec![sensors(Command::Refresh)]),
        ("space", vec![Effect::Stop(None)]),
        (": 'qR' esc", vec![]),
    ];
    for (keys, effects) in recording {
        let mut scene = Scene::in_state(State::Live, (80, 24));
        scene.effects.clear();
        scene.press(keys);
        assert_eq!(scene.effects, effects, "{keys}");
    }
    let idle: [(&str, Vec<Effect>); 5] = [
        ("q", vec![Effect::Quit]),
        ("ctrl-c", vec![Effect::Quit]),
        (": 'quit' enter", vec![Effect::Quit]),
        ("R", vec![Effect::StartRecording]),
        ("? q", vec![]),
    ];
    for (keys, effects) in idle {
        let mut scene = Scene::in_state(State::Empty, (80, 24));
        scene.press(keys);
        assert_eq!(scene.effects, effects, "{keys}");
    }
    let mut options = screens::options(screens::sources(), (80, 24));
    (options.replay, options.can_record) = (true, false);
    let mut replay = Scene::new(options);
    replay.press("L r R 2 L");
    assert_eq!(replay.effects, []);
}

#[test]
fn the_picture_on_the_screen_is_saved_the_held_one_while_it_is_held() {
    let mut scene = Scene::in_state(State::Live, (80, 24));
    let saved = |scene: &mut Scene, keys: &str| {
        scene.effects.clear();
        scene.press(keys);
        match scene.effects.as_slice() {
            [Effect::Save(snapshot)] => Some((**snapshot).clone()),
            _ => None,
        }
    };
    // No picture is shown there.
    assert_eq!(saved(&mut scene, "1 S"), None);
    assert_eq!(saved(&mut scene, "1 : 'save' enter"), None);
    assert!(
        scene.text().contains("go to the scope screen"),
        "{}",
        scene.text()
    );
    scene.press("esc 2");
    scene.picture(70_000);
    let shown = saved(&mut scene, "S").unwrap();
    assert_eq!(shown.about.received, screens::at(70_000));
    assert_eq!(shown.about.source.name.as_str(), "scope");
    assert_eq!(shown.frame, screens::picture(70_000, 1, 1).frame);
    assert_eq!((shown.format, shown.name), (None, None));
    scene.press("f");
    scene.picture(71_000);
    let held = saved(&mut scene, ": 'save png cell 1' enter").unwrap();
    assert_eq!(held.about.received, screens::at(70_000));
    assert_eq!(held.format, Some(PictureFormat::Png));
    assert_eq!(held.name.as_deref(), Some("cell 1"));
    scene.press("f");
    let newest = saved(&mut scene, "S").unwrap();
    assert_eq!(newest.about.received, screens::at(71_000));
    scene.event(71_100, Event::Saved(Ok("/data/a.png".into())));
    assert!(
        scene.text().contains("saved /data/a.png"),
        "{}",
        scene.text()
    );
    scene.event(71_200, Event::Saved(Err("not saved: full".to_owned())));
    assert!(scene.text().contains("not saved: full"), "{}", scene.text());
}

#[test]
fn only_pictures_on_the_screen_are_watched() {
    let mut scene = Scene::in_state(State::Live, (80, 24));
    scene.effects.clear();
    let watched = |scene: &mut Scene| -> Vec<Vec<(String, u16, u16)>> {
        std::mem::take(&mut scene.effects)
            .into_iter()
            .map(|effect| match effect {
                Effect::Watch(requests) => requests
                    .into_iter()
                    .map(|r| (r.camera.detector.to_string(), r.cols, r.rows))
                    .collect(),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let wide = |cols, rows| vec![("WidefieldCamera".to_owned(), cols, rows)];
    for (keys, asked) in [
        ("2", vec![wide(40, 12)]),
        ("j k", vec![]),
        ("?", vec![]),
        ("esc", vec![]),
        ("e", vec![wide(80, 14)]),
        ("e", vec![wide(40, 12)]),
        ("f", vec![wide(40, 12)]),
        ("e", vec![wide(80, 14)]),
        ("e", vec![wide(40, 12)]),
        ("f", vec![wide(40, 12)]),
        ("n", vec![vec![]]),
        ("n", vec![wide(40, 12)]),
        ("1", vec![vec![]]),
        (": 'camera WidefieldCamera' enter", vec![wide(40, 12)]),
    ] {
        scene.press(keys);
        assert_eq!(watched(&mut scene), asked, "{keys}");
    }
    scene.event(62_000, Event::Resize { cols: 10, rows: 3 });
    assert_eq!(watched(&mut scene), [vec![]]);
    scene.event(
        62_000,
        Event::Resize {
            cols: 100,
            rows: 30,
        },
    );
    assert_eq!(watched(&mut scene), [wide(56, 17)]);
    assert_eq!(scene.app.visible_cameras().len(), 1);
}

#[test]
fn nothing_new_is_not_drawn_again() {
    let mut scene = Scene::in_state(State::Live, (80, 24));
    scene.press("2");
    let drawn = |scene: &mut Scene, change: &dyn Fn(&mut Scene)| -> bool {
        scene.app.drawn();
        change(scene);
        scene.app.needs_draw()
    };
    let same = screens::figures(61_250, 25);
    type Change = Box<dyn Fn(&mut Scene)>;
    let cases: [(&str, bool, Change); 8] = [
        (
            "the same figures",
            false,
            Box::new({
                let same = same.clone();
                move |scene| scene.tick(61_400, same.clone())
            }),
        ),
        (
            "only the terminal's rate",
            false,
            Box::new({
                let mut same = same.clone();
                same.terminal.bytes_per_s += 1.0;
                move |scene| scene.tick(61_500, same.clone())
            }),
        ),
        (
            "other figures",
            true,
            Box::new(|scene| scene.tick(61_600, screens::figures(61_600, 30))),
        ),
        (
            "the clock",
            true,
            Box::new(|scene| scene.tick(62_000, screens::figures(61_600, 30))),
        ),
        ("a picture", true, Box::new(|scene| scene.picture(62_010))),
        ("a key", true, Box::new(|scene| scene.press("j"))),
        ("a held screen", true, Box::new(|scene| scene.press("f"))),
        (
            "a picture behind a held screen",
            false,
            Box::new(|scene| scene.picture(62_020)),
        ),
    ];
    for (name, expected, change) in cases {
        assert_eq!(drawn(&mut scene, &change), expected, "{name}");
    }
}

#[test]
fn the_palette_changes_what_it_says() {
    let mut scene = Scene::in_state(State::Live, (100, 30));
    scene.press(": 'screen journal' enter");
    assert!(scene.text().contains("── journal ──"));
    scene.press(": 'filter malformed' enter");
    assert!(scene.text().contains("journal · /malformed"));
    scene.press("esc");
    assert!(!scene.text().contains("/malformed"));
    scene.press(": 'sort change' enter");
    assert!(scene.text().contains("by change"));
    let before = scene.draw();
    scene.press(": 'theme light' enter");
    assert_ne!(scene.draw(), before);
    assert_eq!(scene.text(), screens::text(&before));
    assert_eq!(
        scene.app.palette_history(),
        [
            "screen journal",
            "filter malformed",
            "sort change",
            "theme light"
        ]
    );
    scene.press("1 : 'filter x' enter");
    assert!(scene.text().contains(
        "filter: nothing to filter here; go to scope, markets, fleet, tables or journal"
    ));
}

#[test]
fn a_sequence_that_comes_to_nothing_gives_its_last_key_a_meaning() {
    let mut scene = Scene::in_state(State::Live, (80, 24));
    scene.press("g");
    scene.press("2");
    assert!(scene.text().contains("2 Scope"));
}

fn any_event() -> impl Strategy<Value = Action> {
    let key = prop_oneof![
        8 => prop::sample::select("1 2 3 4 5 6 7 [ ] ? : / e f s j k g G n N L r R tab esc enter up down pgup pgdn backspace home end left q y".split(' ').collect::<Vec<_>>())
            .prop_map(|key| Action::Press(key.to_owned())),
        1 => any::<char>().prop_map(|c| Action::Press(if c.is_whitespace() || c.is_control() { "x".into() } else { c.to_string() })),
    ];
    prop_oneof![
        6 => key,
        2 => (1_u16..=300, 1_u16..=120).prop_map(|(cols, rows)| Action::Resize(cols, rows)),
        2 => (0_u64..200_000).prop_map(Action::Tick),
        2 => (any::<String>(), any::<f64>(), any::<i64>()).prop_map(|(n, x, i)| Action::Read(n, x, i)),
        1 => any::<String>().prop_map(Action::Say),
        1 => any::<String>().prop_map(Action::Paste),
        1 => (0_u64..200_000).prop_map(Action::Picture),
        1 => (any::<String>(), 0_u8..6).prop_map(|(text, which)| Action::Link(text, which)),
        2 => (any::<String>(), any::<f64>(), 0_u8..20).prop_map(|(n, x, k)| Action::Describe(n, x, k)),
        2 => (any::<String>(), 0_u64..40, 0_usize..7).prop_map(|(n, id, s)| Action::Command(n, id, s)),
        2 => (any::<String>(), 0_u8..8).prop_map(|(why, which)| Action::Stop(why, which)),
    ]
}

/// One thing that happens to the app.
#[derive(Clone, Debug)]
enum Action {
    Press(String),
    Resize(u16, u16),
    Tick(u64),
    Read(String, f64, i64),
    Say(String),
    Paste(String),
    Picture(u64),
    Link(String, u8),
    Describe(String, f64, u8),
    Command(String, u64, usize),
    Stop(String, u8),
}

fn happen(scene: &mut Scene, action: Action) {
    let now = scene.now_ms;
    match action {
        Action::Press(key) => {
            let chord = key.parse().unwrap();
            scene.key(chord);
        }
        Action::Resize(cols, rows) => {
            scene.size = (cols, rows);
            scene.event(now, Event::Resize { cols, rows });
        }
        Action::Tick(ms) => {
            let mut snapshot = screens::figures(60_000 + ms, ms);
            if ms % 3 == 0 {
                snapshot.sources.clear();
                snapshot.recorder = RecorderStatus::default();
            }
            scene.tick(now.max(ms), snapshot);
        }
        Action::Read(name, x, i) => {
            let readings = vec![
                Reading::new(name.as_str(), x, "um"),
                Reading::new(format!("{name}/count"), i, ""),
                Reading::new(format!("server/{name}/fps_emit"), x, "1/s"),
            ];
            scene.sample(now, screens::SCOPE, Payload::Readings(readings));
        }
        Action::Say(text) => {
            let message = Message {
                name: text.as_str().into(),
                json: text.clone().into(),
                attachments: Vec::new(),
            };
            scene.sample(now, screens::SENSORS, Payload::Message(message));
            let line = LogLine {
                severity: Severity::Error,
                origin: text.as_str().into(),
                text: text.into(),
            };
            scene.event(now, Event::Log(line));
        }
        Action::Describe(name, x, count) => {
            let mut instrument = screens::microscope();
            let mut axis = instrument.axes[0].clone();
            axis.name = name.as_str().into();
            (axis.position, axis.target) = (Some(x), Some(-x));
            axis.motion = Motion::ALL[usize::from(count) % 3];
            axis.limits = Limits::new(-x.abs(), x.abs());
            let mut light = instrument.lights[0].clone();
            (light.name, light.level) = (name.as_str().into(), Some(x));
            instrument.axes = vec![axis; usize::from(count)];
            instrument.lights = vec![light; usize::from(count / 2)];
            instrument.cameras[0].exposure_ms = Some(x);
            instrument.activity = Activity::ALL[usize::from(count) % 6];
            instrument.workflow = Some(Workflow {
                name: Some(name.into()),
                state: WorkflowState::ALL[usize::from(count) % 6],
                acquired: Some(x.abs() as u64),
                expected: Some(u64::from(count)),
                saved: Some(u64::MAX),
            });
            let source = SourceId(u16::from(count % 2));
            scene.describe(now, source, &instrument);
        }
        Action::Command(words, id, state) => {
            let state = CommandState::ALL[state];
            scene.command(now, screens::SCOPE, (id, &words), state);
        }
        Action::Stop(why, which) => match which {
            0 => scene.stop(now, StopLevel::Halt),
            1 => scene.stop(now, StopLevel::Safe),
            2 => scene.event(now, Event::Stop(None)),
            3 | 4 => {
                let down = StopPath::Down {
                    why: why.as_str().into(),
                };
                scene.stop_path(now, SourceId(u16::from(which % 2)), down);
            }
            5 | 6 => {
                let round_trip_ns = u64::MAX;
                let ready = StopPath::Ready { round_trip_ns };
                scene.stop_path(now, SourceId(u16::from(which % 2)), ready);
            }
            _ => scene.stop_path(now, screens::SCOPE, StopPath::Opening),
        },
        Action::Paste(text) => scene.event(now, Event::Paste(text)),
        Action::Picture(ms) => scene.picture(ms),
        Action::Link(text, which) => {
            let state = match which {
                0 => LinkState::Connecting { attempt: 3 },
                1 => LinkState::Connected,
                2 => LinkState::Live,
                3 => LinkState::Stale {
                    missing: text.into(),
                },
                4 => LinkState::Down {
                    reason: EndReason::Refused,
                    detail: text.into(),
                    retry_in: Some(Duration::from_millis(2_500)),
                },
                _ => LinkState::Ended,
            };
            scene.sample(now, screens::SCOPE, Payload::Link(state));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_breaks_the_screen(
        size in (1_u16..=300, 1_u16..=120),
        actions in prop::collection::vec(any_event(), 1..30),
    ) {
        let mut scene = Scene::in_state(State::Live, size);
        for action in actions {
            happen(&mut scene, action);
            assert_rows_are_whole(&scene.draw());
        }
        // The terminal may have become another size since the app was told.
        scene.size = (scene.size.0 / 2 + 1, scene.size.1.saturating_add(3));
        assert_rows_are_whole(&scene.draw());
    }
}

#[test]
fn without_colours_nothing_is_coloured() {
    let mut options = screens::options(screens::sources(), (100, 30));
    options.theme = Theme::built_in("dark").unwrap().for_depth(ColorDepth::None);
    options.color_depth = ColorDepth::None;
    let mut scene = Scene::new(options);
    scene.tick(61_000, screens::figures(61_000, 0));
    for (_, key) in SCREENS {
        scene.press(key);
        scene.picture(61_040);
        for cell in &scene.draw().content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{cell:?}");
        }
    }
    // A state is a glyph and a word before it is a colour.
    scene.press("1");
    let text = scene.text();
    let row = text.lines().find(|line| line.contains("scope SIM"));
    assert!(row.is_some_and(|row| row.contains("◌") && row.contains("starting")));
}
