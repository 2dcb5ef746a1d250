//! A recording as an instrument: where it goes, what it says there, and what it does with files
//! that are odd.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use support::headless::run;
use ttyscope::model::{
    Clock, CommandId, CommandKind, CommandReport, CommandState, Danger, DropReason, Fate, Fault,
    FaultKind, Frame, FrameEncoding, LaneKind, LinkState, Loss, MarkKind, Origin, Payload, Reading,
    ReplayOrder, ReplayState, ReplayStatus, Sample, SeekTo, Severity, SourceId, SourceInfo, Stamp,
    StopEvent, StopLevel, StopOrigin, StopPress, StopReport, StopState, Value,
};
use ttyscope::pipeline::{Pipeline, ScreenLanes};
use ttyscope::recording::{Account, RecordingWriter, Session};
use ttyscope::sources::replay::{self, Playing, Remote, Tape};

/// A condition that has not come true by now never will.
const PATIENCE: Duration = Duration::from_secs(60);
/// 2026-11-20 14:00:00 UTC.
const START: u64 = 1_795_183_200;
const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;

fn source(name: &str) -> SourceInfo {
    SourceInfo {
        id: SourceId(0),
        name: name.into(),
        address: format!("imswitch://{name}").into(),
        origin: Origin::Live,
        caution: None,
    }
}

/// Writes a recording by hand, at times of our choosing.
struct Writing {
    writer: RecordingWriter<BufWriter<File>>,
    path: PathBuf,
}

impl Writing {
    fn begin(dir: &Path, name: &str, sources: &[&str], begin_ms: u64) -> Self {
        let path = dir.join(name);
        let sources: Vec<SourceInfo> = sources.iter().map(|name| source(name)).collect();
        let session = Session::new(&sources, START * SECOND + begin_ms * MS);
        let file = BufWriter::new(File::create(&path).unwrap());
        let writer = RecordingWriter::new(file, &session).unwrap();
        Self { writer, path }
    }

    fn say(&mut self, ms: u64, source: u16, payload: Payload) {
        let received = Stamp {
            mono_ns: ms * MS,
            unix_ns: START * SECOND + ms * MS,
        };
        let sample = Sample {
            source: SourceId(source),
            received,
            payload,
        };
        self.writer.stage(&sample, None);
        self.writer.commit().unwrap();
    }

    fn chunk(&mut self) {
        self.writer.flush().unwrap();
    }

    fn finish(self) -> PathBuf {
        self.writer.finish(&Account::default()).unwrap();
        self.path
    }
}

fn reading(name: &str, value: i64) -> Payload {
    Payload::Readings(vec![Reading::new(name, value, "um")])
}

fn frame(number: u64) -> Payload {
    Payload::Frame(Frame {
        detector: "cam".into(),
        number: Some(number),
        width_px: Some(4),
        height_px: Some(2),
        encoding: FrameEncoding::Mono8,
        body: Bytes::from(vec![number as u8; 8]),
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: Some(8),
        device_ns: None,
        lost_before: 0,
    })
}

fn fault(text: &str) -> Payload {
    Payload::Fault(Fault::new(FaultKind::Peer, Severity::Warning, text))
}

fn command(id: u64, state: CommandState) -> Payload {
    Payload::Command(Arc::new(CommandReport {
        id: CommandId(id),
        command: "move x 1mm".into(),
        kind: CommandKind::Move,
        danger: Danger::Move,
        operator: "ada".into(),
        state,
        is_final: state == CommandState::Done,
        detail: None,
        axis: None,
        before: Vec::new(),
        after: Vec::new(),
    }))
}

fn stop(number: u64, state: StopState) -> Payload {
    Payload::Stop(StopEvent::Report(StopReport {
        press: StopPress {
            number,
            level: StopLevel::Halt,
            origin: StopOrigin::Key,
            mono_ns: 0,
        },
        state,
        detail: None,
    }))
}

