//! What the recorder does while its disk fills, is full, or takes nothing: what is stopped, in which
//! order, what is said of it, and that it goes on by itself.

use std::collections::BTreeMap;

use ttyscope::model::DiskRoom;
use ttyscope::recording::verify;

use super::*;

const MIB: u64 = 1024 * 1024;
const MB: usize = 1_000_000;

/// A disk of a certain size, shared with others, which may refuse or deny.
#[derive(Clone, Default)]
pub(super) struct SmallDisk(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    capacity: u64,
    files: BTreeMap<PathBuf, Extent>,
    /// What others have on it.
    others: u64,
    /// What it says is free, whatever is.
    says: Option<Option<u64>>,
    /// Why it takes nothing at all.
    fails: Option<io::ErrorKind>,
    /// Whether room can be held for a file, and taken back from one.
    holds: bool,
    cuts: bool,
    tries: u32,
}

#[derive(Default)]
struct Extent {
    size: u64,
    held_until: u64,
}

impl Content {
    fn free(&self) -> u64 {
        let files = self.files.values();
        let used: u64 = files.map(|file| file.size.max(file.held_until)).sum();
        self.capacity.saturating_sub(self.others + used)
    }
}

impl SmallDisk {
    pub(super) fn new(capacity: u64) -> Self {
        let disk = Self::default();
        disk.set(|content| {
            content.capacity = capacity;
            content.holds = true;
            content.cuts = true;
        });
        disk
    }

    fn set(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.0.lock().unwrap());
    }

    fn ask<T>(&self, about: impl FnOnce(&Content) -> T) -> T {
        about(&self.0.lock().unwrap())
    }

    fn check(&self) -> io::Result<()> {
        match self.ask(|content| content.fails) {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }
}

struct SmallFile {
    path: PathBuf,
    inner: Box<dyn RecordFile>,
    disk: SmallDisk,
}

impl Storage for SmallDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        Disk.make_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn RecordFile>> {
        self.set(|content| content.tries += 1);
        self.check()?;
        let inner = Disk.create(path)?;
        let path = path.to_owned();
        self.set(|content| {
            content.files.insert(path.clone(), Extent::default());
        });
        Ok(Box::new(SmallFile {
            path,
            inner,
            disk: self.clone(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.set(|content| {
            content.files.remove(path);
        });
        Disk.remove(path)
    }

    fn exists(&self, path: &Path) -> bool {
        Disk.exists(path)
    }

    fn free_bytes(&self, _: &Path) -> Option<u64> {
        self.ask(|content| content.says.unwrap_or(Some(content.free())))
    }
}

impl Write for SmallFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.check()?;
        let mut taken = 0;
        self.disk.set(|content| {
            let free = content.free();
            if let Some(file) = content.files.get_mut(&self.path) {
                let room = free + file.held_until.saturating_sub(file.size);
                taken = bytes.len().min(room as usize);
                file.size += taken as u64;
            }
        });
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.write_all(&bytes[..taken])?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl RecordFile for SmallFile {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.check()?;
        self.inner.sync()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        if !self.disk.ask(|content| content.cuts) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.inner.cut(len)?;
        self.disk.set(|content| {
            if let Some(file) = content.files.get_mut(&self.path) {
                file.size = len;
            }
        });
        Ok(())
    }

    fn hold(&mut self, len: u64, bytes: u64) -> io::Result<()> {
        let mut held = Err(io::ErrorKind::Unsupported.into());
        self.disk.set(|content| {
            let free = content.free();
            if let Some(file) = content.files.get_mut(&self.path)
                && content.holds
            {
                let more = (len + bytes).saturating_sub(file.size.max(file.held_until));
                held = match more <= free {
                    true => {
                        file.held_until = file.held_until.max(len + bytes);
                        Ok(())
                    }
                    false => Err(io::ErrorKind::StorageFull.into()),
                };
            }
        });
        held
    }

    fn release(&mut self, len: u64) -> io::Result<()> {
        self.disk.set(|content| {
            if let Some(file) = content.files.get_mut(&self.path) {
                file.held_until = len;
            }
        });
        Ok(())
    }
}

fn picture(number: u64, bytes: usize) -> Payload {
    Payload::Frame(frame(number, FrameEncoding::Jpeg, vec![7; bytes]))
}

/// A statistic of that many bytes.
fn statistic(bytes: usize) -> Payload {
    Payload::Message(Message {
        name: PlainText::from("sigStatistics"),
        json: Bytes::from(format!("\"{}\"", "x".repeat(bytes))),
        attachments: vec![],
    })
}

fn alarm(bytes: usize) -> Payload {
    let text = "y".repeat(bytes);
    Payload::Fault(Fault::new(FaultKind::Peer, Severity::Warning, text))
}

impl Rig {
    /// Hands a payload over and waits until the recorder has dealt with it.
    fn say_and_see(&self, payload: Payload) {
        self.clock.advance(Duration::from_millis(30));
        let dealt_with = || {
            let status = self.recorder.status();
            (status.messages + status.not_taken, status.state)
        };
        let before = dealt_with();
        self.say(0, payload);
        wait_until("the recorder has seen it", || dealt_with() != before);
    }

    fn room(&self) -> DiskRoom {
        self.recorder.status().disk
    }

    fn wait_for_room(&self, room: DiskRoom) {
        wait_until("the disk is looked at", || {
            self.clock.advance(Duration::from_millis(300));
            self.room() == room
        });
    }

    fn wait_while_waiting(&self) {
        wait_until("it goes on", || {
            self.clock.advance(Duration::from_millis(300));
            self.recorder.status().state == RecorderState::Recording
        });
    }

    fn is_waiting(&self) -> bool {
        matches!(self.recorder.status().state, RecorderState::Waiting(_))
    }

    /// Hands pictures over until they are not written any more; how many were handed over.
    fn fill_with_pictures(&self) -> u64 {
        for number in 1..100 {
            self.say_and_see(picture(number, MB));
            if self.room() == DiskRoom::FramesHeld {
                return number;
            }
        }
        panic!("{:?}", self.recorder.status());
    }

    fn written(&self) -> u64 {
        let disk = self.pipeline.ledger().snapshot().source(SourceId(0)).disk;
        disk.written
    }

    fn lost_to_full_disk(&self) -> u64 {
        let disk = self.pipeline.ledger().snapshot().source(SourceId(0)).disk;
        disk.lost[DropReason::DiskFull as usize]
    }

    fn files(&self) -> Vec<PathBuf> {
        let dir = self.dir.path().join("recordings");
        let entries = std::fs::read_dir(dir).unwrap();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "mcap"))
            .collect();
        files.sort();
        files
    }
}

