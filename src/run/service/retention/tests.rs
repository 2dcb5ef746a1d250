//! What goes and what stays: cases, a property, and real files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::decide::{FileState, Recording, Why};
use super::*;
use crate::model::{Origin, SourceId, SourceInfo};
use crate::recorder::{Disk, Storage as _};
use crate::recording::{RecordingWriter, Session};

const DAY_NS: u64 = 86_400_000_000_000;
const NOW_NS: u64 = 1_000 * DAY_NS;

/// `name session size days-old state`, state one of finished, written, torn, kept, manifest.
fn recordings(table: &str) -> Vec<Recording> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let days: u64 = words[3].parse().unwrap();
            Recording {
                name: words[0].to_owned(),
                session: words[1].to_owned(),
                size_bytes: words[2].parse().unwrap(),
                written_unix_ns: NOW_NS - days * DAY_NS,
                state: match words[4] {
                    "written" => FileState::Written,
                    "torn" => FileState::Torn,
                    _ => FileState::Finished,
                },
                is_kept: words[4] == "kept",
                is_manifest: words[4] == "manifest",
            }
        })
        .collect()
}

fn policy(days: Option<u64>, total_bytes: Option<u64>) -> Retention {
    Retention {
        age: days.map(|days| Duration::from_secs(days * 86_400)),
        total_bytes,
    }
}

fn names(plan: &Plan) -> Vec<&str> {
    let files = plan.removals.iter().flat_map(|removal| &removal.files);
    files.map(|file| file.name.as_str()).collect()
}

#[test]
fn what_is_old_or_too_much_goes_and_nothing_else() {
    let two_sessions = "
        a.mcap          one 100 40 finished
        a.part2.mcap    one 100 39 finished
        a.manifest.json one   1  5 manifest
        b.mcap          two 100 20 finished
        c.mcap          now 100  0 written
    ";
    let running = "
        a.mcap          one 100 40 finished
        a.part2.mcap    one 100 20 finished
        a.part3.mcap    one 100 10 finished
        a.manifest.json one   1  0 manifest
        a.part4.mcap    one 100  0 written
    ";
    let kept = "
        a.mcap          one 100 40 finished
        a.part2.mcap    one 100 40 kept
        b.mcap          two 100 30 torn
        c.mcap          new 100 20 finished
    ";
    let cases: [(&str, Retention, &[&str]); 10] = [
        (two_sessions, policy(None, None), &[]),
        // A session goes whole, its list last, and not before its last part is too old.
        (
            two_sessions,
            policy(Some(30), None),
            &["a.mcap", "a.part2.mcap", "a.manifest.json"],
        ),
        (two_sessions, policy(Some(39), None), &[]),
        // No more than needed.
        (two_sessions, policy(None, Some(401)), &[]),
        (
            two_sessions,
            policy(None, Some(400)),
            &["a.mcap", "a.part2.mcap", "a.manifest.json"],
        ),
        // Not the newest, however little there may be.
        (
            two_sessions,
            policy(None, Some(1)),
            &["a.mcap", "a.part2.mcap", "a.manifest.json"],
        ),
        // A recorder that runs for months ends no session.
        (running, policy(Some(30), None), &["a.mcap"]),
        (
            running,
            policy(None, Some(250)),
            &["a.mcap", "a.part2.mcap"],
        ),
        // A mark keeps its whole session; what is torn is evidence.
        (kept, policy(Some(1), None), &["c.mcap"]),
        (kept, policy(None, Some(1)), &[]),
    ];
    for (table, policy, expected) in cases {
        let plan = decide(recordings(table), &policy, NOW_NS);
        assert_eq!(names(&plan), expected, "{policy}: {table}");
    }
}

#[test]
fn a_plan_says_why_and_what_does_not_count() {
    let table = "
        a.mcap one 100 40 finished
        b.mcap two  10 30 torn
        c.mcap new   7 20 kept
        d.mcap now   5  0 written
    ";
    let plan = decide(recordings(table), &policy(Some(30), None), NOW_NS);
    assert_eq!(plan.removals[0].why, Why::Old { days: 40 });
    assert_eq!(plan.remaining_bytes, 5);
    assert_eq!((plan.kept, plan.torn), ((1, 7), (1, 10)));
    // A clock that stands before all files finds nothing old.
    let early = decide(recordings(table), &policy(Some(30), None), 0);
    assert_eq!(names(&early), Vec::<&str>::new());
}