/// Ten seconds: a value and a picture each second, a fault at 5 s, a command from 7 s on.
fn ten_seconds(dir: &Path) -> PathBuf {
    let mut writing = Writing::begin(dir, "ten.mcap", &["scope"], 0);
    writing.say(0, 0, Payload::Link(LinkState::Live));
    writing.say(1, 0, reading("early", 1));
    for second in 0..10 {
        let ms = second * 1_000 + 10;
        writing.say(ms, 0, reading("n", second as i64));
        writing.say(ms + 5, 0, frame(second));
        match second {
            5 => writing.say(ms + 10, 0, fault("it stutters")),
            7 => {
                writing.say(ms + 10, 0, command(1, CommandState::Sent));
                writing.say(ms + 20, 0, command(1, CommandState::Done));
            }
            _ => {}
        }
        writing.chunk();
    }
    writing.finish()
}

/// A player and whoever watches it.
struct Rig {
    lanes: Arc<ScreenLanes>,
    orders: mpsc::Sender<ReplayOrder>,
    status: watch::Receiver<Option<ReplayStatus>>,
    stop: CancellationToken,
    player: tokio::task::JoinHandle<replay::Replayed>,
    taken: Vec<Sample>,
}

impl Rig {
    fn start(paths: &[PathBuf], playing: Playing) -> Self {
        let tape = Tape::open(paths).unwrap();
        let clock = Clock::system().replayed();
        let lanes = Arc::new(ScreenLanes::new(clock.clone()));
        let sources = tape.sources().len();
        let pipeline = Pipeline::new(clock.clone(), sources, None, Some(Arc::clone(&lanes)));
        let outlets = tape
            .sources()
            .iter()
            .map(|s| pipeline.outlet(s.id))
            .collect();
        let (orders, taken_orders) = mpsc::channel(32);
        let (tell, status) = watch::channel(None);
        let remote = Remote {
            orders: taken_orders,
            status: tell,
        };
        let stop = CancellationToken::new();
        let end = stop.clone();
        let player = tokio::spawn(async move {
            replay::run(tape, playing, clock, outlets, Some(remote), end).await
        });
        Self {
            lanes,
            orders,
            status,
            stop,
            player,
            taken: Vec::new(),
        }
    }

    fn paused(paths: &[PathBuf]) -> Self {
        Self::start(
            paths,
            Playing {
                paused: true,
                ..Playing::THROUGH
            },
        )
    }

    fn take(&mut self) {
        while let Some(delivery) = self.lanes.try_take() {
            delivery.ticket.settle(Fate::Shown);
            self.taken.push(delivery.sample);
        }
        while let Some(delivery) = self.lanes.take_frame(Duration::ZERO) {
            delivery.ticket.settle(Fate::Shown);
            self.taken.push(delivery.sample);
        }
    }

