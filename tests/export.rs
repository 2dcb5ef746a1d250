//! What is exported is what was recorded: every message in one place, every value as it was, and
//! whatever is not there is said.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mcap::records::MessageHeader;
use support::headless::Headless;
use support::pty::PATIENCE;
use ttyscope::export::{ExportError, ExportPlan, Exported, Format, Pattern, export};
use ttyscope::model::{
    DropReason, LaneKind, LogLine, Loss, Message, Origin, Payload, PlainText, Reading, Sample,
    Severity, SourceId, SourceInfo, Stamp, Value,
};
use ttyscope::recording::{
    Account, Entry, RecordedMessage, RecordingReader, RecordingWriter, Session,
};

const START_NS: u64 = 1_795_183_402_123_456_789;
const SAMPLES: [&str; 2] = ["recordings/microscope.mcap", "recordings/market.mcap"];

/// The formats that are about here.
fn tables() -> Vec<Format> {
    let all = Format::ALL.iter().copied();
    all.filter(|format| !format.is_of_pictures()).collect()
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A recording of ours: one payload each millisecond, of the source with that number.
fn record(path: &Path, payloads: Vec<(u16, Payload)>) {
    record_part(path, ("", 1, false), payloads);
}

/// A file of a recording: whose, which part, and whether another one follows.
fn record_part(path: &Path, (id, part, goes_on): (&str, u32, bool), payloads: Vec<(u16, Payload)>) {
    let sources: Vec<SourceInfo> = ["scope", "other"]
        .into_iter()
        .zip(0..)
        .map(|(name, id)| SourceInfo {
            id: SourceId(id),
            name: PlainText::from(name),
            address: PlainText::from(format!("imswitch://{name}.example:8001")),
            origin: Origin::Live,
            caution: None,
        })
        .collect();
    let session = Session::new(&sources, START_NS).as_part(id, part);
    let mut writer = RecordingWriter::new(std::fs::File::create(path).unwrap(), &session).unwrap();
    for ((source, payload), ms) in payloads.into_iter().zip(1..) {
        let sample = Sample {
            source: SourceId(source),
            received: Stamp {
                mono_ns: ms * 1_000_000,
                unix_ns: START_NS + ms * 1_000_000,
            },
            payload,
        };
        writer.stage(&sample, None);
        writer.commit().unwrap();
    }
    let own = Loss {
        lane: LaneKind::Frames,
        reason: DropReason::ALL[0],
        count: 7,
    };
    writer.stage_own_loss(SourceId(1), &own, START_NS + 1_000_000_000);
    writer.commit().unwrap();
    let account = Account {
        goes_on,
        ..Account::default()
    };
    writer.finish(&account).unwrap();
}

fn readings(values: &[(&str, Value)]) -> Payload {
    Payload::Readings(
        values
            .iter()
            .map(|(name, value)| Reading {
                name: PlainText::from(*name),
                value: value.clone(),
                unit: "um",
            })
            .collect(),
    )
}

fn event(name: &str, json: &'static str) -> Payload {
    Payload::Message(Message {
        name: PlainText::from(name),
        json: json.into(),
        attachments: Vec::new(),
    })
}

/// A file of another program: messages by topic, schema and encoding, with their bytes.
fn foreign(path: &Path, messages: &[(&str, &str, &str, &[u8])]) {
    let mut writer = mcap::Writer::new(std::fs::File::create(path).unwrap()).unwrap();
    for ((topic, schema, encoding, data), n) in messages.iter().zip(1..) {
        let schema = match *schema {
            "" => 0,
            name => writer.add_schema(name, "jsonschema", b"{}").unwrap(),
        };
        let channel = writer
            .add_channel(schema, topic, encoding, &BTreeMap::new())
            .unwrap();
        let header = MessageHeader {
            channel_id: channel,
            sequence: n,
            log_time: START_NS + u64::from(n),
            publish_time: START_NS,
        };
        writer.write_to_known_channel(&header, data).unwrap();
    }
    writer.finish().unwrap();
}

fn plan(files: &[&Path], out: &Path) -> ExportPlan {
    ExportPlan {
        files: files.iter().map(|file| file.to_path_buf()).collect(),
        out: out.to_owned(),
        ..ExportPlan::default()
    }
}

fn exported(plan: &ExportPlan, format: Format) -> Exported {
    export(plan, format, &mut |_, _| {}).unwrap()
}

fn text(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
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

/// The lines of a file, by the names of its first one. Reads what RFC 4180 allows.
fn csv(dir: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = vec![vec![String::new()]];
    let mut is_quoted = false;
    let text = text(dir, name);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let line = lines.last_mut().unwrap();
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                line.last_mut().unwrap().push(chars.next().unwrap());
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => line.push(String::new()),
            '\n' if !is_quoted => lines.push(vec![String::new()]),
            other => line.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(lines.pop(), Some(vec![String::new()]), "{name} ends a line");
    let names = lines.remove(0);
    let rows = lines.into_iter().map(|line| {
        assert_eq!(line.len(), names.len(), "{name}: {line:?}");
        names.iter().cloned().zip(line).collect()
    });
    rows.collect()
}

#[test]
fn values_stand_in_a_table_as_they_were_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.mcap");
    let values = [
        ("stage.x", Value::Float(0.1)),
        ("stage.y", Value::Float(-1e-7)),
        ("nan", Value::Float(f64::NAN)),
        ("low", Value::Float(f64::NEG_INFINITY)),
        ("count", Value::Int((1 << 53) + 1)),
        ("least", Value::Int(i64::MIN)),
        ("on", Value::Bool(true)),
        ("=1+1", Value::Text("=cmd|' /C calc'!A0".into())),
        ("a,b", Value::Text("-5".into())),
        ("quote", Value::Text("say \"x\"".into())),
        ("apostrophe", Value::Text("'x".into())),
    ];
    record(&file, vec![(0, readings(&values))]);
    let out = dir.path().join("out");
    exported(&plan(&[&file], &out), Format::Csv);
    let begins = "2026-11-20T14:03:22.124456789Z,1795183402124456789,1795183402124456789,scope,\
                  /scope/readings,1";
    let lines = [
        "stage.x,float,0.1,0.1,um,",
        "stage.y,float,-1e-7,-1e-7,um,",
        "nan,float,NaN,NaN,um,",
        "low,float,-inf,-inf,um,",
        "count,int,9007199254740992.0,9007199254740993,um,",
        "least,int,-9.223372036854776e18,-9223372036854775808,um,",
        "on,bool,1.0,true,um,",
        "'=1+1,text,,'=cmd|' /C calc'!A0,um,",
        "\"a,b\",text,,-5,um,",
        "quote,text,,\"say \"\"x\"\"\",um,",
        "apostrophe,text,,''x,um,",
    ];
    let mut wanted = "time,time_ns,published_ns,source,topic,sequence,name,type,value,text,unit,\
                      since_ns\n"
        .to_owned();
    for line in lines {
        wanted.push_str(&format!("{begins},{line}\n"));
    }
    assert_eq!(text(&out, "scope.readings.csv"), wanted);
}

#[test]
fn json_is_handed_on_digit_by_digit_on_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.mcap");
    let exact = "[-12345678901234567890.10,1.50,{\"a\":1E40}]";
    let long = "{\n  \"a\": [1,\r\n 2.0]\n}";
    let log = LogLine {
        severity: Severity::Warning,
        origin: "stage".into(),
        text: "limit".into(),
    };
    let payloads = vec![
        (0, event("x", exact)),
        (0, event("x", long)),
        (1, Payload::Log(log)),
    ];
    record(&file, payloads);
    let out = dir.path().join("out");
    exported(&plan(&[&file], &out), Format::JsonLines);
    let lines = text(&out, "a.jsonl");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0].contains(&format!("\"args\":{exact}")),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("{   \"a\": [1,   2.0] }"), "{}", lines[1]);
    for (line, message) in lines.iter().zip(messages(&file)) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["topic"], message.channel.topic);
        assert_eq!(line["log_time_ns"], message.log_time_ns);
        assert_eq!(line["sequence"], message.sequence);
    }
    assert!(lines[2].contains(
        "\"data\":{\"level\":\"warning\",\"name\":\"stage\",\"message\":\"limit\",\"file\":\"\",\"line\":0}"
    ));
    let out = dir.path().join("csv");
    exported(&plan(&[&file], &out), Format::Csv);
    let rows = csv(&out, "scope.message.x.csv");
    assert_eq!(rows[0]["args"], exact);
    assert_eq!(csv(&out, "other.log.csv")[0]["message"], "limit");
    assert_eq!(csv(&out, "ttyscope.loss.csv")[0]["source"], "other");
}

