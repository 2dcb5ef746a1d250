use super::*;
use crate::model::{Message, PlainText};

use DiskRoom::{FramesHeld, Full, OnlyControl, Roomy};

/// A disk with one file on it, and a room that is asked as the recorder asks it.
struct Rig {
    room: Room,
    now: Stamp,
    free: u64,
    file: Extent,
    asked: u32,
}

impl Rig {
    fn new(free: u64) -> Self {
        Self {
            room: Room::default(),
            now: Stamp::default(),
            free,
            file: Extent {
                written: 0,
                to_come: 4096,
            },
            asked: 0,
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now.mono_ns += seconds * 1_000_000_000;
        if self.room.is_due(self.now, self.file, 0, Full) {
            self.ask();
        }
    }

    fn ask(&mut self) {
        self.asked += 1;
        self.room.asked(self.now, Some(self.free), self.file);
    }

    /// Writes if that is admitted.
    fn write(&mut self, bytes: u64, stops_at: DiskRoom) -> bool {
        if self.room.is_due(self.now, self.file, bytes, stops_at) {
            self.ask();
        }
        let admitted = self.room.admits(self.now, self.file, bytes, stops_at);
        if admitted {
            self.free -= bytes;
            self.file.written += bytes;
            self.room.wrote(bytes, stops_at);
        } else {
            self.room.miss();
        }
        admitted
    }
}

#[test]
fn pictures_stop_first_then_statistics_then_all() {
    let mut rig = Rig::new(40 * MIB);
    let mut order = Vec::new();
    let mut written = [0, 0, 0];
    for _ in 0..2_000_000 {
        rig.now.mono_ns += 10_000_000;
        for (kind, (bytes, stops_at)) in [(MIB, FramesHeld), (2_000, OnlyControl), (100, Full)]
            .into_iter()
            .enumerate()
        {
            if rig.write(bytes, stops_at) {
                written[kind] += 1;
            } else if order.last().is_none_or(|last| *last < stops_at) {
                order.push(stops_at);
            }
        }
        if order.len() == 3 {
            break;
        }
    }
    assert_eq!(order, [FramesHeld, OnlyControl, Full]);
    assert!(written[0] >= 8 && written[1] > written[0], "{written:?}");
    // Commands had their own reserve, and the end of the file still has its.
    assert!(written[2] > written[1] + 1_000, "{written:?}");
    assert!(rig.free >= CLOSING_RESERVE, "{}", rig.free);
}

#[test]
fn the_edge_is_met_without_asking_for_each_picture() {
    let mut rig = Rig::new(1024 * MIB);
    while rig.write(MIB, FramesHeld) {}
    // A thousand pictures in no time at all: asked at the beginning and before stopping.
    assert!(rig.asked <= 3, "{}", rig.asked);
    assert!(rig.free >= FRAMES_RESERVE);
    assert!(rig.free <= FRAMES_RESERVE + 2 * MIB);
}

#[test]
fn what_another_program_writes_is_noticed_in_time() {
    let mut rig = Rig::new(1024 * MIB);
    rig.pass(1);
    rig.free = 3 * MIB;
    rig.pass(2);
    assert_eq!(rig.room.level(), FramesHeld);
    rig.free = MIB / 2;
    rig.pass(1);
    assert_eq!(rig.room.level(), OnlyControl);
    rig.free = 0;
    rig.pass(1);
    assert_eq!(rig.room.level(), Full);
}

#[test]
fn a_picture_larger_than_what_is_left_stops_pictures_until_it_would_fit() {
    let mut rig = Rig::new(60 * MIB);
    assert!(!rig.write(100 * MIB, FramesHeld));
    assert!(!rig.write(MIB, FramesHeld));
    assert_eq!(rig.room.level(), FramesHeld);
    rig.pass(6);
    assert_eq!(rig.room.level(), FramesHeld);
    rig.free = 120 * MIB;
    rig.pass(2);
    assert_eq!(rig.room.level(), Roomy);
    assert!(rig.write(100 * MIB, FramesHeld));
}

#[test]
fn room_that_comes_and_goes_makes_no_flood_of_alarms() {
    let mut rig = Rig::new(7 * MIB);
    rig.pass(0);
    assert_eq!(rig.room.level(), FramesHeld);
    let mut changes = 0;
    for turn in 0..60 {
        let before = rig.room.level();
        // Above and below the line where pictures stop, every second.
        rig.free = (7 + 3 * (turn % 2)) * MIB;
        rig.pass(1);
        changes += u32::from(rig.room.level() != before);
    }
    assert_eq!(changes, 0);
    for turn in 0..60 {
        let before = rig.room.level();
        // Far above it and below.
        rig.free = (7 + 30 * (turn % 2)) * MIB;
        rig.pass(1);
        changes += u32::from(rig.room.level() != before);
    }
    assert!(changes > 0 && changes <= 24, "{changes}");
}

#[test]
fn fast_statistics_keep_more_for_themselves() {
    let mut rig = Rig::new(64 * 1024 * MIB);
    for _ in 0..200 {
        rig.pass(1);
        rig.write(500_000, OnlyControl);
    }
    let reserve = rig.room.frames_reserve();
    // Two minutes of half a megabyte a second.
    let seconds = (reserve - FRAMES_RESERVE) as f64 / 500_000.0;
    assert!((115.0..=120.0).contains(&seconds), "{seconds}");
    for _ in 0..200 {
        rig.pass(1);
        rig.write(50_000_000, OnlyControl);
    }
    assert_eq!(rig.room.frames_reserve(), MOST_FRAMES_RESERVE);
}

#[test]
fn a_disk_that_says_nothing_is_never_short_until_it_refuses() {
    let mut room = Room::default();
    let (now, file) = (Stamp::default(), Extent::default());
    room.asked(now, None, file);
    assert!(room.admits(now, file, 1 << 40, FramesHeld));
    room.fill(now);
    assert!(!room.admits(now, file, 1, Full));
    assert_eq!(room.level(), Full);
    room.reopened(now);
    assert_eq!(room.level(), Roomy);
    assert_eq!(room.was_short().map(|short| short.missing), Some(0));
}

#[test]
fn a_new_file_takes_what_there_is_room_for() {
    for (free, level) in [(5, FramesHeld), (12, FramesHeld), (17, Roomy)] {
        let mut room = Room::default();
        room.fill(Stamp::default());
        room.asked(Stamp::default(), Some(free * MIB), Extent::default());
        assert_eq!(room.level(), Full, "only a new file ends that");
        room.reopened(Stamp::default());
        assert_eq!(room.level(), level, "{free} MiB");
    }
}

#[test]
fn what_was_missed_is_counted_from_the_first_stop_to_the_last_return() {
    let mut rig = Rig::new(7 * MIB);
    rig.pass(1);
    for _ in 0..5 {
        rig.write(MIB, FramesHeld);
    }
    rig.free = MIB / 2;
    rig.pass(1);
    assert!(!rig.write(100, OnlyControl));
    rig.free = 50 * MIB;
    rig.pass(10);
    assert_eq!(rig.room.level(), Roomy);
    let short = rig.room.was_short().map(|s| (s.since.mono_ns, s.missing));
    assert_eq!(short, Some((1_000_000_000, 6)));
    assert_eq!(rig.room.short(), None);
}

#[test]
fn commands_outlast_events() {
    let message = Payload::Message(Message {
        name: PlainText::from("sigTick"),
        json: bytes::Bytes::from_static(b"[]"),
        attachments: vec![],
    });
    assert_eq!(stops_at(&message), OnlyControl);
    let link = Payload::Link(crate::model::LinkState::Live);
    assert_eq!(stops_at(&link), Full);
}
