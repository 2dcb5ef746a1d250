//! What `verify` says of things that never reached the recorder: what, when and why.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use ttyscope::model::{
    BookChange, ClearReason, DropReason, EndReason, LaneKind, LinkState, Loss, Payload, Sample,
    SourceId, Stamp,
};
use ttyscope::recording::{self, RecordingWriter, Session, Verdict};

use super::market::book;
use super::{EPOCH_NS, sources, text, whole};

const SECOND_NS: u64 = 1_000_000_000;

/// The verdict on a recording of these, each so many seconds after the beginning.
fn verdict(dir: &Path, said: impl IntoIterator<Item = (f64, Payload)>) -> Verdict {
    let path = dir.join("missed.mcap");
    let session = Session::new(&sources(), EPOCH_NS);
    let mut writer = RecordingWriter::new(File::create(&path).unwrap(), &session).unwrap();
    let first = [(0.0, Payload::Link(LinkState::Live))];
    for (at_s, payload) in first.into_iter().chain(said) {
        let sample = Sample {
            source: SourceId(0),
            received: Stamp {
                mono_ns: 0,
                unix_ns: EPOCH_NS + (at_s * 1e9) as u64,
            },
            payload,
        };
        writer.stage(&sample, None);
        writer.commit().unwrap();
    }
    writer.finish(&whole(&session)).unwrap();
    recording::verify(&path, &mut |_, _| {}).unwrap()
}

/// Each note: when it began and ended in seconds, whose it is, and what.
fn notes(verdict: &Verdict) -> Vec<(f64, Option<f64>, &str, &str)> {
    let since = |ns: u64| (ns - EPOCH_NS) as f64 / SECOND_NS as f64;
    let notes = verdict.notes.iter();
    notes
        .map(|note| {
            (
                since(note.from_unix_ns.unwrap()),
                note.to_unix_ns.map(since),
                note.of.as_str(),
                note.what.as_str(),
            )
        })
        .collect()
}

fn down() -> Payload {
    Payload::Link(LinkState::Down {
        reason: EndReason::PingTimeout,
        detail: "nothing for 45 s".into(),
        retry_in: Some(Duration::from_secs(1)),
    })
}

#[test]
fn a_loss_of_any_reason_has_its_time_and_those_of_one_kind_are_told_together() {
    let dir = tempfile::tempdir().unwrap();
    let loss = |reason, count| {
        Payload::Loss(Loss {
            lane: LaneKind::Samples,
            reason,
            count,
        })
    };
    for reason in DropReason::ALL {
        let said = [
            (1.0, loss(reason, 3)),
            (2.5, loss(reason, 4)),
            (60.0, loss(reason, 1)),
        ];
        let verdict = verdict(dir.path(), said);
        let reason = reason.as_str();
        let (seven, one) = (
            format!("7 of the samples lane lost: {reason}"),
            format!("1 of the samples lane lost: {reason}"),
        );
        assert_eq!(
            notes(&verdict),
            [
                (1.0, Some(2.5), "scope", seven.as_str()),
                (60.0, Some(60.0), "scope", one.as_str()),
            ]
        );
    }
}

#[test]
fn a_link_that_was_down_or_silent_says_from_when_to_when_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let stale = Payload::Link(LinkState::Stale {
        missing: "no frame for 3 s".into(),
    });
    let said = [
        (1.0, down()),
        (2.0, Payload::Link(LinkState::Connecting { attempt: 1 })),
        (2.5, down()),
        (4.0, Payload::Link(LinkState::Connected)),
        (5.0, stale),
        (6.0, Payload::Link(LinkState::Live)),
        (7.0, down()),
    ];
    let verdict = verdict(dir.path(), said);
    let cut = "the link was down (ping timeout): nothing for 45 s";
    assert_eq!(
        notes(&verdict),
        [
            (1.0, Some(4.0), "scope", cut),
            (
                5.0,
                Some(6.0),
                "scope",
                "connected, and silent: no frame for 3 s"
            ),
            (7.0, None, "scope", &format!("{cut}; to the end")),
        ]
    );
}

#[test]
fn a_book_with_gaps_says_each_time_that_it_was_not_to_be_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = || book(BookChange::Snapshot, &[(1, 1)], &[(2, 1)]);
    let clear = |reason| book(BookChange::Clear(reason), &[], &[]);
    let said = [
        (1.0, snapshot()),
        (2.0, clear(ClearReason::Gap)),
        (2.1, clear(ClearReason::Closed)),
        (3.0, snapshot()),
        (4.0, clear(ClearReason::Checksum)),
    ];
    let verdict = verdict(dir.path(), said);
    let of = "scope kraken BTC/USD";
    let why = |reason: ClearReason, end: &str| {
        format!("the book was not to be trusted: {}{end}", reason.as_str())
    };
    assert_eq!(
        notes(&verdict),
        [
            (2.0, Some(3.0), of, why(ClearReason::Gap, "").as_str()),
            (
                4.0,
                None,
                of,
                why(ClearReason::Checksum, "; to the end").as_str()
            ),
        ]
    );
}

#[test]
fn a_clock_that_went_back_is_told_where_it_did() {
    let dir = tempfile::tempdir().unwrap();
    let said = [3_600.0, 3_601.0, 1.0, 2.0, 1.5]
        .into_iter()
        .zip(0..)
        .map(|(at_s, n)| (at_s, text(n)));
    let verdict = verdict(dir.path(), said);
    let back = "the clock went back by 3600.000 s: times before and behind this place do not \
                follow each other";
    assert_eq!(notes(&verdict), [(3_601.0, None, "", back)]);
    assert!(verdict.findings.is_empty(), "{:?}", verdict.findings);
}