#[test]
fn every_message_of_the_samples_is_in_one_place_or_said_to_be_in_none() {
    for name in SAMPLES {
        let dir = tempfile::tempdir().unwrap();
        let recorded = messages(&sample(name));
        let pictures = recorded
            .iter()
            .filter(|message| message.channel.schema.ends_with("Image"))
            .count() as u64;
        for format in tables() {
            let out = dir.path().join(format.name());
            let result = exported(&plan(&[&sample(name)], &out), format);
            assert!(result.is_whole(), "{result:?}");
            assert_eq!(result.messages, recorded.len() as u64);
            assert_eq!(result.skipped.values().sum::<u64>(), pictures, "{result:?}");
            let listed: BTreeSet<String> = result
                .files
                .iter()
                .map(|file| file.path.file_name().unwrap().to_str().unwrap().to_owned())
                .collect();
            assert_eq!(listed, names(&out));
            for file in &result.files {
                assert_eq!(std::fs::metadata(&file.path).unwrap().len(), file.bytes);
            }
        }
        let mut found = BTreeSet::new();
        let out = dir.path().join("csv");
        for file in names(&out).iter().filter(|file| *file != "metadata.csv") {
            for row in csv(&out, file) {
                found.insert((
                    row["topic"].clone(),
                    row["sequence"].parse::<u32>().unwrap(),
                ));
            }
        }
        let wanted: BTreeSet<_> = recorded
            .iter()
            .filter(|message| !message.channel.schema.ends_with("Image"))
            .map(|message| (message.channel.topic.clone(), message.sequence))
            .collect();
        assert_eq!(found, wanted, "{name}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn columns_hold_what_the_text_says() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    for name in SAMPLES {
        let dir = tempfile::tempdir().unwrap();
        let [text, columns] = ["csv", "parquet"].map(|format| {
            let out = dir.path().join(format);
            exported(
                &plan(&[&sample(name)], &out),
                Format::from_name(format).unwrap(),
            );
            out
        });
        for file in names(&text) {
            let rows = csv(&text, &file);
            let path = columns.join(file.replace(".csv", ".parquet"));
            let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
            let mut count = 0;
            for (row, wanted) in reader.get_row_iter(None).unwrap().zip(&rows) {
                for (column, field) in row.unwrap().get_column_iter() {
                    let text = &wanted[column];
                    match field {
                        Field::Null => assert_eq!(text, "", "{file} {column}"),
                        Field::Long(n) if column == "time" => {
                            assert_eq!(&n.to_string(), &wanted["time_ns"]);
                        }
                        Field::Long(n) => assert_eq!(&n.to_string(), text),
                        Field::ULong(n) => assert_eq!(&n.to_string(), text),
                        Field::Double(n) => assert_eq!(&format!("{n:?}"), text),
                        Field::Bool(on) => assert_eq!(&on.to_string(), text),
                        Field::Str(found) => {
                            assert_eq!(found, text.strip_prefix('\'').unwrap_or(text));
                        }
                        other if column == "time" => assert!(!other.to_string().is_empty()),
                        other => panic!("{file} {column}: {other:?}"),
                    }
                }
                count += 1;
            }
            assert_eq!(count, rows.len(), "{file}");
            assert_eq!(
                reader.metadata().file_metadata().num_rows(),
                rows.len() as i64
            );
        }
    }
}

#[test]
fn what_nobody_understands_is_kept_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("foreign.mcap");
    let bytes: Vec<u8> = (0..=255).collect();
    let messages: [(&str, &str, &str, &[u8]); 6] = [
        ("/thing", "some.Thing", "json", b"{\"a\":\n[1.50]}"),
        ("/thing", "some.Thing", "cbor", &bytes),
        ("/bare", "", "", b""),
        ("/wrong", "ttyscope.Readings", "json", b"{\"readings\":3}"),
        ("/broken", "ttyscope.Readings", "json", b"{\"readings\":["),
        ("/log", "foxglove.Log", "protobuf", &[0xff; 9]),
    ];
    foreign(&file, &messages);
    for format in tables() {
        let out = dir.path().join(format.name());
        let result = exported(&plan(&[&file], &out), format);
        assert_eq!((result.messages, result.skipped.len()), (6, 0));
        let items: u64 = result.files.iter().map(|file| file.items).sum();
        assert_eq!(items, 6, "{}", format.name());
    }
    let out = dir.path().join("csv");
    let things: Vec<_> = ["thing.raw.csv", "bare.raw.csv", "wrong.raw.csv"]
        .iter()
        .flat_map(|name| csv(&out, name))
        .collect();
    assert_eq!(things[0]["json"], "{\"a\": [1.50]}");
    assert!(things[1]["data_base64"].starts_with("AAECAwQFBgc"));
    assert_eq!(things[1]["encoding"], "cbor");
    assert_eq!(things[2]["data_base64"], "");
    assert_eq!(things[3]["json"], "{\"readings\":3}");
    assert!(things[3]["problem"].contains("invalid type"));
    assert_eq!(csv(&out, "log.raw.csv")[0]["schema"], "foxglove.Log");
    let lines = text(&dir.path().join("jsonl"), "foreign.jsonl");
    assert!(lines.contains("\"data\":{\"a\": [1.50]}"), "{lines}");
    assert_eq!(lines.matches("\"data_base64\":").count(), 4, "{lines}");
}