    /// Waits until the player stands as wanted, and takes what it says meanwhile.
    async fn until(&mut self, what: &str, wanted: impl Fn(&ReplayStatus) -> bool) -> ReplayStatus {
        let waiting = async {
            loop {
                self.take();
                let status = self.status.borrow_and_update().clone();
                if let Some(status) = status.filter(&wanted) {
                    self.take();
                    return status;
                }
                // The lanes have to be emptied too, or the player waits for room.
                tokio::select! {
                    changed = self.status.changed() => changed.unwrap(),
                    () = self.lanes.ready() => {}
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, waiting).await;
        found.unwrap_or_else(|_| panic!("waiting for {what}"))
    }

    async fn known(&mut self) -> ReplayStatus {
        self.until("the files looked through", |s| s.whole_ns.is_some())
            .await
    }

    /// Gives an order that leads elsewhere; what was said before is left out of what is taken.
    async fn jump(&mut self, order: ReplayOrder) -> ReplayStatus {
        let before = self.status.borrow().clone().unwrap().since;
        self.orders.send(order).await.unwrap();
        let landed = |s: &ReplayStatus| s.since != before && s.state != ReplayState::Seeking;
        let status = self.until("the place", landed).await;
        self.taken
            .retain(|sample| sample.received.mono_ns >= status.since.mono_ns);
        status
    }

    async fn seek(&mut self, to: SeekTo) -> ReplayStatus {
        self.jump(ReplayOrder::Seek(to)).await
    }

    /// Waits until what is said has this in it.
    async fn hear(&mut self, what: &str, wanted: impl Fn(&Sample) -> bool) {
        let waiting = async {
            loop {
                self.take();
                if self.taken.iter().any(&wanted) {
                    return;
                }
                // Frames call nobody; whatever else is said does.
                tokio::select! {
                    () = self.lanes.ready() => {}
                    changed = self.status.changed() => changed.unwrap(),
                    () = tokio::task::yield_now() => {}
                }
            }
        };
        let heard = tokio::time::timeout(PATIENCE, waiting).await;
        heard.unwrap_or_else(|_| panic!("waiting for {what}: {:#?}", self.taken));
    }

    /// What was taken, in words, each source's state in one place.
    fn said(&self) -> Vec<String> {
        let mut said: Vec<String> = self.taken.iter().map(words).collect();
        said.sort();
        said
    }

    async fn end(self) -> replay::Replayed {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.player).await;
        ended.unwrap().unwrap()
    }
}

fn words(sample: &Sample) -> String {
    match &sample.payload {
        Payload::Link(state) => format!("link {}", state.word()),
        Payload::Readings(readings) => {
            let each = readings.iter().map(|reading| match &reading.value {
                Value::Int(value) => format!("{}={value}", reading.name),
                other => format!("{}={other:?}", reading.name),
            });
            each.collect::<Vec<_>>().join(" ")
        }
        Payload::Frame(frame) => format!("frame {}", frame.number.unwrap()),
        Payload::Fault(fault) => format!("fault {}", fault.text),
        Payload::Command(report) => format!("command {}", report.state.as_str()),
        other => format!("{other:?}"),
    }
}

fn at(ms: u64) -> SeekTo {
    SeekTo::At(Duration::from_millis(ms))
}

/// The same recording whole, cut off at its end (no index), and with every chunk's index gone.
fn whole_and_cut(dir: &Path) -> Vec<(&'static str, PathBuf)> {
    let whole = ten_seconds(dir);
    let bytes = fs::read(&whole).unwrap();
    let cut = dir.join("cut.mcap");
    // Behind the data stands the index of about this size; the last chunk stays whole.
    fs::write(&cut, &bytes[..bytes.len() - 60]).unwrap();
    vec![("whole", whole), ("cut", cut)]
}

#[tokio::test]
async fn a_place_has_its_own_state_and_nothing_from_later() {
    let dir = tempfile::tempdir().unwrap();
    for (name, file) in whole_and_cut(dir.path()) {
        let mut rig = Rig::paused(&[file]);
        let known = rig.known().await;
        assert_eq!(known.whole_ns, Some(9_015 * MS), "{name}");
        let marks: Vec<(u64, MarkKind)> = known
            .marks
            .iter()
            .map(|mark| (mark.at_ns / MS, mark.kind))
            .collect();
        let wanted = [(5_020, MarkKind::Fault), (7_020, MarkKind::Command)];
        assert_eq!(marks, wanted, "{name}");

        let status = rig.seek(at(6_500)).await;
        assert_eq!(
            (status.at_ns, status.state),
            (6_500 * MS, ReplayState::Paused)
        );
        assert_eq!(
            rig.said(),
            [
                "early=1",
                "fault it stutters",
                "frame 6",
                "link live",
                "n=6"
            ],
            "{name}"
        );
        let since = status.since.mono_ns;
        let ages = |rig: &Rig, what: &str| {
            let sample = rig
                .taken
                .iter()
                .find(|sample| words(sample) == what)
                .unwrap();
            (sample.received.mono_ns - since) / MS
        };
        assert_eq!(ages(&rig, "n=6"), 6_010, "{name}: as old as it is");
        assert_eq!(ages(&rig, "early=1"), 1, "{name}");

        // Back: nothing of later is left.
        let status = rig.seek(SeekTo::Back(Duration::from_millis(4_300))).await;
        assert_eq!(status.at_ns, 2_200 * MS, "{name}");
        assert_eq!(
            rig.said(),
            ["early=1", "frame 2", "link live", "n=2"],
            "{name}"
        );

        let status = rig.seek(SeekTo::Millionths(1_000_000)).await;
        assert_eq!(status.at_ns, 9_015 * MS, "{name}");
        rig.until("the end", |s| s.state == ReplayState::Ended)
            .await;
        let status = rig.seek(at(0)).await;
        assert_eq!(status.state, ReplayState::Paused, "{name}");
        assert_eq!(rig.said(), ["link live"], "{name}");
        // The moment by the clock of the recording, with and without a date.
        for to in [
            SeekTo::Clock(START * SECOND + 3_500 * MS),
            SeekTo::TimeOfDay(14 * 3_600 * SECOND + 3_500 * MS),
        ] {
            let status = rig.seek(to).await;
            assert_eq!(status.at_ns, 3_500 * MS, "{name}");
            assert_eq!(
                rig.said(),
                ["early=1", "frame 3", "link live", "n=3"],
                "{name}"
            );
        }
        // What is wrong behind the last message was never come by.
        assert_eq!(rig.end().await.unreadable, 0, "{name}");
    }
}

#[tokio::test]
async fn steps_go_forth_and_back_by_one_message() {
    let dir = tempfile::tempdir().unwrap();
    for (name, file) in whole_and_cut(dir.path()) {
        let mut rig = Rig::paused(&[file]);
        rig.known().await;
        rig.seek(at(4_500)).await;
        let step = |forward| ReplayOrder::Step { forward };
        for next in ["n=5", "frame 5", "fault it stutters", "n=6"] {
            rig.taken.clear();
            rig.orders.send(step(true)).await.unwrap();
            rig.hear(next, |sample| words(sample) == next).await;
            assert_eq!(rig.said(), [next], "{name}: one message and no more");
        }
        // Back over the beginning of a chunk: the fault stands in the journal, the value is gone.
        rig.jump(step(false)).await;
        let with_fault = [
            "early=1",
            "fault it stutters",
            "frame 5",
            "link live",
            "n=5",
        ];
        assert_eq!(rig.said(), with_fault, "{name}");
        rig.jump(step(false)).await;
        assert_eq!(
            rig.said(),
            ["early=1", "frame 5", "link live", "n=5"],
            "{name}"
        );
        rig.jump(step(false)).await;
        assert_eq!(
            rig.said(),
            ["early=1", "frame 4", "link live", "n=5"],
            "{name}"
        );
        rig.jump(step(false)).await;
        assert_eq!(
            rig.said(),
            ["early=1", "frame 4", "link live", "n=4"],
            "{name}"
        );
        // And forth again: what was taken back is said again.
        rig.taken.clear();
        rig.orders.send(step(true)).await.unwrap();
        rig.hear("n=5", |sample| words(sample) == "n=5").await;
        rig.end().await;
    }
}

#[tokio::test]
async fn faults_and_commands_are_found_and_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::paused(&[ten_seconds(dir.path())]);
    rig.known().await;
    let mark = |kind, forward| SeekTo::Mark { kind, forward };
    rig.seek(mark(MarkKind::Fault, true)).await;
    rig.hear("the fault", |sample| words(sample) == "fault it stutters")
        .await;
    assert!(!rig.said().contains(&"n=6".to_owned()));
    rig.seek(mark(MarkKind::Command, true)).await;
    rig.hear("the command", |sample| words(sample) == "command sent")
        .await;
    assert!(
        !rig.said().contains(&"command done".to_owned()),
        "its first word"
    );
    // There is no other one: it says so, and stays.
    rig.orders
        .send(ReplayOrder::Seek(mark(MarkKind::Command, true)))
        .await
        .unwrap();
    let status = rig.until("the sentence", |s| s.notice.0 > 0).await;
    assert_eq!(status.notice.1.as_str(), "seek: there is no later command");
    assert_eq!(status.at_ns, 7_020 * MS);
    rig.seek(mark(MarkKind::Fault, false)).await;
    rig.hear("the fault", |sample| words(sample) == "fault it stutters")
        .await;
    rig.end().await;
}