/// What the recorder itself says in a file, in order.
fn own_words(path: &Path) -> Vec<String> {
    is_readable(path)
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Message(message) if message.channel.topic == "/ttyscope/fault" => {
                let fault: serde_json::Value = serde_json::from_slice(&message.data).unwrap();
                Some(fault["text"].as_str().unwrap().to_owned())
            }
            _ => None,
        })
        .collect()
}

/// What a file says was lost for want of room, all lanes.
fn said_lost(summary: &Summary) -> u64 {
    let full = |loss: &&recording::summary::LossSummary| loss.reason == "disk full";
    summary.losses.iter().filter(full).map(|l| l.count).sum()
}

/// What the books of a file say was lost for want of room.
fn booked_lost(summary: &Summary) -> u64 {
    let lost = |account: &SourceAccount| account.lost.get("disk full").copied().unwrap_or(0);
    summary.accounts.iter().map(lost).sum()
}

#[test]
fn pictures_stop_first_then_statistics_and_a_new_file_begins_when_there_is_room() {
    let disk = SmallDisk::new(20 * MIB);
    let rig = Rig::on(Box::new(disk.clone()), LANE_BYTES);
    rig.start(RecordingLimits::default());
    rig.say_and_see(Payload::Link(LinkState::Live));
    rig.say_and_see(reading("stage/X", 4.5));

    let pictures = rig.fill_with_pictures();
    assert!(disk.ask(Content::free) >= 6 * MIB);
    rig.say_and_see(picture(pictures + 1, 10));
    rig.say_and_see(statistic(10));
    assert_eq!(rig.lost_to_full_disk(), 2, "the last two pictures");
    let status = rig.recorder.status();
    assert_eq!(status.state, RecorderState::Recording);
    assert_eq!(status.disk_missing, 2);
    assert!(status.disk_since_unix_ns >= EPOCH_NS);

    let mut statistics = 0;
    while rig.room() == DiskRoom::FramesHeld {
        rig.say_and_see(statistic(200_000));
        statistics += 1;
        assert!(statistics < 100);
    }
    assert_eq!(rig.room(), DiskRoom::OnlyControl);
    assert_eq!(rig.recorder.status().state, RecorderState::Recording);
    let lost = rig.lost_to_full_disk();
    rig.say_and_see(statistic(10));
    assert_eq!(rig.lost_to_full_disk(), lost + 1);
    rig.say_and_see(alarm(10));
    assert_eq!(rig.lost_to_full_disk(), lost + 1, "alarms go on");

    let mut alarms = 0;
    while !rig.is_waiting() {
        rig.say_and_see(alarm(20_000));
        alarms += 1;
        assert!(alarms < 200);
    }
    assert!(alarms > 10, "{alarms}");
    let lost_before = rig.lost_to_full_disk();
    for _ in 0..3 {
        rig.say_and_see(statistic(10));
        rig.say_and_see(picture(1, 10));
    }
    rig.say_and_see(reading("stage/X", 5.5));
    assert_eq!(rig.lost_to_full_disk(), lost_before + 7);
    assert!(rig.is_waiting() && rig.lane.is_taking());

    disk.set(|content| content.capacity += 1024 * MIB);
    rig.wait_while_waiting();
    assert_eq!(rig.room(), DiskRoom::Roomy);
    rig.say_and_see(picture(2, MB));
    let outcome = rig.stop();
    assert_eq!((outcome.parts, outcome.complete), (2, false));
    assert_eq!(outcome.lost, rig.lost_to_full_disk());
    assert_eq!(outcome.accepted, outcome.written + outcome.lost);
    rig.assert_balanced();
    let files = rig.files();
    let [first, second] = &files[..] else {
        panic!("{files:?}")
    };

    // The first file is closed as any other, and says all of it.
    let verdict = verify(first, &mut |_, _| {}).unwrap();
    let summary = &verdict.summary;
    assert!(summary.finished && summary.damage.is_empty(), "{summary}");
    assert_eq!(summary.ended.as_deref(), Some("the disk was full"));
    assert!(summary.goes_on);
    assert_eq!(said_lost(summary), lost_before);
    assert_eq!(booked_lost(summary), lost_before);
    let note = &verdict.notes[0];
    assert!(note.what.contains("disk full"), "{note:?}");
    assert!(note.from_unix_ns >= Some(EPOCH_NS), "{note:?}");
    assert!(
        verdict
            .findings
            .iter()
            .all(|f| f.what.contains("disk full"))
    );
    let words = own_words(first);
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].contains("frames are not recorded since 2026-11-20T14:0"));
    assert!(words[1].contains("only commands, stops, faults and links"));

    // The second says what came before it, and begins with what held then.
    let summary = recording::inspect(second).unwrap();
    assert_eq!((said_lost(&summary), booked_lost(&summary)), (7, 7));
    let words = own_words(second);
    assert!(words[0].starts_with("recording goes on: nothing was recorded from 2026-11-20T"));
    assert!(words[0].contains("7 messages are missing"), "{}", words[0]);
    let x = payloads(second, 0)
        .into_iter()
        .find_map(|payload| match payload {
            Payload::Readings(readings) => Some(readings[0].value.clone()),
            _ => None,
        });
    assert_eq!(x, Some(Value::Float(5.5)));
    rig.quit();
}

