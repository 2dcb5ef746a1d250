use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Condvar;

use serde_json::{Value, json};

use super::file::LogFile;
use super::*;
use crate::model::{
    Command, CommandId, CommandState, Origin, Position, Quantity, StopLevel, StopOrigin, StopPress,
    StopState, Target, Unit,
};

const EPOCH_NS: u64 = 1_795_183_402_000_000_000;

/// An audit log, its source, and the queue of that.
struct Rig {
    audit: Audit,
    refused: mpsc::Receiver<Refusal>,
    source: SourceInfo,
    forward: mpsc::Sender<Request>,
    taken: mpsc::Receiver<Request>,
    clock: Clock,
}

impl Rig {
    fn at(path: &Path) -> Self {
        let clock = Clock::manual(EPOCH_NS);
        let started = Audit::start(Some(path.to_owned()), "ada".into(), clock.clone());
        Self::of(started, clock)
    }

    /// On a disk that does what the test says.
    fn on(disk: &Disk, bound: usize) -> Self {
        let clock = Clock::manual(EPOCH_NS);
        let (open, name) = (disk.opener(), "audit log x".to_owned());
        let started = Audit::start_with(open, name, "ada".into(), clock.clone(), bound);
        Self::of(started, clock)
    }

    fn of((audit, refused): (Audit, mpsc::Receiver<Refusal>), clock: Clock) -> Self {
        let (forward, taken) = mpsc::channel(2);
        Self {
            audit,
            refused,
            source: SourceInfo {
                id: SourceId(3),
                name: "scope".into(),
                address: "flamingo://scope:53717".into(),
                origin: Origin::Live,
                caution: None,
            },
            forward,
            taken,
            clock,
        }
    }

    fn order(&self, id: u64, command: Command) -> Result<(), Refusal> {
        let request = Request {
            id: CommandId(id),
            command,
            operator: "ada".into(),
            stop_number: 0,
        };
        self.audit
            .order(&self.source, request, self.forward.clone())
    }

    fn is_settled(&self) {
        wait_until("the log was tried", || {
            self.audit.shared.state().busy_since_ns.is_none()
        });
    }

    fn next_taken(&mut self) -> u64 {
        self.taken.blocking_recv().unwrap().id.0
    }

    fn next_refused(&mut self) -> (u64, String) {
        said(self.refused.blocking_recv().unwrap())
    }

    fn close(self) {
        assert!(closed(self.audit));
    }
}

fn closed(audit: Audit) -> bool {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(audit.close(Duration::from_secs(60)))
}

fn said((source, report): Refusal) -> (u64, String) {
    assert_eq!(source, SourceId(3));
    assert_eq!(
        (report.state, report.is_final),
        (CommandState::Refused, true)
    );
    (report.id.0, report.detail.clone().unwrap().to_string())
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("waited in vain until {what}");
}

fn step() -> Command {
    Command::Move {
        axis: "x".into(),
        target: Target::By(Quantity::new(10.0, Unit::Micrometre)),
    }
}

fn laser_off() -> Command {
    Command::SetLight {
        light: "488".into(),
        level: None,
        on: Some(false),
    }
}

fn done(id: u64) -> Arc<CommandReport> {
    let request = Request {
        id: CommandId(id),
        command: step(),
        operator: "ada".into(),
        stop_number: 0,
    };
    let position = |value| Position {
        axis: "x".into(),
        value,
        unit: Unit::Micrometre,
    };
    Arc::new(CommandReport {
        state: CommandState::Done,
        detail: None,
        before: vec![position(Some(1.5))],
        after: vec![position(Some(11.5)), position(Some(f64::NAN))],
        ..Desk::refuse(&request, "")
    })
}

fn lines(text: &str) -> Vec<Value> {
    let parsed = text.lines().map(|line| serde_json::from_str(line).unwrap());
    parsed.collect()
}

fn lines_of(path: &Path) -> Vec<Value> {
    lines(&fs::read_to_string(path).unwrap())
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|l| l["kind"].as_str().unwrap()).collect()
}

/// A disk in memory that can be made to fail or to hang.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<DiskState>, Condvar)>);

#[derive(Default)]
struct DiskState {
    text: String,
    fails: bool,
    hangs: bool,
    waiting: bool,
}

