//! `verify` finds whatever is wrong with a file, and `recover` keeps whatever can be read of it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mcap::records::MessageHeader;
use serde_json::Value;
use ttyscope::recording::{self, Entry, RecordedMessage, RecordingReader, Recovery, Verdict};

const SAMPLES: [&str; 2] = ["recordings/microscope.mcap", "recordings/market.mcap"];
/// Places that are cut and bytes that are flipped, all of them where a seed says.
const PLACES: usize = 1_000;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn verify(path: &Path) -> Verdict {
    recording::verify(path, &mut |_, _| {}).unwrap()
}

/// What is left of a file, as another file.
fn recover(path: &Path, dir: &Path) -> (PathBuf, Recovery) {
    let to = dir.join("recovered.mcap");
    let file = std::fs::File::create(&to).unwrap();
    let recovery = recording::recover(path, file, &mut |_, _| {}).unwrap();
    (to, recovery)
}

fn messages(path: &Path) -> Vec<RecordedMessage> {
    let entries = RecordingReader::open(path).unwrap();
    entries
        .filter_map(|entry| match entry {
            Entry::Message(message) => Some(message),
            _ => None,
        })
        .collect()
}

/// What of a message has to be the same in a recovered file: all but the number of its channel.
fn parts(message: &RecordedMessage) -> (String, String, u32, u64, u64, bytes::Bytes) {
    (
        message.channel.topic.clone(),
        message.channel.schema.clone(),
        message.sequence,
        message.log_time_ns,
        message.publish_time_ns,
        message.data.clone(),
    )
}

#[test]
fn a_file_that_nothing_happened_to_is_whole_and_stays_whole() {
    let dir = tempfile::tempdir().unwrap();
    for name in SAMPLES {
        let path = sample(name);
        let verdict = verify(&path);
        assert!(verdict.whole, "{name}: {:?}", verdict.findings);
        let (to, recovery) = recover(&path, dir.path());
        assert!(recovery.lost_nothing(), "{name}: {recovery:?}");
        let again = verify(&to);
        assert!(again.whole, "{name}: {:?}", again.findings);
        let (old, new) = (messages(&path), messages(&to));
        assert_eq!(old.len(), new.len());
        for (old, new) in old.iter().zip(&new) {
            assert_eq!(parts(old), parts(new));
            assert_eq!(old.channel.definition, new.channel.definition);
            assert_eq!(old.channel.metadata, new.channel.metadata);
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_never_whole_and_keeps_its_finished_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.mcap");
    let good = std::fs::read(sample(SAMPLES[0])).unwrap();
    let chunks = chunks(&good);
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..PLACES {
        let len = random.usize(8..good.len());
        std::fs::write(&path, &good[..len]).unwrap();
        let verdict = verify(&path);
        assert!(!verdict.whole, "cut at {len}");
        let (to, recovery) = recover(&path, dir.path());
        assert!(!recovery.lost_nothing(), "cut at {len}");
        let whole = chunks.iter().filter(|chunk| chunk.end <= len);
        let kept: u64 = whole.map(|chunk| chunk.messages).sum();
        assert_eq!(recovery.messages, kept, "cut at {len}");
        let again = verify(&to);
        assert_eq!(again.summary.messages, kept, "cut at {len}");
        assert!(again.summary.finished && !again.whole, "cut at {len}");
    }
}

#[test]
fn a_flipped_byte_is_always_found_and_costs_at_most_its_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flipped.mcap");
    let good = std::fs::read(sample(SAMPLES[0])).unwrap();
    let chunks = chunks(&good);
    let all: u64 = chunks.iter().map(|chunk| chunk.messages).sum();
    let mut random = fastrand::Rng::with_seed(6);
    for _ in 0..PLACES {
        let at = random.usize(0..good.len());
        let mut bytes = good.clone();
        bytes[at] ^= random.u8(1..=255);
        std::fs::write(&path, &bytes).unwrap();
        let Ok(verdict) = recording::verify(&path, &mut |_, _| {}) else {
            assert!(at < 8, "byte {at}");
            continue;
        };
        assert!(!verdict.whole, "byte {at}");
        let (to, recovery) = recover(&path, dir.path());
        let hit = chunks
            .iter()
            .find(|chunk| (chunk.start..chunk.end).contains(&at));
        let most = hit.map_or(0, |chunk| chunk.messages);
        assert!(recovery.messages + most >= all, "byte {at}: {recovery:?}");
        let again = verify(&to);
        assert_eq!(again.summary.messages, recovery.messages, "byte {at}");
        assert!(again.summary.finished, "byte {at}");
        // An index that was wrong is made anew: nothing else of the file is lost then.
        assert!(recovery.messages == all || !again.whole, "byte {at}");
    }
}

struct Chunk {
    start: usize,
    end: usize,
    messages: u64,
}

/// The chunks of a finished file, by its own index.
fn chunks(file: &[u8]) -> Vec<Chunk> {
    let summary = mcap::Summary::read(file).unwrap().unwrap();
    let mut chunks: Vec<Chunk> = summary
        .chunk_indexes
        .iter()
        .map(|index| {
            let stream = summary.stream_chunk(file, index).unwrap();
            let start = index.chunk_start_offset as usize;
            Chunk {
                start,
                end: start + index.chunk_length as usize,
                messages: stream.count() as u64,
            }
        })
        .collect();
    chunks.sort_by_key(|chunk| chunk.start);
    chunks
}

/// A file of another program: messages outside of chunks, an encoding that is not known here, a
/// channel without a schema, an attachment.
fn foreign() -> Vec<u8> {
    let options = mcap::WriteOptions::new().use_chunks(false);
    let mut writer = options.create(std::io::Cursor::new(Vec::new())).unwrap();
    let about = BTreeMap::from([("unit".to_owned(), "um".to_owned())]);
    let schema = writer
        .add_schema("Depth", "flatbuffer", b"\x01\x02")
        .unwrap();
    let ids = [
        writer
            .add_channel(schema, "/depth", "cbor", &about)
            .unwrap(),
        writer
            .add_channel(0, "/free", "", &BTreeMap::new())
            .unwrap(),
    ];
    for sequence in 0..20 {
        let header = MessageHeader {
            channel_id: ids[sequence as usize % 2],
            sequence,
            log_time: 1_000 + u64::from(sequence),
            publish_time: 7,
        };
        writer
            .write_to_known_channel(&header, &[sequence as u8; 9])
            .unwrap();
    }
    let attachment = mcap::Attachment {
        log_time: 1,
        create_time: 2,
        name: "protocol.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        data: b"what was done".to_vec().into(),
    };
    writer.attach(&attachment).unwrap();
    writer.finish().unwrap();
    writer.into_inner().into_inner()
}

#[test]
fn what_is_not_known_here_is_kept_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("foreign.mcap");
    std::fs::write(&path, foreign()).unwrap();
    assert!(verify(&path).whole, "{:?}", verify(&path).findings);
    let (to, recovery) = recover(&path, dir.path());
    assert!(recovery.lost_nothing());
    assert_eq!(
        (recovery.messages, recovery.channels, recovery.records),
        (20, 2, 1)
    );
    let file = std::fs::read(&to).unwrap();
    let (old, new) = (messages(&path), messages(&to));
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(parts(old), parts(new));
        assert_eq!(old.channel.encoding, new.channel.encoding);
        assert_eq!(old.channel.definition, new.channel.definition);
    }
    let summary = mcap::Summary::read(&file).unwrap().unwrap();
    let index = &summary.attachment_indexes[0];
    let attachment = mcap::read::attachment(&file, index).unwrap();
    assert_eq!(&*attachment.data, b"what was done");
}