#[tokio::test]
async fn it_begins_again_where_it_loops() {
    let dir = tempfile::tempdir().unwrap();
    let playing = Playing {
        loops: true,
        ..Playing::THROUGH
    };
    let mut rig = Rig::start(&[ten_seconds(dir.path())], playing);
    let first = rig.known().await.since;
    let second = rig
        .until("a second round", |s| s.since != first)
        .await
        .since;
    rig.until("a third round", |s| s.since != first && s.since != second)
        .await;
    rig.orders
        .send(ReplayOrder::Loop(Some(false)))
        .await
        .unwrap();
    rig.until("the end", |s| s.state == ReplayState::Ended)
        .await;
    // Whoever plays on from the end plays from the beginning.
    rig.jump(ReplayOrder::Play).await;
    rig.until("the end", |s| s.state == ReplayState::Ended)
        .await;
    let numbers: Vec<String> = rig
        .said()
        .into_iter()
        .filter(|w| w.starts_with("n="))
        .collect();
    assert_eq!(numbers.len(), 10, "{numbers:?}");
    let done = rig.end().await;
    assert!(done.to_the_end);
}

/// Three files of one session: the second repeats what holds, the third has one source more.
fn three_parts(dir: &Path) -> Vec<PathBuf> {
    let mut one = Writing::begin(dir, "one.mcap", &["scope"], 0);
    one.say(0, 0, Payload::Link(LinkState::Live));
    one.say(100, 0, reading("x", 1));
    one.say(200, 0, frame(1));
    let one = one.finish();
    let mut two = Writing::begin(dir, "two.mcap", &["scope"], 1_000);
    let since = |ms: u64| Stamp {
        mono_ns: 0,
        unix_ns: START * SECOND + ms * MS,
    };
    let now = since(1_000).unix_ns;
    two.writer
        .stage_held_link(SourceId(0), &LinkState::Live, since(0), now);
    let held = Reading::new("x", 1_i64, "um");
    two.writer
        .stage_held_readings(SourceId(0), [(&held, since(100))].into_iter(), now);
    two.writer.commit().unwrap();
    two.say(1_100, 0, reading("y", 2));
    let two = two.finish();
    // Its first source is the other one.
    let mut three = Writing::begin(dir, "three.mcap", &["lamp", "scope"], 2_000);
    three.say(2_100, 0, reading("power", 3));
    three.say(2_200, 1, reading("x", 4));
    let three = three.finish();
    vec![three, one, two]
}