impl Disk {
    fn opener(&self) -> Opener {
        let disk = self.clone();
        Box::new(move || Ok(Box::new(disk.clone())))
    }

    fn set(&self, change: impl FnOnce(&mut DiskState)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn is_waited_for(&self) -> bool {
        self.0.0.lock().unwrap().waiting
    }

    fn lines(&self) -> Vec<Value> {
        lines(&self.0.0.lock().unwrap().text)
    }
}

impl LogFile for Disk {
    fn is_current(&self) -> bool {
        true
    }

    fn append(&mut self, lines: &str) -> io::Result<()> {
        let mut state = self.0.0.lock().unwrap();
        while state.hangs {
            state.waiting = true;
            state = self.0.1.wait(state).unwrap();
        }
        state.waiting = false;
        if state.fails {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.text.push_str(lines);
        Ok(())
    }
}

#[test]
fn an_order_is_in_the_file_before_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/ttyscope/audit.jsonl");
    let mut rig = Rig::at(&path);
    rig.order(7, step()).unwrap();
    assert_eq!(rig.next_taken(), 7);
    let written = lines_of(&path);
    assert_eq!(kinds(&written), ["opened", "ordered"]);
    assert_eq!(written[0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        written[1],
        json!({
            "time": "2026-11-20T14:03:22.000Z",
            "process": std::process::id(),
            "kind": "ordered",
            "operator": "ada",
            "instrument": "scope",
            "id": 7,
            "command": "move x by +10 um",
            "danger": "move",
        })
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let status = rig.audit.status();
    assert!(status.writable && status.why.is_none(), "{status:?}");
    assert_eq!((status.lines, status.missing), (2, 0));
    rig.close();
}

#[test]
fn outcomes_and_stops_stand_in_their_order_with_all_that_is_known() {
    let disk = Disk::default();
    let rig = Rig::on(&disk, BOUND);
    rig.clock.advance(Duration::from_millis(1_500));
    let now = rig.clock.now();
    rig.audit.outcome(&rig.source, &done(7), now);
    let stops = [
        (
            StopOrigin::Key,
            StopState::Acknowledged {
                after_ns: 2_500_000,
            },
        ),
        (StopOrigin::Signal, StopState::NoAnswer),
    ];
    for (origin, state) in stops {
        let report = StopReport {
            press: StopPress {
                number: 4,
                level: StopLevel::Safe,
                origin,
                mono_ns: 1,
            },
            state,
            detail: Some("no \"word\"".into()),
        };
        rig.audit.stop(&rig.source, &report, now);
    }
    rig.close();
    let written = disk.lines();
    assert_eq!(
        kinds(&written),
        ["opened", "outcome", "stop", "stop", "closed"]
    );
    let process = std::process::id();
    assert_eq!(
        written[1],
        json!({
            "time": "2026-11-20T14:03:23.500Z",
            "process": process,
            "kind": "outcome",
            "operator": "ada",
            "instrument": "scope",
            "id": 7,
            "command": "move x by +10 um",
            "danger": "move",
            "state": "done",
            "final": true,
            "detail": null,
            "before": [{"axis": "x", "value": 1.5, "unit": "um"}],
            "after": [
                {"axis": "x", "value": 11.5, "unit": "um"},
                {"axis": "x", "value": null, "unit": "um"},
            ],
        })
    );
    assert_eq!(
        written[2],
        json!({
            "time": "2026-11-20T14:03:23.500Z",
            "process": process,
            "kind": "stop",
            "operator": "ada",
            "instrument": "scope",
            "press": 4,
            "level": "safe",
            "origin": "key",
            "state": "acknowledged",
            "after_ms": 2.5,
            "detail": "no \"word\"",
        })
    );
    let outside = &written[3];
    assert_eq!(outside["operator"], Value::Null);
    assert_eq!(outside["after_ms"], Value::Null);
    assert_eq!(outside["state"], "no answer");
}

#[test]
fn the_text_of_a_workflow_is_kept_and_cannot_talk_to_a_terminal() {
    let disk = Disk::default();
    let mut rig = Rig::on(&disk, BOUND);
    let text = "<Stack>\r\n\u{1b}[2J\u{9b}31m\u{7f}\u{202e}µm \"quoted\"\n";
    let workflow = Command::StartWorkflow {
        name: "a\u{1b}.txt".into(),
        text: text.into(),
    };
    rig.order(1, workflow).unwrap();
    rig.next_taken();
    rig.close();
    let raw = disk.0.0.lock().unwrap().text.clone();
    assert!(raw.chars().all(|c| c == '\n' || !c.is_control()), "{raw:?}");
    assert!(!raw.contains('\u{202e}') && raw.contains('µ'), "{raw:?}");
    let written = lines(&raw);
    assert_eq!(kinds(&written), ["opened", "ordered", "closed"]);
    assert_eq!(written[1]["text"], text);
    assert_eq!(written[1]["command"], "workflow start a␛.txt");
}

/// Orders what is harmless and what is not while the file cannot be written.
fn refuses(path: &Path, why: &str) {
    let mut rig = Rig::at(path);
    rig.order(1, step()).unwrap();
    let (id, sentence) = rig.next_refused();
    let shown = path.display();
    let begin = format!("audit log {shown} cannot be written: ");
    assert_eq!(id, 1);
    assert!(sentence.starts_with(&begin), "{sentence}");
    assert!(sentence.contains(why), "{sentence}");
    let end = "; unsafe commands are refused until it can";
    assert!(sentence.ends_with(end), "{sentence}");
    rig.order(2, laser_off()).unwrap();
    assert_eq!(rig.next_taken(), 2);
    rig.order(3, step()).unwrap();
    assert_eq!(rig.next_refused().0, 3);
    rig.is_settled();
    let status = rig.audit.status();
    assert!(!status.writable);
    assert!(status.why.unwrap().contains(why));
    assert_eq!((status.lines, status.missing), (0, 3));
    assert!(rig.taken.try_recv().is_err());
    rig.close();
}

#[test]
fn a_file_that_others_could_have_a_hand_in_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let inside = |name: &str| dir.path().join(name);

    let target = inside("elsewhere");
    fs::write(&target, "").unwrap();
    symlink(&target, inside("link")).unwrap();
    refuses(&inside("link"), "it is a symbolic link");
    symlink(inside("nowhere"), inside("dangling")).unwrap();
    refuses(&inside("dangling"), "it is a symbolic link");
    assert!(!inside("nowhere").exists());

    fs::create_dir(inside("folder")).unwrap();
    refuses(&inside("folder"), "directory");

    fs::write(inside("open"), "kept\n").unwrap();
    fs::set_permissions(inside("open"), fs::Permissions::from_mode(0o620)).unwrap();
    refuses(&inside("open"), "others may write it");
    assert_eq!(fs::read_to_string(inside("open")).unwrap(), "kept\n");

    let pipe = inside("pipe");
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    );
    made.unwrap();
    refuses(&pipe, "not a regular file");
    refuses(&target.join("audit.jsonl"), "");
    assert_eq!(fs::read_to_string(&target).unwrap(), "");
}

#[test]
fn without_a_folder_it_refuses_and_says_what_to_set() {
    let clock = Clock::manual(EPOCH_NS);
    let mut rig = Rig::of(Audit::start(None, "ada".into(), clock.clone()), clock);
    rig.order(1, step()).unwrap();
    let (_, why) = rig.next_refused();
    assert_eq!(
        why,
        "the audit log cannot be written: no folder for it is known; set HOME or XDG_STATE_HOME; \
         unsafe commands are refused until it can"
    );
    rig.close();
}

#[test]
fn it_recovers_and_says_how_many_lines_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    let parent = dir.path().join("state");
    fs::write(&parent, "in the way").unwrap();
    let path = parent.join("audit.jsonl");
    let mut rig = Rig::at(&path);
    rig.order(1, step()).unwrap();
    rig.next_refused();
    rig.order(2, laser_off()).unwrap();
    rig.next_taken();
    rig.order(3, step()).unwrap();
    rig.next_refused();
    fs::remove_file(&parent).unwrap();
    rig.order(4, step()).unwrap();
    assert_eq!(rig.next_taken(), 4);
    let written = lines_of(&path);
    assert_eq!(kinds(&written), ["opened", "gap", "ordered"]);
    assert_eq!(written[1]["missing"], 3);
    assert!(written[1]["detail"].as_str().unwrap().contains("os error"));
    rig.is_settled();
    let status = rig.audit.status();
    assert!(status.writable, "{status:?}");
    assert_eq!((status.lines, status.missing), (3, 3));
    rig.close();
    assert_eq!(kinds(&lines_of(&path)).last(), Some(&"closed"));
}

