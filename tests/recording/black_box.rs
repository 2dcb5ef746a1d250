//! The last seconds of everything: in a file of their own when somebody asks, a stop is pressed or a
//! rule fires; and nothing else notices.

use super::*;
use ttyscope::model::{BlackBoxStatus, BookChange, SavedBlackBox, Trigger};
use ttyscope::pipeline::BlackBoxPlan;
use ttyscope::recording::verify;

use super::disk_full::SmallDisk;
use super::market::{book, event};

const SPAN: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);
const MOST_BYTES: u64 = 1 << 20;

impl Rig {
    /// Keeps ten seconds, saved by these rules.
    fn keep(&self, rules: &[&str]) {
        let on: Vec<Trigger> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        self.lane.order(Order::Remember(Some(BlackBoxPlan {
            dir: self.dir.path().join("recordings"),
            stem: "lab".to_owned(),
            span: SPAN,
            size_bytes: MOST_BYTES,
            after: AFTER,
            on,
        })));
        wait_until("everything is kept", || self.lane.is_remembering());
    }

    fn kept(&self) -> BlackBoxStatus {
        self.recorder.status().black_box.unwrap()
    }

    /// The recorder has taken what was said since it keeps everything.
    fn settle(&self) {
        let sources = self.pipeline.ledger().snapshot().sources;
        let said: u64 = sources.iter().map(|book| book.total().received).sum();
        wait_until("the recorder has taken everything", || {
            self.kept().taken == said
        });
    }

    fn ask(&self) {
        self.lane
            .order(Order::SaveBlackBox("it was asked for".into()));
        wait_until("it is being saved", || self.kept().is_saving);
    }

    /// Lets the time pass that a file goes on for, and waits for it: the `n`th.
    fn saved(&self, n: u64) -> SavedBlackBox {
        self.clock.advance(AFTER);
        wait_until("it is saved", || self.kept().saves == n);
        self.kept().last.unwrap()
    }
}

fn is_whole(saved: &SavedBlackBox) -> PathBuf {
    assert_eq!((saved.missing, &saved.trouble), (0, &None), "{saved:?}");
    let path = PathBuf::from(saved.path.as_str());
    let verdict = verify(&path, &mut |_, _| {}).unwrap();
    assert!(verdict.whole, "{verdict:?}");
    assert!(verdict.summary.losses.is_empty(), "{verdict:?}");
    path
}

#[test]
fn the_last_seconds_are_saved_without_a_recording() {
    let rig = Rig::new();
    rig.keep(&[]);
    rig.say(0, Payload::Link(LinkState::Live));
    rig.say(0, reading("stage/X", 1.0));
    for n in 1..=20 {
        rig.clock.advance(SECOND);
        rig.say(0, text(n));
        rig.say(
            1,
            Payload::Frame(frame(n, FrameEncoding::Mono8, vec![7; 8])),
        );
    }
    rig.settle();
    rig.ask();
    rig.say(0, text(21));
    rig.settle();
    let saved = rig.saved(1);
    let path = is_whole(&saved);

    // Ten seconds back, and what followed.
    let expected: Vec<Payload> = (10..=21).map(text).collect();
    let mut said = payloads(&path, 0);
    let held: Vec<Payload> = said.drain(..2).collect();
    assert_eq!(said, expected);
    assert_eq!(payloads(&path, 1).len(), 11);
    // It begins with what held then.
    assert_eq!(
        held,
        [Payload::Link(LinkState::Live), reading("stage/X", 1.0)]
    );
    assert_eq!(saved.span, SPAN);

    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("lab-") && name.ends_with("Z.blackbox.mcap"),
        "{name}"
    );
    let summary = recording::inspect(&path).unwrap();
    assert!(summary.complete, "{summary}");
    assert_eq!(summary.black_box.len(), 1);
    assert_eq!(summary.black_box[0].because, "it was asked for");
    assert_eq!(summary.black_box[0].at_unix_ns, EPOCH_NS + 20_000_000_000);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Nothing of it is recorded, by the run's books.
    for book in rig.pipeline.ledger().snapshot().sources {
        assert_eq!((book.disk.accepted, book.total().recorded), (0, 0));
    }
    rig.assert_balanced();

    // And it can be played.
    let again = Rig::new();
    again.start(RecordingLimits::default());
    let outlets = again.outlets.clone();
    let stop = CancellationToken::new();
    let playing = play(&path, Pace::Max, outlets, stop);
    let done = again.runtime.block_on(playing);
    assert_eq!((done.played, done.unreadable), (12 + 11 + 2, 0));
    again.stop();
    again.quit();
    rig.quit();
}