#[tokio::test]
async fn the_files_of_a_session_are_one() {
    let dir = tempfile::tempdir().unwrap();
    let files = three_parts(dir.path());
    let tape = Tape::open(&files).unwrap();
    let names: Vec<&str> = tape.sources().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["scope", "lamp"]);

    let mut rig = Rig::start(&files, Playing::THROUGH);
    let status = rig.until("the end", |s| {
        s.state == ReplayState::Ended && s.whole_ns.is_some()
    });
    let status = status.await;
    assert_eq!((status.part, status.parts), (3, 3));
    assert_eq!(status.whole_ns, Some(2_200 * MS));
    let by_source = |source: u16| -> Vec<String> {
        let of = rig
            .taken
            .iter()
            .filter(|sample| sample.source == SourceId(source));
        of.filter(|s| s.payload.lane() == LaneKind::Samples)
            .map(words)
            .collect()
    };
    assert_eq!(
        by_source(0),
        ["x=1", "y=2", "x=4"],
        "what is repeated counts once"
    );
    assert_eq!(by_source(1), ["power=3"]);

    rig.orders.send(ReplayOrder::Pause).await.unwrap();
    // In the second file: what holds is known since when it really is so.
    let status = rig.seek(at(1_050)).await;
    assert_eq!(status.part, 2);
    assert_eq!(rig.said(), ["link live", "x=1"]);
    let x = rig
        .taken
        .iter()
        .find(|sample| words(sample) == "x=1")
        .unwrap();
    assert_eq!((x.received.mono_ns - status.since.mono_ns) / MS, 100);

    // A time that is not in it is not sought.
    let mut before = status.notice.0;
    for later in [
        SeekTo::Clock((START + 3_600) * SECOND),
        SeekTo::At(Duration::from_secs(3_600)),
    ] {
        rig.orders.send(ReplayOrder::Seek(later)).await.unwrap();
        let said = rig
            .until("it is said", |s| {
                s.notice.0 > before && s.notice.1.contains("not there")
            })
            .await;
        assert_eq!((said.part, said.at_ns), (status.part, status.at_ns));
        before = said.notice.0;
    }
    let done = rig.end().await;
    assert_eq!(done.unreadable, 0);
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_no_message_wait_or_vanish() {
    let dir = tempfile::tempdir().unwrap();
    let mut writing = Writing::begin(dir.path(), "back.mcap", &["scope"], 10_000);
    for (n, ms) in [
        (0, 10_000),
        (1, 11_000),
        (2, 12_000),
        (3, 3_000),
        (4, 4_000),
    ] {
        writing.say(ms, 0, reading("n", n));
        if n == 1 {
            writing.chunk();
        }
    }
    let file = writing.finish();
    let mut rig = Rig::start(&[file], Playing::THROUGH);
    let status = rig.until("the end", |s| {
        s.state == ReplayState::Ended && s.whole_ns.is_some()
    });
    let status = status.await;
    assert_eq!(status.whole_ns, Some(3_000 * MS));
    let times: Vec<(String, u64)> = rig
        .taken
        .iter()
        .filter(|sample| sample.payload.lane() == LaneKind::Samples)
        .map(|s| (words(s), (s.received.mono_ns - status.since.mono_ns) / MS))
        .collect();
    let wanted = [
        ("n=0", 0),
        ("n=1", 1_000),
        ("n=2", 2_000),
        ("n=3", 2_000),
        ("n=4", 3_000),
    ];
    let wanted: Vec<(String, u64)> = wanted.map(|(n, ms)| (n.to_owned(), ms)).to_vec();
    assert_eq!(times, wanted);
    rig.orders.send(ReplayOrder::Pause).await.unwrap();
    rig.seek(at(2_500)).await;
    assert_eq!(rig.said(), ["n=3"]);
    rig.end().await;
}