/// `/dev/full`: every write fails for want of room, whoever writes.
struct Full(fs::File);

impl LogFile for Full {
    fn is_current(&self) -> bool {
        true
    }

    fn append(&mut self, lines: &str) -> io::Result<()> {
        io::Write::write_all(&mut self.0, lines.as_bytes())
    }
}

#[test]
fn a_full_disk_refuses_what_moves_and_lets_pass_what_calms() {
    let open: Opener = Box::new(|| {
        let file = fs::File::options().write(true).open("/dev/full")?;
        Ok(Box::new(Full(file)))
    });
    let clock = Clock::manual(EPOCH_NS);
    let started = Audit::start_with(open, "audit log x".into(), "ada".into(), clock.clone(), 8);
    let mut rig = Rig::of(started, clock);
    rig.order(1, step()).unwrap();
    let (_, why) = rig.next_refused();
    assert!(why.contains("No space left on device"), "{why}");
    rig.order(2, laser_off()).unwrap();
    assert_eq!(rig.next_taken(), 2);
    rig.close();
}

#[test]
fn a_line_that_was_cut_does_not_spoil_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    fs::write(&path, "{\"kind\":\"opened\"}\n{\"kind\":\"ord").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    Rig::at(&path).close();
    let text = fs::read_to_string(&path).unwrap();
    let whole: Vec<&str> = text.lines().collect();
    assert_eq!(whole[..2], ["{\"kind\":\"opened\"}", "{\"kind\":\"ord"]);
    let rest = lines(&whole[2..].join("\n"));
    assert_eq!(kinds(&rest), ["opened", "closed"]);
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let old = dir.path().join("audit.old");
    let mut rig = Rig::at(&path);
    rig.order(1, step()).unwrap();
    rig.next_taken();
    fs::rename(&path, &old).unwrap();
    rig.order(2, step()).unwrap();
    rig.next_taken();
    assert_eq!(kinds(&lines_of(&old)), ["opened", "ordered"]);
    assert_eq!(kinds(&lines_of(&path)), ["opened", "ordered"]);
    // Neither is one trusted any longer whose rights were widened meanwhile.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    rig.order(3, step()).unwrap();
    let (_, why) = rig.next_refused();
    assert!(why.contains("others may write it"), "{why}");
    rig.close();
}

