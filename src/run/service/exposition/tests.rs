//! The page, read as strictly as the format is written.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::model::{
    Clock, EndReason, Fate, LinkState, RecorderState, RecorderStatus, SourceId, Stamp,
};
use crate::pipeline::{CameraSnapshot, LoopStats, Pipeline, TerminalStats};
use crate::run::service::figures::SourceState;

/// One line with a value.
#[derive(Debug, PartialEq)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Reads a page; anything that the format does not allow is a failure.
fn parse(page: &str) -> Vec<Series> {
    let mut found = Vec::new();
    let mut begun = BTreeSet::new();
    let mut current = (String::new(), String::new());
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(is_name(name) && text.ends_with('.'), "{line}");
            assert!(begun.insert(name.to_owned()), "{name} begins twice");
            current = (name.to_owned(), String::new());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, current.0, "{line}");
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            current.1 = kind.to_owned();
        } else {
            let series = parse_series(line);
            assert_eq!(series.name, current.0, "{line}");
            assert!(!current.1.is_empty(), "{line}");
            let is_quantile = series.labels.contains_key("quantile");
            assert_eq!(is_quantile, current.1 == "summary", "{line}");
            found.push(series);
        }
    }
    let mut seen = BTreeSet::new();
    for series in &found {
        let key = (series.name.clone(), series.labels.clone());
        assert!(seen.insert(key), "{series:?} is there twice");
    }
    found
}

fn parse_series(line: &str) -> Series {
    let (head, value) = line.rsplit_once(' ').unwrap();
    let mut labels = BTreeMap::new();
    let name = match head.split_once('{') {
        None => head,
        Some((name, rest)) => {
            let mut rest = rest.strip_suffix('}').unwrap();
            while !rest.is_empty() {
                let (label, after) = rest.split_once("=\"").unwrap();
                assert!(is_name(label), "{line}");
                let mut value = String::new();
                let mut chars = after.char_indices();
                let end = loop {
                    match chars.next().unwrap() {
                        (at, '"') => break at,
                        (_, '\\') => value.push(match chars.next().unwrap().1 {
                            'n' => '\n',
                            c @ ('\\' | '"') => c,
                            c => panic!("\\{c} in {line}"),
                        }),
                        (_, c) => value.push(c),
                    }
                };
                assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
                rest = &after[end + 1..];
                rest = rest.strip_prefix(',').unwrap_or(rest);
            }
            name
        }
    };
    Series {
        name: name.to_owned(),
        labels,
        value: value.parse().unwrap(),
    }
}

/// Two sources, one of them with everything there is.
fn figures(camera: &str) -> Figures {
    let clock = Clock::manual(1_795_183_402_000_000_000);
    let pipeline = Pipeline::new(clock.clone(), 2, None, None);
    let ledger = pipeline.ledger();
    for fate in [
        Fate::Shown,
        Fate::Shown,
        Fate::Coalesced,
        Fate::NotShown(DropReason::ScreenLaneFull),
    ] {
        ledger.receive(SourceId(0), LaneKind::Samples).settle(fate);
    }
    drop(ledger.receive(SourceId(1), LaneKind::Frames));
    ledger
        .accept_for_disk(SourceId(0))
        .lost(DropReason::DiskFull);
    let meters = pipeline.meters();
    for ms in [1, 2, 10] {
        meters.record(SourceId(0), Stage::ReceivedToWritten, ms * 1_000_000);
    }
    clock.advance(std::time::Duration::from_secs(5));
    let status = RecorderStatus {
        state: RecorderState::Recording,
        part: 2,
        written_bytes: 5000,
        durable_mono_ns: 4_500_000_000,
        free_bytes: Some(1 << 40),
        ..RecorderStatus::default()
    };
    let (turns, terminal) = (LoopStats::default(), TerminalStats::default());
    let mut snapshot = pipeline.snapshot(status, turns, terminal);
    snapshot.sources[0].cameras.push(CameraSnapshot {
        detector: camera.into(),
        frames: 7,
        lost: 2,
        fps: 12.5,
        bytes_per_s: 0.0,
        last_received: Stamp::default(),
        number: None,
        size_px: None,
        encoding: crate::model::FrameEncoding::Jpeg,
        pixel_size_um: None,
        body_bytes: 0,
    });
    let source = |name: &str, link| SourceState {
        name: name.into(),
        simulated: false,
        link,
        losses: 3,
    };
    let down = LinkState::Down {
        reason: EndReason::Refused,
        detail: "no".into(),
        retry_in: None,
    };
    Figures {
        sources: vec![
            source("scope", Some(LinkState::Live)),
            source("other", Some(down)),
        ],
        snapshot,
        removed: (4, 4096),
    }
}