#[test]
fn only_what_was_asked_for_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.mcap");
    let value = |n| readings(&[("x", Value::Int(n))]);
    let payloads = vec![
        (0, value(1)),
        (1, value(2)),
        (0, event("moved", "[1]")),
        (0, value(3)),
    ];
    record(&file, payloads);
    let all = plan(&[&file], &dir.path().join("x"));
    let mut number = 0;
    let mut count = |plan: ExportPlan| {
        number += 1;
        let out = dir.path().join(number.to_string());
        let plan = ExportPlan { out, ..plan };
        export(&plan, Format::JsonLines, &mut |_, _| {}).map(|exported| exported.messages)
    };
    assert_eq!(count(all.clone()).unwrap(), 5);
    let sources = |names: &[&str]| ExportPlan {
        sources: names.iter().map(|name| (*name).to_owned()).collect(),
        ..all.clone()
    };
    assert_eq!(count(sources(&["scope"])).unwrap(), 3);
    // Its own and what the recorder lost of it.
    assert_eq!(count(sources(&["other"])).unwrap(), 2);
    assert_eq!(count(sources(&["other", "scope"])).unwrap(), 5);
    let error = count(sources(&["scope", "sope"])).unwrap_err().to_string();
    assert_eq!(
        error,
        "no source \"sope\" is in the recording: it has scope, other"
    );
    let topics = ExportPlan {
        topics: vec![
            Pattern::new("*/readings"),
            Pattern::new("/scope/message/?oved"),
        ],
        ..all.clone()
    };
    assert_eq!(count(topics).unwrap(), 4);
    let between = |from, until| ExportPlan {
        from_unix_ns: Some(START_NS + from),
        until_unix_ns: Some(START_NS + until),
        ..all.clone()
    };
    assert_eq!(count(between(2_000_000, 4_000_000)).unwrap(), 2);
    let nothing = count(between(0, 1_000_000)).unwrap_err();
    assert!(matches!(nothing, ExportError::Nothing), "{nothing}");
    assert!(names(&dir.path().join("8")).is_empty());
}