#[test]
fn a_queue_that_is_full_refuses_orders_and_leaves_a_gap() {
    let disk = Disk::default();
    let mut rig = Rig::on(&disk, 2);
    rig.is_settled();
    disk.set(|state| state.hangs = true);
    let now = rig.clock.now();
    rig.audit.outcome(&rig.source, &done(1), now);
    wait_until("the disk hangs", || disk.is_waited_for());
    for id in 2..=6 {
        rig.audit.outcome(&rig.source, &done(id), now);
    }
    assert_eq!(rig.audit.status().missing, 3);
    let (id, why) = said(rig.order(7, step()).unwrap_err());
    assert_eq!(id, 7);
    assert!(why.contains("does not keep up"), "{why}");
    // What calms goes all the same, and its line is one more that is missing.
    rig.order(8, laser_off()).unwrap();
    assert_eq!(rig.next_taken(), 8);
    assert_eq!(rig.audit.status().missing, 4);
    disk.set(|state| state.hangs = false);
    wait_until("three outcomes are written", || disk.lines().len() == 4);
    rig.order(9, step()).unwrap();
    assert_eq!(rig.next_taken(), 9);
    let written = disk.lines();
    assert_eq!(
        kinds(&written),
        ["opened", "outcome", "outcome", "outcome", "gap", "ordered"]
    );
    assert_eq!(written[4]["missing"], 4);
    assert_eq!(rig.audit.status().missing, 4);
    rig.close();
}

#[test]
fn lines_that_found_no_room_at_the_very_end_are_said() {
    let disk = Disk::default();
    let rig = Rig::on(&disk, 1);
    rig.is_settled();
    disk.set(|state| state.hangs = true);
    let now = rig.clock.now();
    rig.audit.outcome(&rig.source, &done(1), now);
    wait_until("the disk hangs", || disk.is_waited_for());
    for id in 2..=4 {
        rig.audit.outcome(&rig.source, &done(id), now);
    }
    disk.set(|state| state.hangs = false);
    rig.close();
    let written = disk.lines();
    assert_eq!(
        kinds(&written),
        ["opened", "outcome", "outcome", "gap", "closed"]
    );
    assert_eq!(written[3]["missing"], 2);
}