#[test]
fn the_page_says_what_the_accounts_say() {
    let page = text(&figures("Widefield Camera"));
    let found = parse(&page);
    let value = |name: &str, labels: Labels<'_>| {
        let wanted: BTreeMap<String, String> = labels
            .iter()
            .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
            .collect();
        let mut all = found
            .iter()
            .filter(|s| s.name == name && s.labels == wanted);
        all.next().map(|series| series.value)
    };
    let cases: [(&str, Labels<'_>, f64); 17] = [
        (
            "ttyscope_received_total",
            &[("source", "scope"), ("lane", "samples")],
            4.0,
        ),
        (
            "ttyscope_shown_total",
            &[("source", "scope"), ("lane", "samples")],
            2.0,
        ),
        (
            "ttyscope_received_total",
            &[("source", "other"), ("lane", "frames")],
            1.0,
        ),
        (
            "ttyscope_dropped_total",
            &[
                ("source", "scope"),
                ("lane", "samples"),
                ("reason", "screen lane full"),
            ],
            1.0,
        ),
        (
            "ttyscope_recorder_lost_total",
            &[("source", "scope"), ("reason", "disk full")],
            1.0,
        ),
        ("ttyscope_residue", &[("source", "scope")], 0.0),
        ("ttyscope_residue", &[("source", "other")], 1.0),
        ("ttyscope_link_up", &[("source", "scope")], 1.0),
        ("ttyscope_link_up", &[("source", "other")], 0.0),
        (
            "ttyscope_link_state",
            &[("source", "other"), ("state", "down")],
            1.0,
        ),
        (
            "ttyscope_link_state",
            &[("source", "other"), ("state", "live")],
            0.0,
        ),
        (
            "ttyscope_camera_frames_per_second",
            &[("source", "scope"), ("camera", "Widefield Camera")],
            12.5,
        ),
        (
            "ttyscope_stage_seconds",
            &[
                ("source", "scope"),
                ("stage", "received_to_written"),
                ("quantile", "0.5"),
            ],
            0.002,
        ),
        ("ttyscope_durable_age_seconds", &[], 0.5),
        ("ttyscope_disk_free_bytes", &[], (1_u64 << 40) as f64),
        ("ttyscope_recorder_written_bytes_total", &[], 5000.0),
        ("ttyscope_recorder_state", &[("state", "recording")], 1.0),
    ];
    for (name, labels, expected) in cases {
        assert_eq!(value(name, labels), Some(expected), "{name} {labels:?}");
    }
}

#[test]
fn every_word_of_a_state_has_its_series() {
    let all_links = [
        None,
        Some(LinkState::Connecting { attempt: 1 }),
        Some(LinkState::Connected),
        Some(LinkState::Live),
        Some(LinkState::Stale { missing: "".into() }),
        Some(LinkState::Ended),
    ];
    for link in all_links {
        let mut figures = figures("a");
        figures.sources[0].link = link.clone();
        let found = parse(&text(&figures));
        let of_scope = found.iter().filter(|series| {
            series.name == "ttyscope_link_state" && series.labels["source"] == "scope"
        });
        assert_eq!(of_scope.map(|s| s.value).sum::<f64>(), 1.0, "{link:?}");
    }
    let all_recorders = [
        RecorderState::Off,
        RecorderState::Recording,
        RecorderState::Draining,
        RecorderState::Waiting("full".into()),
        RecorderState::Failed("full".into()),
    ];
    for state in all_recorders {
        let mut figures = figures("a");
        figures.snapshot.recorder.state = state;
        let found = parse(&text(&figures));
        let of_it = found.iter().filter(|s| s.name == "ttyscope_recorder_state");
        assert_eq!(of_it.map(|s| s.value).sum::<f64>(), 1.0);
    }
}

proptest! {
    /// A camera is called what its peer likes, and the page stays one.
    #[test]
    fn no_name_breaks_the_page(name in any::<String>()) {
        let figures = figures(&name);
        let kept: String = figures.snapshot.sources[0].cameras[0]
            .detector
            .as_str()
            .chars()
            .take(LABEL_CHARS)
            .collect();
        let found = parse(&text(&figures));
        let frames = found.iter().find(|s| s.name == "ttyscope_camera_frames_total");
        prop_assert_eq!(&frames.unwrap().labels["camera"], &kept);
    }
}