#[test]
fn the_files_of_a_session_become_one_export() {
    let dir = tempfile::tempdir().unwrap();
    let files = [1, 2].map(|n| {
        let file = dir.path().join(format!("part{n}.mcap"));
        record(&file, vec![(0, readings(&[("x", Value::Int(n))]))]);
        file
    });
    let out = dir.path().join("out");
    let result = exported(&plan(&[&files[0], &files[1]], &out), Format::Csv);
    assert_eq!(result.messages, 4);
    let texts: Vec<String> = csv(&out, "scope.readings.csv")
        .iter()
        .map(|row| row["text"].clone())
        .collect();
    assert_eq!(texts, ["1", "2"]);
    let sessions = csv(&out, "metadata.csv");
    let of: BTreeSet<&String> = sessions.iter().map(|row| &row["recording"]).collect();
    assert_eq!(of.len(), 2);
}

#[test]
fn names_of_files_stay_in_the_folder_and_apart() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hostile.mcap");
    let long = format!("/{}", "long/".repeat(300));
    let topics = [
        "/../../../etc/x",
        "../x",
        "/a/b",
        "/a.b",
        "/A/B",
        "",
        "C:\\x",
        "\u{1b}]0;x\u{7}/\0",
        long.as_str(),
    ];
    let messages: Vec<(&str, &str, &str, &[u8])> = topics
        .iter()
        .map(|topic| (*topic, "", "json", &b"{}"[..]))
        .collect();
    foreign(&file, &messages);
    let out = dir.path().join("inner/out");
    let result = exported(&plan(&[&file], &out), Format::Csv);
    assert_eq!(result.files.len(), topics.len());
    for file in &result.files {
        assert_eq!(file.path.parent(), Some(out.as_path()));
    }
    let lower: BTreeSet<String> = names(&out)
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    assert_eq!(lower.len(), topics.len());
}

