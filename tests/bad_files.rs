//! What each verb that reads recordings says of a bad one: a sentence, an exit code, and everything
//! that could be read. Nothing panics, nothing waits, nothing is written anywhere else.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use mcap::records::{MessageHeader, Metadata};
use support::headless::command;
use ttyscope::model::{
    Frame, FrameEncoding, Origin, Payload, PlainText, Reading, Sample, SourceId, SourceInfo, Stamp,
};
use ttyscope::recorder::{Disk, Storage as _};
use ttyscope::recording::{self, RecordingWriter, Session};

/// Verbs that read a recording: what they are called here, what is written in front of its name and
/// what behind it.
const VERBS: [(&str, &[&str], &[&str]); 12] = [
    ("replay", &["replay"], &["--headless", "--speed", "max"]),
    ("inspect", &["inspect"], &[]),
    ("verify", &["verify"], &[]),
    ("recover", &["recover", "--out", "new/out.mcap"], &[]),
    ("stats", &["stats", "--for", "50s"], &[]),
    ("book", &["book", "--for", "50s"], &[]),
    ("snap", &["snap", "--out", "new/", "--format", "png"], &[]),
    ("csv", &["export", "--to", "csv", "--out", "new/a"], &[]),
    ("jsonl", &["export", "--to", "jsonl", "--out", "new/a"], &[]),
    ("png", &["export", "--to", "png", "--out", "new/a"], &[]),
    (
        "ome-tiff",
        &["export", "--to", "ome-tiff", "--out", "new/a"],
        &[],
    ),
    (
        "report",
        &["export", "--to", "report", "--out", "new/a"],
        &[],
    ),
];
/// Memory that a verb may ask the system for, in kB: far less than the largest file here has.
const MEMORY_KB: u64 = 1_500_000;
const HUGE_BYTES: u64 = 50 * 1024 * 1024 * 1024;
const HOUR_NS: u64 = 3_600_000_000_000;
const EPOCH_NS: u64 = 1_795_183_402_000_000_000;

fn sample() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/microscope.mcap")).unwrap()
}

/// A verb on a file, with bounded memory.
fn verb(verb: &str, path: &str, dir: &Path) -> Command {
    let (_, before, behind) = VERBS.iter().find(|(name, ..)| *name == verb).unwrap();
    let mut args = before.to_vec();
    args.push(path);
    args.extend(*behind);
    let bare = command(&args, dir);
    let mut bounded = Command::new("sh");
    bounded
        .arg("-c")
        .arg(format!("ulimit -v {MEMORY_KB}; exec \"$0\" \"$@\""))
        .arg(bare.get_program())
        .args(bare.get_args())
        .current_dir(dir);
    for (name, value) in bare.get_envs() {
        match value {
            Some(value) => bounded.env(name, value),
            None => bounded.env_remove(name),
        };
    }
    bounded
}

/// How it ended, and what it said of that: standard error, and the end of standard output.
fn outcome(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1 | 3)), "{output:?}");
    // How much was shown of what was played, and how old it was then, is a matter of time.
    let last = out.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.filter(|line| !line.contains("stage/"));
    let said = err.lines().filter(|line| !is_account(line)).chain(last);
    let lines: String = said.map(|line| format!("\n    {}", line.trim())).collect();
    format!("{}{lines}", code.unwrap())
}

/// Whether that is what became of each item, or how many pictures there were.
fn is_account(line: &str) -> bool {
    line.contains(": received ") || line.ends_with(" frames")
}

/// A file that is wrong in one way.
struct Bad {
    name: &'static str,
    make: fn(&Path),
}