#[tokio::test]
async fn a_damaged_file_is_played_and_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let whole = ten_seconds(dir.path());
    let mut bytes = fs::read(&whole).unwrap();
    // In the pixels of a picture: the checksum of its chunk is wrong.
    let pixels = bytes.windows(8).position(|w| w == [4_u8; 8]).unwrap();
    bytes[pixels] ^= 1;
    let damaged = dir.path().join("damaged.mcap");
    fs::write(&damaged, &bytes).unwrap();
    let mut rig = Rig::start(&[damaged], Playing::THROUGH);
    let ended = |s: &ReplayStatus| s.state == ReplayState::Ended;
    let status = rig.until("the end", ended).await;
    assert_eq!(status.unreadable, 1);
    let said = rig.said();
    assert!(said.contains(&"n=3".to_owned()) && said.contains(&"n=5".to_owned()));
    assert!(!said.contains(&"n=4".to_owned()), "{said:?}");
    rig.seek(SeekTo::Start).await;
    rig.until("the end", ended).await;
    assert_eq!(rig.end().await.unreadable, 1, "the same place again");
}

/// A file with this session record and nothing else.
fn with_record(dir: &Path, name: &str, record: &[(&str, &str)]) -> PathBuf {
    let path = dir.join(name);
    let mut writer = mcap::Writer::new(BufWriter::new(File::create(&path).unwrap())).unwrap();
    let sources = r#"[{"name":"scope","address":"imswitch://scope","origin":"live"}]"#;
    let mut metadata: BTreeMap<String, String> = record
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    metadata
        .entry("sources".to_owned())
        .or_insert_with(|| sources.to_owned());
    writer
        .write_metadata(&mcap::records::Metadata {
            name: "ttyscope.session".to_owned(),
            metadata,
        })
        .unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn files_that_do_not_belong_together_are_refused_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let started = |s: u64| ((START + s) * SECOND).to_string();
    let part = |name: &str, session: &str, number: &str, s: u64| {
        let started = started(s);
        let record = [
            ("session", session),
            ("part", number),
            ("started_unix_ns", started.as_str()),
        ];
        with_record(dir, name, &record)
    };
    let (a1, a1_again) = (
        part("a1.mcap", "a", "1", 0),
        part("a1-again.mcap", "a", "1", 0),
    );
    let (a3, b2) = (part("a3.mcap", "a", "3", 60), part("b2.mcap", "b", "2", 60));
    let ten = ten_seconds(dir);
    let other = Writing::begin(dir, "other.mcap", &["lamp"], 60_000).finish();
    let cases = [
        (vec![&a1, &b2], "are of different sessions (a, b)"),
        (vec![&a1, &a1_again], "are both part 1 of the session"),
        (vec![&ten, &ten], "parts of one session follow one another"),
        (vec![&other, &ten], "have no source in common"),
    ];
    for (files, sentence) in cases {
        let files: Vec<PathBuf> = files.into_iter().cloned().collect();
        let refused = Tape::open(&files).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
        let mut args = vec!["replay", "--headless"];
        args.extend(files.iter().map(|file| file.to_str().unwrap()));
        let ended = run(&args, dir);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(sentence), "{ended:?}");
    }
    let tape = Tape::open(&[a3, a1]).unwrap();
    assert_eq!(
        tape.cautions(),
        ["a file is missing between part 1 and part 3 of the session"]
    );
}