#[test]
fn pictures_are_written_again_in_the_same_file_when_there_is_room_early() {
    let disk = SmallDisk::new(20 * MIB);
    let rig = Rig::on(Box::new(disk.clone()), LANE_BYTES);
    rig.start(RecordingLimits::default());
    let pictures = rig.fill_with_pictures();
    for number in 0..4 {
        rig.say_and_see(picture(number, MB));
    }
    assert_eq!(rig.lost_to_full_disk(), 5);
    disk.set(|content| content.capacity += 1024 * MIB);
    rig.wait_for_room(DiskRoom::Roomy);
    rig.say_and_see(picture(1, MB));
    let outcome = rig.stop();
    assert_eq!((outcome.written, outcome.lost), (pictures, 5));
    assert_eq!(rig.files(), [outcome.path.as_path()]);
    let words = own_words(&outcome.path);
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[1].contains("everything is recorded; 5 messages were not since"));
    let summary = recording::inspect(&outcome.path).unwrap();
    assert!(summary.finished && !summary.complete);
    assert_eq!(said_lost(&summary), 5);
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn states_are_written_again_behind_a_time_without_them() {
    let disk = SmallDisk::new(20 * MIB);
    let rig = Rig::on(Box::new(disk.clone()), LANE_BYTES);
    rig.start(RecordingLimits::default());
    rig.say_and_see(reading("stage/X", 1.0));
    disk.set(|content| content.others = content.free());
    rig.wait_for_room(DiskRoom::OnlyControl);
    rig.say_and_see(reading("stage/X", 2.0));
    assert_eq!(rig.lost_to_full_disk(), 1);
    disk.set(|content| content.others = 0);
    rig.wait_for_room(DiskRoom::Roomy);
    let outcome = rig.stop();
    let x: Vec<Value> = payloads(&outcome.path, 0)
        .into_iter()
        .filter_map(|payload| match payload {
            Payload::Readings(readings) => Some(readings[0].value.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(x, [Value::Float(1.0), Value::Float(2.0)]);
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn whoever_takes_the_last_bytes_does_not_take_the_end_of_the_file() {
    let disk = SmallDisk::new(30 * MIB);
    let rig = Rig::on(Box::new(disk.clone()), LANE_BYTES);
    rig.start(RecordingLimits::default());
    rig.say_and_see(statistic(1000));
    rig.wait_for_room(DiskRoom::Roomy);
    // What is held in hand lasts on for what matters most.
    disk.set(|content| content.others += content.free());
    rig.wait_for_room(DiskRoom::OnlyControl);
    rig.say_and_see(alarm(1000));
    let outcome = rig.stop();
    assert_eq!((outcome.written, outcome.lost), (2, 0), "{outcome:?}");
    assert!(outcome.complete, "{outcome:?}");
    let verdict = verify(&outcome.path, &mut |_, _| {}).unwrap();
    assert!(verdict.whole, "{:?}", verdict.findings);
    rig.quit();
}

/// A disk that says it has room and has none: a quota, or what is kept for root.
fn on_a_disk_that_lies(change: impl FnOnce(&mut Content)) -> (Rig, SmallDisk) {
    let disk = SmallDisk::new(3 * MIB);
    disk.set(|content| {
        content.says = Some(Some(1 << 40));
        change(content);
    });
    // A lane that holds less than is sent: whoever waited for the disk would wait for ever.
    let rig = Rig::on(Box::new(disk.clone()), MB);
    rig.start(RecordingLimits::default());
    for number in 0..40 {
        rig.say(0, picture(number, 200_000));
    }
    wait_until("the disk is found full", || rig.is_waiting());
    wait_until("the rest is counted", || rig.lane.waiting().0 == 0);
    (rig, disk)
}

#[test]
fn a_full_disk_that_says_otherwise_ends_the_file_and_blocks_nobody() {
    let (rig, disk) = on_a_disk_that_lies(|_| {});
    assert_eq!(rig.room(), DiskRoom::Full);
    let RecorderState::Waiting(why) = rig.recorder.status().state else {
        panic!("{:?}", rig.recorder.status());
    };
    assert!(why.contains("is full"), "{why}");
    // The file says itself what happened to it, and what the books call written can be read.
    let summary = recording::inspect(&rig.files()[0]).unwrap();
    assert!(summary.finished && summary.goes_on, "{summary}");
    assert_eq!(summary.ended.as_deref(), Some("the disk was full"));
    let because = &summary.incomplete_because[0];
    assert!(because.contains("lost: disk full"), "{because}");
    let written = rig.written();
    assert!(written > 0);
    let frames = messages_of(&summary, "/scope/WidefieldCamera/image");
    assert_eq!(frames, written);

    // It is tried again and again, and no try leaves anything behind.
    let tries = disk.ask(|content| content.tries);
    wait_until("it was tried a few times", || {
        rig.clock.advance(Duration::from_secs(1));
        disk.ask(|content| content.tries) >= tries + 5
    });
    wait_until("the last try is over", || rig.files().len() == 1);
    assert!(rig.is_waiting());

    disk.set(|content| content.capacity += 1024 * MIB);
    rig.wait_while_waiting();
    rig.say_and_see(picture(41, MB));
    let outcome = rig.stop();
    assert_eq!((rig.files().len(), outcome.parts), (2, 2));
    assert_eq!(outcome.written, written + 1);
    assert_eq!(outcome.accepted, 41);
    assert_eq!(rig.lost_to_full_disk(), outcome.lost);
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn a_full_disk_without_room_for_a_word_leaves_what_a_killed_recorder_leaves() {
    let (rig, _) = on_a_disk_that_lies(|content| content.cuts = false);
    let summary = recording::inspect(&rig.files()[0]).unwrap();
    assert!(!summary.finished, "{summary}");
    let why = &summary.incomplete_because[0];
    assert!(why.starts_with("not finished; "), "{why}");
    let frames = messages_of(&summary, "/scope/WidefieldCamera/image");
    assert_eq!(frames, rig.written());
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn a_disk_that_fails_is_tried_again_until_it_takes_something() {
    let disk = SmallDisk::new(100 * MIB);
    let rig = Rig::on(Box::new(disk.clone()), LANE_BYTES);
    rig.start(RecordingLimits::default());
    rig.say_and_see(statistic(1000));
    disk.set(|content| content.fails = Some(io::ErrorKind::ReadOnlyFilesystem));
    rig.clock.advance(Duration::from_secs(5));
    wait_until("the disk is found to fail", || rig.is_waiting());
    rig.say_and_see(statistic(1000));
    let tries = disk.ask(|content| content.tries);
    wait_until("it was tried a few times", || {
        rig.clock.advance(Duration::from_secs(1));
        disk.ask(|content| content.tries) >= tries + 4
    });
    disk.set(|content| content.fails = None);
    rig.wait_while_waiting();
    rig.say_and_see(statistic(1000));
    let outcome = rig.stop();
    // The first was not yet with the disk when that failed.
    assert_eq!((outcome.written, outcome.lost), (1, 2));
    // What was torn keeps the name of a file that is being written.
    let files = rig.files();
    let second = files
        .iter()
        .find(|path| path.ends_with("scope-2026-11-20T140322Z.part00002.mcap"));
    let second = second.unwrap();
    let summary = recording::inspect(second).unwrap();
    assert_eq!(summary.losses[0].reason, "recorder gone");
    assert!(own_words(second)[0].contains("read-only"));
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn a_recording_that_waits_for_its_disk_ends_when_it_is_told_to() {
    let (rig, disk) = on_a_disk_that_lies(|_| {});
    rig.say_and_see(statistic(10));
    let outcome = rig.stop();
    assert!(
        outcome
            .ended
            .contains("stopped as asked while it waited for the disk")
    );
    assert!(
        outcome.ended.contains("are in no file"),
        "{}",
        outcome.ended
    );
    assert_eq!((outcome.parts, outcome.accepted), (1, 41));
    assert_eq!(outcome.lost, rig.lost_to_full_disk());
    let state = rig.recorder.status().state;
    assert!(matches!(state, RecorderState::Failed(_)), "{state:?}");
    assert!(!rig.lane.is_taking());
    rig.assert_balanced();
    // Another one can be begun, and is refused as the first would have been.
    disk.set(|content| content.fails = Some(io::ErrorKind::StorageFull));
    rig.lane
        .order(Order::Start(rig.plan(RecordingLimits::default())));
    let why = rig.outcome().ended;
    assert!(why.contains("recording not started"), "{why}");
    rig.quit();
}

#[test]
fn a_recording_that_waits_for_its_disk_ends_when_its_time_is_over() {
    let disk = SmallDisk::new(20 * MIB);
    let rig = Rig::on(Box::new(disk.clone()), LANE_BYTES);
    rig.start(RecordingLimits {
        duration: Some(Duration::from_secs(60)),
        ..RecordingLimits::default()
    });
    rig.say_and_see(statistic(1000));
    disk.set(|content| content.fails = Some(io::ErrorKind::StorageFull));
    rig.clock.advance(Duration::from_secs(4));
    wait_until("the disk is found full", || rig.is_waiting());
    rig.clock.advance(Duration::from_secs(60));
    wait_until("it ends", || {
        matches!(rig.recorder.status().state, RecorderState::Failed(_))
    });
    rig.assert_balanced();
    rig.quit();
}