fn ttyscope(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ttyscope"))
        .args(args)
        .output()
        .unwrap()
}

/// The exit code, and what was said on standard error.
fn ended(output: &Output) -> (Option<i32>, Cow<'_, str>) {
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr),
    )
}

#[test]
fn a_damaged_recording_is_exported_as_far_as_it_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let good = std::fs::read(sample(SAMPLES[1])).unwrap();
    let bad = dir.path().join("bad.mcap");
    let out = |n: usize| dir.path().join(n.to_string());
    let mut random = fastrand::Rng::with_seed(9);
    let mut kept = BTreeSet::new();
    for n in 0..60 {
        let mut bytes = good.clone();
        if n % 2 == 0 {
            bytes.truncate(random.usize(8..good.len()));
        } else {
            bytes[random.usize(8..good.len())] ^= random.u8(1..=255);
        }
        std::fs::write(&bad, &bytes).unwrap();
        let readable = messages(&bad).len() as u64;
        let format = tables()[n / 2 % tables().len()];
        match export(&plan(&[&bad], &out(n)), format, &mut |_, _| {}) {
            Ok(result) => {
                assert_eq!(result.messages, readable, "{n}");
                assert!(!result.is_whole(), "{n}");
            }
            Err(error) => assert!(matches!(error, ExportError::Nothing), "{error}"),
        }
        kept.insert(readable);
    }
    assert!(kept.len() > 3, "{kept:?}");

    std::fs::write(&bad, &good[..good.len() - 20]).unwrap();
    let (bad, out) = (bad.to_str().unwrap(), dir.path().join("verb"));
    let args = ["export", bad, "--to", "csv", "--out", out.to_str().unwrap()];
    let output = ttyscope(&args);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("\nmissing\n") && said.contains("not finished"),
        "{said}"
    );
    assert!(output.stderr.is_empty(), "quiet without a terminal");
}