fn any_recording() -> impl Strategy<Value = Recording> {
    let state = prop_oneof![
        4 => Just(FileState::Finished),
        1 => Just(FileState::Written),
        1 => Just(FileState::Torn),
    ];
    (
        0..6_u8,
        0..1_000_u64,
        0..200_u64,
        state,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(session, size_bytes, days, state, is_kept)| Recording {
            name: String::new(),
            session: format!("s{session}"),
            size_bytes,
            written_unix_ns: NOW_NS - days * DAY_NS,
            state,
            is_kept,
            is_manifest: false,
        })
}

proptest! {
    /// Whatever there is: never what is written, torn or kept; finished sessions whole; and for
    /// lack of room no more than needed.
    #[test]
    fn no_more_goes_than_may(
        mut all in prop::collection::vec(any_recording(), 0..24),
        days in prop::option::of(1..200_u64),
        total in prop::option::of(0..20_000_u64),
    ) {
        for (index, recording) in all.iter_mut().enumerate() {
            recording.name = format!("{index}.mcap");
        }
        let policy = policy(days, total);
        let plan = decide(all.clone(), &policy, NOW_NS);
        let gone: BTreeSet<&str> = names(&plan).into_iter().collect();
        prop_assert_eq!(gone.len(), names(&plan).len(), "nothing goes twice");

        let mut sessions: BTreeMap<&str, Vec<&Recording>> = BTreeMap::new();
        for recording in &all {
            sessions.entry(&recording.session).or_default().push(recording);
        }
        for files in sessions.values() {
            let is_gone = |file: &&Recording| gone.contains(file.name.as_str());
            let going = files.iter().copied().filter(|file| is_gone(file)).count();
            if files.iter().any(|file| file.is_kept) {
                prop_assert_eq!(going, 0, "kept");
            }
            for file in files.iter().filter(|file| file.state != FileState::Finished) {
                prop_assert!(!is_gone(file), "{:?}", file);
            }
            if files.iter().all(|file| file.state == FileState::Finished) {
                prop_assert!(going == 0 || going == files.len(), "a half session");
            }
        }
        // What counts and stays.
        let counts = |file: &&Recording| {
            let kept = sessions[file.session.as_str()].iter().any(|file| file.is_kept);
            !kept && file.state != FileState::Torn
        };
        let stays = all.iter().filter(counts).filter(|file| !gone.contains(file.name.as_str()));
        let remaining: u64 = stays.map(|file| file.size_bytes).sum();
        prop_assert_eq!(remaining, plan.remaining_bytes);

        let mut too_much = 0;
        for removal in &plan.removals {
            let youngest = removal.files.iter().map(|file| file.written_unix_ns).max().unwrap();
            let age_days = (NOW_NS - youngest) / DAY_NS;
            match removal.why {
                Why::Old { days: said } => {
                    prop_assert_eq!(said, age_days);
                    prop_assert!(days.is_some_and(|most| age_days > most));
                }
                Why::TooMuch => {
                    too_much += 1;
                    prop_assert!(total.is_some());
                }
            }
        }
        // Without the last that went for lack of room it would still be too much.
        if let Some(most) = total
            && too_much > 0
        {
            let last = plan.removals.iter().rev().find(|removal| removal.why == Why::TooMuch);
            let last: u64 = last.unwrap().files.iter().map(|file| file.size_bytes).sum();
            let after: u64 = plan
                .removals
                .iter()
                .rev()
                .take_while(|removal| removal.why != Why::TooMuch)
                .flat_map(|removal| &removal.files)
                .map(|file| file.size_bytes)
                .sum();
            prop_assert!(remaining + after + last > most);
        }
    }
}

// Real files.