#[test]
fn a_recording_that_runs_does_not_notice() {
    let rig = Rig::new();
    rig.keep(&[]);
    rig.start(RecordingLimits::default());
    for n in 0..50 {
        rig.say(0, text(n));
        rig.say(
            1,
            Payload::Frame(frame(n, FrameEncoding::Mono8, vec![7; 8])),
        );
    }
    rig.settle();
    rig.ask();
    for n in 50..60 {
        rig.say(0, text(n));
    }
    rig.settle();
    let path = is_whole(&rig.saved(1));
    let outcome = rig.stop();
    assert!(outcome.complete, "{outcome:?}");
    assert_eq!((outcome.written, outcome.left_out), (110, 0));
    assert_eq!(payloads(&path, 0), payloads(&outcome.path, 0));
    assert_eq!(payloads(&path, 1), payloads(&outcome.path, 1));
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn a_recording_begins_when_it_does_and_not_with_what_is_kept() {
    let rig = Rig::new();
    rig.keep(&[]);
    rig.say(0, text(1));
    rig.say(0, reading("stage/X", 1.0));
    rig.start(RecordingLimits::default());
    rig.say(0, text(2));
    let outcome = rig.stop();
    assert_eq!((outcome.accepted, outcome.written), (1, 1));
    let said = payloads(&outcome.path, 0);
    assert_eq!(said, [reading("stage/X", 1.0), text(2)]);
    rig.quit();
}

#[test]
fn a_book_is_whole_where_the_file_begins() {
    let rig = Rig::new();
    rig.keep(&[]);
    let delta = BookChange::Delta { depth: None };
    rig.say(
        0,
        book(BookChange::Snapshot, &[(100, 5), (99, 7)], &[(101, 3)]),
    );
    rig.clock.advance(SECOND);
    rig.say(0, book(delta.clone(), &[(99, 0), (98, 2)], &[]));
    rig.clock.advance(SPAN);
    rig.say(0, book(delta.clone(), &[], &[(101, 4)]));
    // The first has fallen out, the second is about to.
    rig.settle();
    rig.ask();
    let path = is_whole(&rig.saved(1));
    let said: Vec<Payload> = payloads(&path, 0);
    let Payload::BookEvent(first) = &said[0] else {
        panic!("{said:?}")
    };
    let before = event(BookChange::Snapshot, &[(100, 5), (99, 7)], &[(101, 3)]);
    assert_eq!((&first.bids, &first.asks), (&before.bids, &before.asks));
    assert_eq!(first.change, BookChange::Snapshot);
    assert_eq!(said.len(), 3);
    rig.quit();
}

#[test]
fn a_rule_saves_once_and_then_waits_its_time() {
    let rig = Rig::new();
    rig.keep(&["scope.temperature > 30"]);
    let heat = |value| {
        rig.say(0, reading("temperature", value));
        rig.settle();
    };
    heat(29.0);
    rig.say(1, reading("temperature", 99.0));
    rig.settle();
    assert!(!rig.kept().is_saving);
    heat(31.0);
    wait_until("the rule saves", || rig.kept().is_saving);
    heat(35.0);
    let path = is_whole(&rig.saved(1));
    let summary = recording::inspect(&path).unwrap();
    let because: Vec<&str> = summary
        .black_box
        .iter()
        .map(|cause| &*cause.because)
        .collect();
    assert_eq!(because, ["scope.temperature>30 (31 um)"]);
    // It comes true again, too soon.
    heat(20.0);
    heat(40.0);
    wait_until("it is held back", || rig.kept().held_back == 1);
    assert_eq!((rig.kept().saves, rig.kept().is_saving), (1, false));
    rig.clock.advance(Duration::from_secs(60));
    heat(20.0);
    heat(40.0);
    wait_until("the rule saves again", || rig.kept().is_saving);
    is_whole(&rig.saved(2));
    rig.quit();
}

#[test]
fn what_happens_meanwhile_makes_the_file_longer() {
    let rig = Rig::new();
    rig.keep(&["demo.link-down"]);
    rig.say(1, Payload::Link(LinkState::Live));
    rig.settle();
    rig.ask();
    rig.clock.advance(SECOND);
    rig.say(
        1,
        Payload::Link(LinkState::Down {
            reason: EndReason::PingTimeout,
            detail: "silence".into(),
            retry_in: None,
        }),
    );
    rig.settle();
    rig.clock.advance(SECOND);
    rig.say(0, text(1));
    rig.settle();
    let path = is_whole(&rig.saved(1));
    let summary = recording::inspect(&path).unwrap();
    let because: Vec<&str> = summary
        .black_box
        .iter()
        .map(|cause| &*cause.because)
        .collect();
    assert_eq!(
        because,
        [
            "it was asked for",
            "the link to demo was lost: ping timeout"
        ]
    );
    assert_eq!(payloads(&path, 0), [text(1)]);
    rig.quit();
}

#[test]
fn however_much_comes_what_is_held_is_bounded() {
    let rig = Rig::new();
    rig.keep(&[]);
    let body = vec![7; 64 * 1024];
    for n in 0..200 {
        let mut big = frame(n, FrameEncoding::Jpeg, body.clone());
        big.body = Bytes::from(body.clone());
        rig.say(0, Payload::Frame(big));
        rig.settle();
        assert!(rig.kept().held_bytes <= MOST_BYTES, "{:?}", rig.kept());
    }
    assert!(rig.kept().held_bytes > MOST_BYTES / 2);
    assert_eq!(rig.lane.waiting(), (0, 0));
    rig.quit();
}

#[test]
fn nobody_waits_for_what_is_only_kept() {
    let gate = Arc::new(Gate::default());
    let disk = BadDisk {
        gate: Some(Arc::clone(&gate)),
        ..BadDisk::default()
    };
    let rig = Rig::on(Box::new(disk), 4096);
    rig.keep(&[]);
    // The recorder stands still while it begins a file, with what holds already.
    let many = (0..30).map(|n| Reading::new(format!("stage/{n}"), 1.0, "um"));
    rig.say(0, Payload::Readings(many.collect()));
    let plan = rig.plan(RecordingLimits::default());
    rig.lane.order(Order::Start(plan));
    wait_until("it stands still", || gate.is_waited_at());
    for n in 0..100 {
        rig.say(0, text(n));
    }
    gate.set(|state| state.open = true);
    wait_until("the recorder takes", || rig.lane.is_taking());
    assert_eq!(rig.stop().accepted, 0);
    rig.ask();
    let saved = rig.saved(1);
    let path = PathBuf::from(saved.path.as_str());
    let missed: u64 = payloads(&path, 0)
        .iter()
        .filter_map(|payload| match payload {
            Payload::Loss(loss) => Some(loss.count),
            _ => None,
        })
        .sum();
    assert!((50..100).contains(&missed), "{missed}");
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn a_full_disk_is_said_and_the_last_seconds_are_kept_all_the_same() {
    let disk = SmallDisk::new(20_000);
    let rig = Rig::on(Box::new(disk), LANE_BYTES);
    rig.keep(&[]);
    let big = |n| Payload::Frame(frame(n, FrameEncoding::Jpeg, vec![7; 10_000]));
    for n in 0..20 {
        rig.say(0, big(n));
    }
    rig.settle();
    rig.ask();
    let saved = rig.saved(1);
    let why = saved.trouble.unwrap();
    assert!(why.contains("is full"), "{why}");
    rig.say(0, big(20));
    rig.settle();
    let kept = rig.kept();
    assert!(!kept.is_saving && kept.held_bytes > 200_000, "{kept:?}");
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn a_file_that_is_being_saved_is_closed_at_the_end() {
    let rig = Rig::new();
    rig.keep(&[]);
    rig.say(0, text(1));
    rig.settle();
    rig.ask();
    rig.say(0, text(2));
    rig.lane.order(Order::Quit);
    let (_, status) = rig.recorder.last_words();
    let saved = status.black_box.unwrap().last.unwrap();
    let path = is_whole(&saved);
    assert_eq!(payloads(&path, 0), [text(1), text(2)]);
    let ended = recording::inspect(&path).unwrap().ended;
    assert_eq!(ended.as_deref(), Some("the program ended"));
}