#[test]
fn what_is_no_recording_is_refused_before_a_file_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 3] = [
        ("text.mcap", b"time,value\n1,2\n", "not an MCAP file"),
        ("empty.mcap", b"", "the file is empty"),
        ("newer.mcap", b"\x89MCAP1\r\n and more", "of version 1"),
    ];
    let good = sample(SAMPLES[0]);
    for (name, bytes, sentence) in cases {
        let bad = dir.path().join(name);
        std::fs::write(&bad, bytes).unwrap();
        let out = dir.path().join("out");
        let files = [good.to_str().unwrap(), bad.to_str().unwrap()];
        let args = ["export", files[0], files[1], "--to", "jsonl", "--out"];
        let output = ttyscope(&[&args[..], &[out.to_str().unwrap()]].concat());
        let (code, said) = ended(&output);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(sentence) && said.contains(name), "{said}");
        assert!(!out.exists(), "{name}");
    }
    let args = ["export", files_of(&good), "--to", "xlsx", "--out", "x"];
    assert_eq!(ttyscope(&args).status.code(), Some(2));
    let args = [
        "export",
        files_of(&good),
        "--to",
        "csv",
        "--out",
        "x",
        "--from",
        "noon",
    ];
    let output = ttyscope(&args);
    assert_eq!(output.status.code(), Some(2));
    assert!(ended(&output).1.contains("2026-11-27T18:00:00.5Z"));
}