const BAD: [Bad; 15] = [
    Bad {
        name: "missing",
        make: |_| {},
    },
    Bad {
        name: "a folder",
        make: |path| fs::create_dir(path).unwrap(),
    },
    Bad {
        name: "a pipe",
        make: |path| {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
        },
    },
    Bad {
        name: "empty",
        make: |path| fs::write(path, b"").unwrap(),
    },
    Bad {
        name: "another kind of file",
        make: |path| fs::write(path, b"time,value\n1,2\n").unwrap(),
    },
    Bad {
        name: "half of the first bytes",
        make: |path| fs::write(path, &sample()[..4]).unwrap(),
    },
    Bad {
        name: "nothing but the first bytes",
        make: |path| fs::write(path, &sample()[..8]).unwrap(),
    },
    Bad {
        name: "a newer version",
        make: |path| {
            let mut bytes = sample();
            bytes[5] = b'1';
            fs::write(path, bytes).unwrap();
        },
    },
    Bad {
        name: "cut",
        make: |path| fs::write(path, &sample()[..sample().len() / 2]).unwrap(),
    },
    Bad {
        name: "a flipped byte",
        make: |path| {
            let mut bytes = sample();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            fs::write(path, bytes).unwrap();
        },
    },
    Bad {
        name: "50 GiB of nothing behind half a recording",
        make: |path| {
            fs::write(path, &sample()[..sample().len() / 2]).unwrap();
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(HUGE_BYTES).unwrap();
        },
    },
    Bad {
        name: "a chunk of 49 GiB",
        make: |path| {
            let mut file = File::create(path).unwrap();
            file.write_all(&sample()[..8]).unwrap();
            file.write_all(&[0x06]).unwrap();
            file.write_all(&(HUGE_BYTES - 17 - 21).to_le_bytes())
                .unwrap();
            file.set_len(HUGE_BYTES - 21).unwrap();
            // Something that can stand behind it.
            let mut end = File::options().append(true).open(path).unwrap();
            end.write_all(&[0x0f, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
                .unwrap();
            end.write_all(&sample()[..8]).unwrap();
        },
    },
    Bad {
        name: "channels and encodings that are not known",
        make: foreign,
    },
    Bad {
        name: "a clock that went back an hour",
        make: backwards,
    },
    Bad {
        name: "names that would leave the folder",
        make: |path| write(path, "../../out/x", "../../../etc/y", |n| n * 1_000_000),
    },
];

/// A recording of ours, with a channel of somebody else's in it, one of ours in an encoding that
/// is not, and one that claims to be ours and is rubbish.
fn foreign(path: &Path) {
    let options = mcap::WriteOptions::new().compression(None);
    let mut writer = options.create(File::create(path).unwrap()).unwrap();
    let session = Session::new(&sources("scope"), EPOCH_NS);
    let session = Metadata {
        name: recording::SESSION.to_owned(),
        metadata: session.to_map(),
    };
    writer.write_metadata(&session).unwrap();
    let of_scope = BTreeMap::from([
        ("source".to_owned(), "scope".to_owned()),
        ("source_index".to_owned(), "0".to_owned()),
    ]);
    let channels = [
        ("ros.Depth", "ros2msg", "cdr", "/depth"),
        ("ttyscope.Readings", "jsonschema", "cbor", "/scope/readings"),
        ("ttyscope.Link", "jsonschema", "json", "/scope/link"),
        ("foxglove.RawImage", "protobuf", "protobuf", "/scope/image"),
    ];
    for (schema, encoding, message_encoding, topic) in channels {
        let schema = writer.add_schema(schema, encoding, b"{}").unwrap();
        let channel_id = writer
            .add_channel(schema, topic, message_encoding, &of_scope)
            .unwrap();
        for sequence in 0..5 {
            let header = MessageHeader {
                channel_id,
                sequence,
                log_time: EPOCH_NS + u64::from(sequence),
                publish_time: EPOCH_NS,
            };
            writer
                .write_to_known_channel(&header, b"\xff\x00{\"no")
                .unwrap();
        }
    }
    writer.finish().unwrap();
}

/// Times go on for a second, then come again from an hour before.
fn backwards(path: &Path) {
    write(path, "scope", "camera", |n| match n {
        0..10 => HOUR_NS + n * 100_000_000,
        _ => n * 100_000_000,
    });
}

fn sources(name: &str) -> [SourceInfo; 1] {
    [SourceInfo {
        id: SourceId(0),
        name: PlainText::from(name),
        address: PlainText::from("imswitch://scope.example:8001"),
        origin: Origin::Live,
        caution: None,
    }]
}

/// A recording of pictures and readings, each at its time after [`EPOCH_NS`].
fn write(path: &Path, source: &str, camera: &str, at_ns: impl Fn(u64) -> u64) {
    let session = Session::new(&sources(source), EPOCH_NS);
    let mut writer = RecordingWriter::new(File::create(path).unwrap(), &session).unwrap();
    for n in 0..20 {
        let payloads = [
            Payload::Readings(vec![Reading::new("stage/X", n as f64, "um")]),
            Payload::Frame(Frame {
                detector: PlainText::from(camera),
                number: Some(n),
                width_px: Some(4),
                height_px: Some(2),
                encoding: FrameEncoding::Mono8,
                body: Bytes::from(vec![n as u8; 8]),
                pixel_size_um: None,
                subsampling: 1,
                bit_depth: None,
                device_ns: None,
                lost_before: 0,
            }),
        ];
        for payload in payloads {
            let received = Stamp {
                mono_ns: n,
                unix_ns: EPOCH_NS + at_ns(n),
            };
            let sample = Sample {
                source: SourceId(0),
                received,
                payload,
            };
            writer.stage(&sample, None);
            writer.commit().unwrap();
        }
    }
    let account = recording::Account {
        ended_unix_ns: EPOCH_NS + 2 * HOUR_NS,
        reason: "stopped as asked".to_owned(),
        goes_on: false,
        sources: vec![recording::SourceAccount {
            name: source.to_owned(),
            accepted: 40,
            written: 40,
            lost: BTreeMap::new(),
        }],
    };
    writer.finish(&account).unwrap();
}

/// Everything below a folder, without what the program keeps for itself.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() && !path.ends_with("state") {
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn each_verb_says_what_is_wrong_with_a_file() {
    let mut table = String::new();
    for bad in BAD {
        table.push_str(&format!("{}\n", bad.name));
        for (name, ..) in VERBS {
            // Deep, so that what leaves its folder is still found.
            let root = tempfile::tempdir().unwrap();
            let dir = root.path().join("a/b/c/d");
            fs::create_dir_all(dir.join("new")).unwrap();
            let path = dir.join("bad.mcap");
            (bad.make)(&path);
            let output = verb(name, "bad.mcap", &dir).output().unwrap();
            table.push_str(&format!("  {name:8} {}\n", outcome(&output)));
            for file in files_below(root.path()) {
                let is_ours = file == path
                    || file.starts_with(dir.join("new"))
                    || file.starts_with(dir.join("state"));
                assert!(is_ours, "{} {name} wrote {}", bad.name, file.display());
                let partial = file.to_string_lossy().contains(".partial.");
                assert!(!partial, "{} {name} left {}", bad.name, file.display());
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_file_cut_or_changed_anywhere_is_read_as_far_as_it_can_be() {
    let whole = sample();
    let mut random = fastrand::Rng::with_seed(3);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    for n in 0..8 {
        let mut bytes = whole.clone();
        match n % 2 {
            0 => bytes.truncate(random.usize(9..whole.len())),
            _ => bytes[random.usize(8..whole.len())] ^= random.u8(1..),
        }
        fs::write(dir.join("bad.mcap"), &bytes).unwrap();
        for (name, ..) in VERBS {
            let _ = fs::remove_dir_all(dir.join("new"));
            fs::create_dir(dir.join("new")).unwrap();
            let output = verb(name, "bad.mcap", dir).output().unwrap();
            let said = outcome(&output);
            // A file of which a picture can be saved may be damaged elsewhere.
            if matches!(name, "replay" | "inspect" | "verify") {
                assert!(!said.starts_with('0'), "{n}: {name} {said}");
            }
        }
    }
}

/// Files that root may read all the same are read by somebody else here.
fn as_nobody(mut command: Command) -> Option<Output> {
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    match command.output() {
        Ok(output) if output.status.code() != Some(126) => Some(output),
        _ => {
            eprintln!("skipped: another user cannot run the program where it was built");
            None
        }
    }
}

#[test]
fn what_may_not_be_read_or_written_is_said_with_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(dir, 0o777);
    for sub in ["new", "full"] {
        fs::create_dir(dir.join(sub)).unwrap();
    }
    fs::write(dir.join("secret.mcap"), sample()).unwrap();
    mode(&dir.join("secret.mcap"), 0o000);
    for (name, ..) in VERBS {
        let Some(output) = as_nobody(verb(name, "secret.mcap", dir)) else {
            return;
        };
        let said = outcome(&output);
        let words = "Permission denied (os error 13); recordings may be read by who made them";
        assert!(
            said.starts_with('1') && said.contains(words),
            "{name} {said}"
        );
    }
    fs::write(dir.join("bad.mcap"), &sample()[..200_000]).unwrap();
    mode(&dir.join("new"), 0o555);
    for name in ["recover", "snap"] {
        let output = as_nobody(verb(name, "bad.mcap", dir)).unwrap();
        let said = outcome(&output);
        assert!(
            said.starts_with('1') && said.contains("new/"),
            "{name} {said}"
        );
        assert!(said.contains("Permission denied"), "{name} {said}");
    }
}

#[test]
fn a_disk_that_fills_up_under_a_recovery_costs_nothing() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    let cut = &sample()[..250_000];
    fs::write(dir.join("bad.partial.mcap"), cut).unwrap();
    let recover = command(&["recover", "bad.partial.mcap"], dir);
    // A limit on the size of files, without the signal that goes with it: the write fails.
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"")
        .arg(recover.get_program())
        .args(recover.get_args())
        .current_dir(dir)
        .output()
        .unwrap();
    assert_eq!(
        outcome(&output),
        "1\n    ttyscope: bad.recovered.mcap cannot be written: File too large (os error 27); make \
         room, or name another place, --out FILE; bad.partial.mcap is as it was"
    );
    assert_eq!(files_below(dir), [dir.join("bad.partial.mcap")]);
    assert_eq!(fs::read(dir.join("bad.partial.mcap")).unwrap(), cut);
}

#[test]
fn a_file_that_is_being_written_is_read_and_not_recovered() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    let mut living = Disk.create(&dir.join("live.partial.mcap")).unwrap();
    living.write_all(&sample()[..250_000]).unwrap();
    living.flush().unwrap();
    let said = |args: &[&str]| outcome(&command(args, dir).output().unwrap());
    for verb in ["inspect", "verify"] {
        let words = said(&[verb, "live.partial.mcap"]);
        assert!(words.starts_with('3'), "{words}");
        assert!(words.ends_with("its end is not there yet"), "{words}");
        let json = said(&[verb, "live.partial.mcap", "--json"]);
        assert!(json.contains(r#"{"being_written":true,"#), "{json}");
    }
    assert_eq!(
        said(&["recover", "live.partial.mcap"]),
        "1\n    ttyscope: live.partial.mcap is being written by a recorder that runs: there is \
         nothing to recover; end that recording, or copy the file and recover the copy"
    );
    assert_eq!(files_below(dir), [dir.join("live.partial.mcap")]);
    drop(living);
    assert!(said(&["recover", "live.partial.mcap"]).starts_with('3'));
}