/// A finished recording of ttyscope that is so many days old.
fn write_recording(path: &Path, id: &str, days: u64) {
    let source = SourceInfo {
        id: SourceId(0),
        name: "scope".into(),
        address: "imswitch://lab".into(),
        origin: Origin::Live,
        caution: None,
    };
    let session = Session::new(&[source], 1).as_part(id, 1);
    let writer = RecordingWriter::new(fs::File::create(path).unwrap(), &session);
    drop(writer.unwrap());
    make_old(path, days);
}

fn make_old(path: &Path, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(then).unwrap();
}

fn now_ns() -> u64 {
    Clock::system().now().unix_ns
}

fn left(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn only_old_recordings_of_ours_leave_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("recordings");
    fs::create_dir(&dir).unwrap();
    let path = |name: &str| dir.join(name);
    write_recording(&path("old.mcap"), "1", 40);
    write_recording(&path("old.part00002.mcap"), "1", 39);
    fs::write(path("old.manifest.json"), "{}").unwrap();
    write_recording(&path("young.mcap"), "2", 1);
    write_recording(&path("good.mcap"), "3", 40);
    write_recording(&path("good.part00002.mcap"), "3", 40);
    fs::write(path("good.keep"), "").unwrap();
    write_recording(&path("better.part00007.mcap"), "4", 40);
    fs::write(path("better.part00007.mcap.keep"), "").unwrap();
    // Left behind, being written, somebody else's, rubbish, a list of nothing.
    write_recording(&path("torn.partial.mcap"), "5", 40);
    write_recording(&root.path().join("outside.mcap"), "6", 40);
    fs::write(path("foreign.mcap"), b"\x89MCAP0\r\n").unwrap();
    make_old(&path("foreign.mcap"), 40);
    fs::write(path("notes.txt"), "x").unwrap();
    make_old(&path("notes.txt"), 40);
    fs::write(path("lonely.manifest.json"), "{}").unwrap();
    make_old(&path("lonely.manifest.json"), 40);
    #[cfg(unix)]
    std::os::unix::fs::symlink(root.path().join("outside.mcap"), path("link.mcap")).unwrap();
    fs::create_dir(path("folder.mcap")).unwrap();
    let mut written = Disk.create(&path("busy.mcap")).unwrap();
    let bytes = fs::read(root.path().join("outside.mcap")).unwrap();
    written.write_all(&bytes).unwrap();
    written.flush().unwrap();
    make_old(&path("busy.mcap"), 40);

    let before = left(&dir);
    let policy = policy(Some(30), None);
    let planned = plan(&dir, &policy, now_ns());
    let expected = ["old.mcap", "old.part00002.mcap", "old.manifest.json"];
    assert_eq!(names(&planned), expected);
    assert_eq!(left(&dir), before, "a plan changes nothing");

    let (files, bytes) = tidy(&dir, &policy, now_ns());
    assert_eq!(files, 3);
    assert!(bytes > 0);
    let gone: Vec<&String> = before
        .iter()
        .filter(|name| !left(&dir).contains(name))
        .collect();
    let mut expected = expected.map(str::to_owned);
    expected.sort();
    assert_eq!(gone, expected.iter().collect::<Vec<_>>());
    assert!(root.path().join("outside.mcap").exists());
    assert_eq!(tidy(&dir, &policy, now_ns()), (0, 0));
    drop(written);
}

#[test]
fn what_changes_after_it_was_looked_at_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (index, name) in ["a.mcap", "b.mcap", "c.mcap"].into_iter().enumerate() {
        write_recording(&path(name), &index.to_string(), 40);
    }
    let planned = plan(dir.path(), &policy(Some(30), None), now_ns());
    assert_eq!(planned.removals.len(), 3);
    fs::write(path("a.keep"), "").unwrap();
    let mut grown = fs::File::options()
        .append(true)
        .open(path("b.mcap"))
        .unwrap();
    grown.write_all(b"more").unwrap();
    for removal in &planned.removals {
        let removed = folder::remove(dir.path(), &removal.files[0]);
        assert_eq!(removed.is_ok(), removal.files[0].name == "c.mcap");
    }
    assert_eq!(left(dir.path()), ["a.keep", "a.mcap", "b.mcap"]);
}