#[test]
fn odd_files_end_with_a_sentence_and_a_code() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let whole = fs::read(ten_seconds(dir)).unwrap();
    let foreign = {
        let path = dir.join("foreign.mcap");
        let file = BufWriter::new(File::create(&path).unwrap());
        mcap::Writer::new(file).unwrap().finish().unwrap();
        path
    };
    let cases = [
        (dir.join("absent.mcap"), 1, "No such file"),
        (write("empty.mcap", b""), 1, "the file is empty"),
        (
            write("text.mcap", b"not a recording"),
            1,
            "not an MCAP file",
        ),
        (foreign, 1, "not recorded by ttyscope"),
        (
            write("cut.mcap", &whole[..whole.len() / 2]),
            3,
            "could not be read",
        ),
        (
            Writing::begin(dir, "silent.mcap", &["scope"], 0).finish(),
            0,
            "scope: received 1",
        ),
        (
            with_record(dir, "nobody.mcap", &[("sources", "[]")]),
            0,
            "nothing is missing",
        ),
    ];
    for (file, code, sentence) in cases {
        let file = file.to_str().unwrap();
        for from in [None, Some("--from=50%")] {
            let mut args = vec!["replay", file, "--headless", "--speed", "max"];
            args.extend(from);
            let ended = run(&args, dir);
            assert_eq!(ended.code, Some(code), "{file}: {ended:?}");
            assert!(ended.stderr.contains(sentence), "{file}: {ended:?}");
        }
    }
    for wrong in ["--speed=0", "--speed=101", "--speed=fast", "--from=soon"] {
        let ended = run(&["replay", "x.mcap", wrong], dir);
        assert_eq!(ended.code, Some(2), "{wrong}: {ended:?}");
    }
}