fn files_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn nothing_is_ever_written_over_or_left_half() {
    let dir = tempfile::tempdir().unwrap();
    let file = sample(SAMPLES[1]);
    let out = dir.path().join("out");
    for format in tables() {
        let plan = plan(&[&file], &out);
        exported(&plan, format);
        let before = names(&out);
        let again = export(&plan, format, &mut |_, _| {}).unwrap_err();
        assert!(matches!(again, ExportError::Taken { .. }), "{again}");
        assert!(again.to_string().contains("name another folder"), "{again}");
        assert_eq!(names(&out), before);
    }
    // A file where the folder should be.
    let taken = dir.path().join("taken");
    std::fs::write(&taken, "mine").unwrap();
    let error = export(&plan(&[&file], &taken), Format::Csv, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, ExportError::Disk { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mine");
}

#[test]
fn an_export_that_is_interrupted_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = sample(SAMPLES[1]);
    for format in tables() {
        let out = dir.path().join(format.name());
        let plan = plan(&[&file], &out);
        let interrupted = std::sync::Arc::clone(&plan.interrupted);
        let mut seen = BTreeSet::new();
        let result = export(&plan, format, &mut |done, all| {
            if done > all / 2 {
                seen.extend(names(&out));
                interrupted.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        });
        assert!(matches!(result, Err(ExportError::Interrupted)));
        assert!(!seen.is_empty() && seen.iter().all(|name| name.ends_with(".partial")));
        assert!(names(&out).is_empty(), "{:?}", names(&out));
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_an_export_orderly() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    // Far more files than are read until the signal comes; that they are one takes no room.
    let mut args = vec!["export", "--to", "csv", "--out", files_of(&out)];
    let copies: Vec<PathBuf> = (0..2000)
        .map(|n| dir.path().join(format!("{n}.mcap")))
        .collect();
    std::fs::copy(sample(SAMPLES[1]), &copies[0]).unwrap();
    for copy in &copies[1..] {
        std::fs::hard_link(&copies[0], copy).unwrap();
    }
    args.extend(copies.iter().map(|copy| files_of(copy)));
    let running = Headless::start(&args, dir.path());
    let deadline = std::time::Instant::now() + PATIENCE;
    while !out.exists() || names(&out).is_empty() {
        assert!(std::time::Instant::now() < deadline, "no file is begun");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.signal(rustix::process::Signal::INT);
    let ended = running.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("interrupted"), "{ended:?}");
    assert!(names(&out).is_empty(), "{:?}", names(&out));
}

/// Runs the program in a shell that first sets a bound.
#[cfg(unix)]
fn bounded(bound: &str, args: &[&str]) -> Output {
    Command::new("sh")
        .arg("-c")
        .arg(format!("{bound}; exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_ttyscope"))
        .args(args)
        .output()
        .unwrap()
}

#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = sample(SAMPLES[1]);
    for format in tables() {
        let out = dir.path().join(format.name());
        let args = [
            "export",
            files_of(&file),
            "--to",
            format.name(),
            "--out",
            files_of(&out),
        ];
        // No file may be larger than some blocks of 512 bytes: writing fails in the middle.
        let output = bounded("trap '' XFSZ; ulimit -f 8", &args);
        let (code, said) = ended(&output);
        assert_eq!(code, Some(1), "{}: {said}", format.name());
        assert!(said.contains("cannot be written"), "{said}");
        assert!(names(&out).is_empty(), "{:?}", names(&out));
    }
}

#[cfg(unix)]
#[test]
fn more_topics_than_a_program_may_open_files_are_exported_all() {
    const TOPICS: usize = 300;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("many.mcap");
    let topics: Vec<String> = (0..TOPICS).map(|n| format!("/t/{n}")).collect();
    // Each topic twice, so that its file is let go of in between.
    let messages: Vec<(&str, &str, &str, &[u8])> = topics
        .iter()
        .chain(&topics)
        .map(|topic| (topic.as_str(), "", "json", &b"[1]"[..]))
        .collect();
    foreign(&file, &messages);
    for format in tables() {
        let out = dir.path().join(format.name());
        let args = [
            "export",
            files_of(&file),
            "--json",
            "--to",
            format.name(),
            "--out",
            files_of(&out),
        ];
        let output = bounded("ulimit -n 120", &args);
        assert_eq!(ended(&output), (Some(0), Cow::Borrowed("")));
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let files = said["files"].as_array().unwrap();
        assert_eq!(said["messages"], 2 * TOPICS);
        let items: u64 = files
            .iter()
            .map(|file| file["items"].as_u64().unwrap())
            .sum();
        assert_eq!(items, 2 * TOPICS as u64, "{}", format.name());
    }
    let rows = csv(&dir.path().join("csv"), "t.299.raw.csv");
    assert_eq!(rows.len(), 2);
}

#[test]
fn files_are_exported_together_only_as_the_parts_of_one_recording() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let said = |part: u64| {
        let message = Message {
            name: "tick".into(),
            json: format!("[{part}]").into(),
            attachments: Vec::new(),
        };
        vec![(0, Payload::Message(message))]
    };
    for (name, part, goes_on) in [("a1", 1, true), ("a2", 2, true), ("a3", 3, false)] {
        record_part(&at(name), ("a", part, goes_on), said(u64::from(part)));
    }
    record_part(&at("b1"), ("b", 1, false), said(9));
    std::fs::copy(at("a2"), at("a2-again")).unwrap();
    let of = |names: &[&str], out: &str| {
        let files: Vec<PathBuf> = names.iter().map(|name| at(name)).collect();
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        export(&plan(&files, &at(out)), Format::JsonLines, &mut |_, _| {})
    };

    // In their order, whatever order they are named in.
    let all = of(&["a3", "a1", "a2"], "all").unwrap();
    assert!(all.is_whole(), "{:?}", all.missing);
    let lines = std::fs::read_to_string(&all.files[0].path).unwrap();
    let ticks: Vec<&str> = lines
        .lines()
        .filter(|line| line.contains("/scope/message/tick"))
        .collect();
    assert_eq!(ticks.len(), 3);
    for (line, part) in ticks.iter().zip(1..) {
        assert!(line.contains(&format!("[{part}]")), "{ticks:?}");
    }

    let missing = |names: &[&str], out: &str| of(names, out).unwrap().missing;
    assert_eq!(
        missing(&["a1", "a3"], "gap"),
        ["part 2 of the recording is not among the files"]
    );
    assert_eq!(
        missing(&["a2", "a1"], "short"),
        ["the recording goes on in part 3, which is not among the files"]
    );
    // One part alone is what was asked for.
    assert!(missing(&["a2"], "one").is_empty());

    for (names, words) in [
        (["a1", "b1"], "are of different recordings"),
        (["a2", "a2-again"], "hold the same part of the recording"),
        (["b1", "b1"], "hold the same part of the recording"),
    ] {
        let error = of(&names, "none").unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(!at("none").exists(), "nothing was made");
    }

    // The page says it too.
    let files = [at("a1"), at("a3")];
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let paged = exported(&plan(&files, &at("page")), Format::Report);
    let page = std::fs::read_to_string(&paged.files[0].path).unwrap();
    assert!(page.contains("NOT WHOLE"));
    assert!(page.contains("part 2 of the recording is not among the files"));
}
