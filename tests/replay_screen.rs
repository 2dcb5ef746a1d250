//! What the screens say of a recording that is played, and what its keys ask for.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/screens.rs"]
mod screens;

use std::sync::Arc;
use std::time::Duration;

use screens::{SCOPE, Scene, at};
use ttyscope::app::{AppOptions, Effect, Event};
use ttyscope::model::{
    LinkState, Mark, MarkKind, Pace, Payload, Reading, ReplayOrder, ReplayState, ReplayStatus,
    SeekTo,
};

const SECOND: u64 = 1_000_000_000;

fn status(state: ReplayState) -> ReplayStatus {
    let mark = |s: u64, kind| Mark {
        at_ns: s * SECOND,
        kind,
    };
    ReplayStatus {
        state,
        pace: Pace::Thousandths(2_000),
        achieved: Some(1_900),
        loops: false,
        at_ns: 192 * SECOND,
        unix_ns: at(202_000).unix_ns,
        whole_ns: Some(761 * SECOND),
        part: 2,
        parts: 3,
        marks: Arc::from([mark(100, MarkKind::Command), mark(500, MarkKind::Fault)]),
        since: at(0),
        looked_through: None,
        unreadable: 0,
        notice: (0, "".into()),
    }
}

fn scene(size: (u16, u16)) -> Scene {
    let mut scene = Scene::new(AppOptions {
        replay: true,
        can_record: false,
        ..screens::options(screens::sources(), size)
    });
    scene.sample(1_000, SCOPE, Payload::Link(LinkState::Live));
    scene
}

fn stands(scene: &mut Scene, status: ReplayStatus) {
    scene.event(scene.now_ms, Event::Replay(Box::new(status)));
}