#[test]
fn a_replay_without_a_screen_says_what_the_live_run_has_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let live = run(
        &[
            "record",
            "--simulate",
            "--out",
            "out",
            "--for",
            "2s",
            "--json",
        ],
        dir,
    );
    let live = live.summary();
    let file = live["files"][0]["path"].as_str().unwrap().to_owned();
    let again = run(
        &["replay", &file, "--headless", "--speed", "max", "--json"],
        dir,
    );
    let again = again.summary();
    assert!(live["sources"].as_array().unwrap().len() > 1);
    let pairs = live["sources"].as_array().unwrap().iter();
    for (was, is) in pairs.zip(again["sources"].as_array().unwrap()) {
        let name = &was["name"];
        assert_eq!(was["name"], is["name"]);
        // What was taken into the file comes out of it, and the end of the source.
        let written = was["written"].as_u64().unwrap();
        assert!(written > 0, "{name}");
        assert_eq!(is["received"], written + 1, "{name}");
        assert_eq!(is["residue"], 0, "{name}");
        for what in ["link_losses", "commands", "stops", "told_lost"] {
            assert_eq!(was[what], is[what], "{name}: {what}");
        }
    }
}

#[test]
fn what_a_recording_knows_of_faults_commands_and_stops_is_in_the_summary() {
    let dir = tempfile::tempdir().unwrap();
    let mut writing = Writing::begin(dir.path(), "told.mcap", &["scope"], 0);
    writing.say(0, 0, Payload::Link(LinkState::Live));
    writing.say(10, 0, fault("one"));
    writing.say(20, 0, fault("two"));
    for (id, state) in [
        (1, CommandState::Sent),
        (1, CommandState::Done),
        (2, CommandState::Sent),
        (2, CommandState::Failed),
        (3, CommandState::Sent),
        (3, CommandState::Stopped),
    ] {
        writing.say(30, 0, command(id, state));
    }
    writing.say(40, 0, stop(1, StopState::Refused));
    writing.say(50, 0, stop(1, StopState::Refused));
    let loss = Loss {
        lane: LaneKind::Samples,
        reason: DropReason::DiskFull,
        count: 7,
    };
    writing.say(60, 0, Payload::Loss(loss));
    let file = writing.finish();
    let file = file.to_str().unwrap();
    let ended = run(
        &["replay", file, "--headless", "--speed", "max", "--json"],
        dir.path(),
    );
    let summary = ended.summary();
    let scope = &summary["sources"][0];
    let pairs =
        |what: &str| -> Vec<(String, u64)> { serde_json::from_value(scope[what].clone()).unwrap() };
    let count = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
        list.iter()
            .map(|(what, n)| ((*what).to_owned(), *n))
            .collect()
    };
    assert_eq!(pairs("faults"), count(&[("peer", 2)]));
    let commands = count(&[("done", 1), ("failed", 1), ("stopped", 1)]);
    assert_eq!(pairs("commands"), commands);
    assert_eq!(
        (scope["stops"].as_u64(), scope["told_lost"].as_u64()),
        (Some(1), Some(7))
    );
    let ended = run(
        &["replay", file, "--headless", "--speed", "max"],
        dir.path(),
    );
    for line in [
        "faults: peer 2",
        "commands: done 1, failed 1, stopped 1",
        "stops: 1",
    ] {
        assert!(ended.stderr.contains(line), "{ended:?}");
    }
}
