//! `ttyscope snap`, the real program: pictures of a simulated microscope and of a recording.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs::File;
use std::path::Path;

use support::headless::{Ended, run};
use support::lab::Lab;
use ttyscope::simulators::imswitch::What;
use ttyscope::simulators::{flamingo, imswitch};

/// Columns, rows and the description of a TIFF file.
fn tiff(path: &str) -> ((u32, u32), String) {
    let mut decoder = tiff::decoder::Decoder::new(File::open(path).unwrap()).unwrap();
    let size = decoder.dimensions().unwrap();
    let tag = tiff::tags::Tag::ImageDescription;
    let xml = decoder.get_tag_ascii_string(tag).unwrap();
    decoder.read_image().unwrap();
    (size, xml)
}

fn recording() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/microscope.mcap");
    path.to_str().unwrap().to_owned()
}

fn refused(args: &[&str], dir: &Path, code: i32, words: &str) {
    let Ended {
        code: found,
        stdout,
        stderr,
    } = run(args, dir);
    assert_eq!(found, Some(code), "{stderr}");
    assert!(stdout.is_empty(), "{stdout:?}");
    assert!(stderr.contains(words), "{words} is not in: {stderr}");
}

fn asked(lab: &Lab, call: &str) -> usize {
    let log = lab.scope().log();
    let is_it =
        |what: &What| matches!(what, What::Received { call: found, .. } if found.contains(call));
    log.iter().filter(|logged| is_it(&logged.what)).count()
}

#[test]
fn the_live_view_is_started_for_a_picture_and_stopped_again() {
    let quiet = imswitch::SimulatorOptions {
        live: false,
        ..Default::default()
    };
    let lab = Lab::start(flamingo::SimulatorOptions::default(), quiet);
    let dir = tempfile::tempdir().unwrap();
    let url = lab.scope_url();

    // Nothing is asked for unless it is said.
    let quiet = ["snap", "--timeout", "1s", &url];
    refused(&quiet, dir.path(), 3, "--live starts the live view");
    assert_eq!(asked(&lab, "startLiveView"), 0);

    let ended = run(
        &["snap", "--live", "--count", "2", "--json", &url],
        dir.path(),
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.len(), 2, "{:?}", ended.stdout);
    for line in &ended.stdout {
        let said: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(said["simulated"], true);
        assert_eq!(said["format"], "tiff");
        let path = said["path"].as_str().unwrap();
        assert!(path.contains("/data/ttyscope/snapshots/scope-"), "{path}");
        let (size, xml) = tiff(path);
        assert!(size.0 > 0 && size.1 > 0);
        for part in [
            "<M K=\"origin\">simulated</M>",
            "<M K=\"source\">scope</M>",
            "PositionX=",
            "ExposureTime=",
            "DeltaT=",
        ] {
            assert!(xml.contains(part), "{part} is not in {xml}");
        }
    }
    assert_eq!(asked(&lab, "startLiveView"), 1);
    assert_eq!(asked(&lab, "stopLiveView"), 1);
}

#[test]
fn a_recording_has_pictures_too() {
    let dir = tempfile::tempdir().unwrap();
    let recording = recording();
    let to_file = ["snap", &recording, "--out", "a.png"];
    let ended = run(&to_file, dir.path());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, ["a.png"]);
    assert!(ended.stderr.contains("SIMULATED"), "{}", ended.stderr);
    let first = std::fs::read(dir.path().join("a.png")).unwrap();
    assert!(first.starts_with(b"\x89PNG"));

    refused(&to_file, dir.path(), 1, "a.png is there already");
    assert_eq!(std::fs::read(dir.path().join("a.png")).unwrap(), first);

    let several = ["snap", &recording, "--count", "3", "--out", "many/"];
    let ended = run(&several, dir.path());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for path in &ended.stdout {
        tiff(dir.path().join(path).to_str().unwrap());
    }
    assert_eq!(ended.stdout.len(), 3);

    let late = ["snap", &recording, "--at", "10h", "--out", "b.png"];
    refused(&late, dir.path(), 3, "microscope.mcap has no more");
    let other = ["snap", &recording, "--camera", "None", "--out", "b.png"];
    refused(&other, dir.path(), 3, "there are pictures of ");
    assert!(!dir.path().join("b.png").exists());
    let nowhere = ["snap", &recording, "--out", "missing/b.png"];
    refused(&nowhere, dir.path(), 1, "missing/b.png cannot be written: ");
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let recording = recording();
    let cases: [(&[&str], &str); 4] = [
        (&["--out", "a.bmp"], "end it with .ome.tiff, .png or .jpg"),
        (
            &["--out", "a.png", "--count", "2"],
            "several pictures need a folder",
        ),
        (&["--live"], "a recording has no live view"),
        (&["--format", "bmp"], "[possible values: tiff, png, jpeg]"),
    ];
    for (more, words) in cases {
        let args = [&["snap", &recording], more].concat();
        refused(&args, dir.path(), 2, words);
    }
    let live = ["snap", "imswitch://127.0.0.1:9", "--at", "1s"];
    refused(&live, dir.path(), 2, "--at is for recordings");
}