#[test]
fn what_calms_does_not_overtake_what_it_is_to_calm() {
    let disk = Disk::default();
    let mut rig = Rig::on(&disk, BOUND);
    rig.is_settled();
    disk.set(|state| state.hangs = true);
    rig.order(1, step()).unwrap();
    wait_until("the disk hangs", || disk.is_waited_for());
    rig.order(2, laser_off()).unwrap();
    assert!(rig.taken.try_recv().is_err());
    disk.set(|state| state.hangs = false);
    assert_eq!([rig.next_taken(), rig.next_taken()], [1, 2]);
    rig.close();
}

#[test]
fn an_order_that_waited_too_long_is_never_sent() {
    let disk = Disk::default();
    let mut rig = Rig::on(&disk, BOUND);
    rig.is_settled();
    disk.set(|state| state.hangs = true);
    rig.order(1, step()).unwrap();
    wait_until("the disk hangs", || disk.is_waited_for());
    rig.clock.advance(Duration::from_millis(1_999));
    assert!(rig.audit.overdue().is_empty() && rig.audit.status().writable);
    rig.order(2, step()).unwrap();
    rig.clock.advance(Duration::from_millis(1));
    let status = rig.audit.status();
    assert_eq!(
        (status.writable, &*status.why.unwrap()),
        (false, "audit log x: no answer for 2 s")
    );
    let late: Vec<_> = rig.audit.overdue().into_iter().map(said).collect();
    let sentence = "audit log x took more than 2 s to be written; it was not sent, give it again";
    assert_eq!(late, [(1, sentence.to_owned())]);
    // Nothing that could still be sent waits any more once the other one is late as well.
    rig.clock.advance(Duration::from_secs(2));
    rig.order(3, laser_off()).unwrap();
    assert_eq!(rig.next_taken(), 3);
    disk.set(|state| state.hangs = false);
    // Nobody had taken this one back.
    assert_eq!(rig.next_refused(), (2, sentence.to_owned()));
    rig.order(4, step()).unwrap();
    assert_eq!(rig.next_taken(), 4);
    assert!(rig.refused.try_recv().is_err());
    rig.close();
}

#[test]
fn a_source_that_takes_no_more_refuses_what_was_written() {
    let disk = Disk::default();
    let mut rig = Rig::on(&disk, BOUND);
    for id in 1..=3 {
        rig.order(id, step()).unwrap();
    }
    let (id, why) = rig.next_refused();
    assert_eq!(id, 3);
    assert!(why.contains("scope has as many commands waiting"), "{why}");
    let (id, why) = said(rig.order(4, laser_off()).unwrap_err());
    assert_eq!(id, 4);
    assert!(why.contains("as many commands waiting"), "{why}");
    rig.taken.close();
    rig.order(5, step()).unwrap();
    let (id, why) = rig.next_refused();
    assert_eq!(id, 5);
    assert!(why.contains("scope takes no commands any more"), "{why}");
    rig.close();
}

#[test]
fn refusals_that_nobody_takes_hold_nothing_up() {
    let disk = Disk::default();
    disk.set(|state| state.fails = true);
    let mut rig = Rig::on(&disk, BOUND);
    for id in 0..ORDERS as u64 {
        rig.order(id, step()).unwrap();
    }
    let (id, why) = said(rig.order(99, step()).unwrap_err());
    assert_eq!(id, 99);
    assert!(why.contains("64 commands wait"), "{why}");
    rig.is_settled();
    let Rig { audit, refused, .. } = &mut rig;
    wait_until("all are refused", || refused.len() == ORDERS);
    assert_eq!(audit.status().missing, ORDERS as u64);
    rig.close();
}

#[test]
fn a_disk_that_never_answers_does_not_hold_the_end() {
    let disk = Disk::default();
    disk.set(|state| state.hangs = true);
    let rig = Rig::on(&disk, BOUND);
    wait_until("the disk hangs", || disk.is_waited_for());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert!(!runtime.block_on(rig.audit.close(Duration::from_millis(1))));
    disk.set(|state| state.hangs = false);
}