#[test]
fn the_verdict_names_the_place_the_time_and_the_cause() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.mcap");
    let mut bytes = std::fs::read(sample(SAMPLES[0])).unwrap();
    let chunks = chunks(&bytes);
    let middle = &chunks[chunks.len() / 2];
    bytes[middle.end - 1] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let verdict = verify(&path);
    let damage = verdict
        .findings
        .iter()
        .find(|finding| finding.at_byte == Some(middle.start as u64))
        .unwrap_or_else(|| panic!("{:?}", verdict.findings));
    assert!(
        damage
            .what
            .starts_with("a chunk whose checksum does not match; "),
        "{damage:?}"
    );
    let (from, to) = (damage.from_unix_ns.unwrap(), damage.to_unix_ns.unwrap());
    let inside = messages(&sample(SAMPLES[0]));
    let missing = inside
        .iter()
        .filter(|message| from < message.log_time_ns && message.log_time_ns < to);
    assert!(missing.count() as u64 >= middle.messages.min(1));
    let holes = verdict
        .findings
        .iter()
        .filter(|finding| finding.what.ends_with("messages are not in the file"));
    assert!(holes.count() > 0, "{:?}", verdict.findings);
}

// The verbs.

fn ttyscope(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ttyscope"));
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_verbs_say_it_in_words_in_json_and_by_their_exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    let good = sample(SAMPLES[0]);
    let output = ttyscope(&["verify", good.to_str().unwrap()]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.ends_with("\nwhole\n"), "{said}");
    // Without a terminal there is no bar.
    assert_eq!(text(&output.stderr), "");

    let cut = dir.path().join("run.partial.mcap");
    let bytes = std::fs::read(&good).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let cut = cut.to_str().unwrap();
    let output = ttyscope(&["verify", cut]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("not finished; ") && said.ends_with("NOT WHOLE\n"),
        "{said}"
    );

    for name in ["run.recovered.mcap", "run.recovered-2.mcap"] {
        let output = ttyscope(&["recover", cut, "--json"]);
        assert_eq!(output.status.code(), Some(3));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let to = said["to"].as_str().unwrap();
        assert!(to.ends_with(name), "{said}");
        assert_eq!(said["messages"], verify(Path::new(to)).summary.messages);
        assert_eq!(said["from"], "run.partial.mcap");
    }
    let whole = dir.path().join("copy.mcap");
    let arguments = [
        "recover",
        good.to_str().unwrap(),
        "--out",
        whole.to_str().unwrap(),
    ];
    let output = ttyscope(&arguments);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).ends_with("lost         nothing\n"));
    let output = ttyscope(&arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("is not written over"),
        "{output:?}"
    );
    let names: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".partial."))
        .collect();
    assert_eq!(names, ["run.partial.mcap"], "nothing is left lying about");
}

#[test]
fn what_is_no_recording_is_refused_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 4] = [
        ("empty.mcap", b"", "the file is empty"),
        ("text.mcap", b"time,value\n1,2\n", "not an MCAP file"),
        ("short.mcap", b"\x89MC", "not an MCAP file"),
        ("newer.mcap", b"\x89MCAP7\r\n", "an MCAP file of version 7"),
    ];
    for (name, bytes, words) in cases {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        for verb in ["verify", "recover", "inspect"] {
            let output = ttyscope(&[verb, path.to_str().unwrap()]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{verb} {name}: {said}");
            assert!(
                said.contains(words) && said.contains(name),
                "{verb} {name}: {said}"
            );
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), cases.len());
    for path in [dir.path().to_str().unwrap(), "missing.mcap"] {
        let output = ttyscope(&["verify", path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(path));
    }
}