#[test]
fn every_screen_says_that_it_is_a_replay_and_how_it_stands() {
    for size in [(160, 48), (100, 30), (80, 24), (60, 18), (40, 12), (60, 4)] {
        for (state, word) in [
            (ReplayState::Playing, "▸"),
            (ReplayState::Paused, "paused"),
            (ReplayState::Seeking, "seeking"),
            (ReplayState::Ended, "ended"),
        ] {
            let mut scene = scene(size);
            stands(&mut scene, status(state));
            for key in ["1", "2", "3", "4", "5", "6", "7"] {
                scene.press(key);
                let text = scene.text();
                for wanted in ["REPLAY", word] {
                    assert!(
                        text.contains(wanted),
                        "{wanted} at {size:?} on {key}:\n{text}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_line_says_pace_place_moment_part_and_marks() {
    let mut scene = scene((160, 48));
    stands(&mut scene, status(ReplayState::Playing));
    let text = scene.text();
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("REPLAY ▸"));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    for wanted in [
        "2.0x (1.9x)",
        "00:03:12",
        "/ 00:12:41",
        "2026-11-20 14:03:22Z",
        "part 2/3",
    ] {
        assert!(line.contains(wanted), "{wanted} in {line}");
    }
    let column = |sign: char| line.chars().position(|c| c == sign);
    let (command, place, fault) = (column('▲'), column('●'), column('✕'));
    assert!(
        command.is_some() && command < place && place < fault,
        "{line}"
    );
    // The same pace as the wanted one is said once.
    let as_wanted = ReplayStatus {
        achieved: Some(1_990),
        ..status(ReplayState::Playing)
    };
    stands(&mut scene, as_wanted);
    assert!(!scene.text().contains("2.0x ("));
}

#[test]
fn a_jump_leaves_nothing_of_what_was_there() {
    let mut scene = scene((100, 30));
    stands(&mut scene, status(ReplayState::Paused));
    let says = |name: &str| Payload::Readings(vec![Reading::new(name, 1_i64, "um")]);
    scene.sample(1_500, SCOPE, says("of_before"));
    scene.press("2 f");
    assert!(scene.text().contains("of_before"));
    let jumped = ReplayStatus {
        since: at(500_000),
        at_ns: SECOND,
        ..status(ReplayState::Paused)
    };
    stands(&mut scene, jumped);
    // What was on its way when it jumped.
    scene.sample(1_600, SCOPE, says("on_its_way"));
    scene.sample(500_500, SCOPE, says("of_there"));
    let text = scene.text();
    assert!(text.contains("of_there"), "{text}");
    assert!(
        !text.contains("of_before") && !text.contains("on_its_way"),
        "{text}"
    );
    assert!(!text.contains("FROZEN"), "{text}");
    scene.press("7");
    assert!(!scene.text().contains("live"), "{}", scene.text());
}

#[test]
fn keys_and_words_ask_the_player() {
    let mark = |kind, forward| ReplayOrder::Seek(SeekTo::Mark { kind, forward });
    let cases = [
        ("p", ReplayOrder::Toggle),
        ("space", ReplayOrder::Toggle),
        (".", ReplayOrder::Step { forward: true }),
        (",", ReplayOrder::Step { forward: false }),
        (
            ")",
            ReplayOrder::Seek(SeekTo::Forward(Duration::from_secs(10))),
        ),
        (
            "(",
            ReplayOrder::Seek(SeekTo::Back(Duration::from_secs(10))),
        ),
        ("t", mark(MarkKind::Fault, true)),
        ("T", mark(MarkKind::Fault, false)),
        ("w", mark(MarkKind::Command, true)),
        ("W", mark(MarkKind::Command, false)),
        ("}", ReplayOrder::Faster),
        ("{", ReplayOrder::Slower),
        ("P", ReplayOrder::Loop(None)),
        (
            ": s p e e d space m a x enter",
            ReplayOrder::Pace(Pace::Max),
        ),
        (
            ": s e e k space 5 0 % enter",
            ReplayOrder::Seek(SeekTo::Millionths(500_000)),
        ),
        (
            ": s t e p space b a c k enter",
            ReplayOrder::Step { forward: false },
        ),
    ];
    for (keys, order) in cases {
        let mut scene = scene((100, 30));
        stands(&mut scene, status(ReplayState::Paused));
        scene.press(keys);
        assert_eq!(scene.effects.last(), Some(&Effect::Replay(order)), "{keys}");
    }
}

#[test]
fn what_commands_or_records_is_refused_with_a_sentence() {
    for (keys, sentence) in [
        ("R", "a replay is not recorded again"),
        ("L", "a replay asks nothing of an instrument"),
        ("ctrl-x", "a replay has nothing to stop"),
        (
            ": c o n t r o l enter",
            "a replay asks nothing of an instrument",
        ),
        (": s t o p enter", "a replay has nothing to stop"),
        (": r e c o r d enter", "a replay is not recorded again"),
    ] {
        let mut scene = scene((100, 30));
        stands(&mut scene, status(ReplayState::Paused));
        scene.press(keys);
        let text = scene.text();
        assert!(text.contains(sentence), "{keys}:\n{text}");
        let is_asked = |effect: &Effect| {
            matches!(
                effect,
                Effect::Send(..) | Effect::Stop(_) | Effect::StartRecording | Effect::Read { .. }
            )
        };
        assert!(
            !scene.effects.iter().any(is_asked),
            "{keys}: {:?}",
            scene.effects
        );
    }
}

#[test]
fn live_sources_have_no_player() {
    let mut scene = Scene::new(screens::options(screens::sources(), (100, 30)));
    scene.press("p");
    assert!(scene.text().contains("this is live"), "{}", scene.text());
    scene.press("space");
    assert_eq!(
        scene.effects.last(),
        Some(&Effect::Stop(None)),
        "the stop stays the stop"
    );
    for keys in ["?", ": "] {
        scene.press("esc");
        scene.press(keys.trim());
        assert!(!scene.text().contains("next-fault") && !scene.text().contains("seek"));
    }
}
