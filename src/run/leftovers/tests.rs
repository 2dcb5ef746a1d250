use std::fs::File;
use std::io::Write as _;

use super::*;
use crate::recorder::{Disk, Storage as _};

fn sample() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/microscope.mcap")).unwrap()
}

fn said(dir: &Path) -> Vec<String> {
    report(dir, &AtomicBool::new(false)).collect()
}

/// The one sentence there is, without the folder.
fn the_sentence(dir: &Path) -> String {
    let said = said(dir);
    assert_eq!(said.len(), 1, "{said:#?}");
    said[0].replace(&format!("{}/", dir.display()), "")
}

#[test]
fn what_a_killed_recorder_left_is_described_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let sample = sample();
    let path = dir.path().join("scope's 1.partial.mcap");
    let cut = &sample[..sample.len() * 2 / 3];
    fs::write(&path, cut).unwrap();
    let state = match examine(&path, &mut u64::MAX.clone(), &AtomicBool::new(false)) {
        Some(Left::Messages(state)) => state,
        _ => panic!("it has messages"),
    };
    let (first, last) = state.span_ns.unwrap();
    assert!(state.messages > 10 && state.lost_bytes > 0);
    let expected = format!(
        "scope's 1.partial.mcap was not finished by its recorder: {} with {} messages of {} can be \
         read, from {} to {}; {} cannot be read; at most 1.0 s after that is missing, and the \
         recorder's books; `ttyscope recover 'scope'\\''s 1.partial.mcap'` makes a finished file \
         of it",
        size_text(cut.len() as u64),
        state.messages,
        state.sources.join(", "),
        rfc3339(first),
        rfc3339(last),
        size_text(state.lost_bytes),
    );
    assert_eq!(the_sentence(dir.path()), expected);
    assert_eq!(fs::read(&path).unwrap(), cut);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    fs::write(dir.path().join("scope's 1.recovered.mcap"), b"").unwrap();
    assert_eq!(said(dir.path()), [""; 0], "it was recovered already");
}

#[test]
fn each_state_has_its_sentence() {
    let whole = sample();
    let mut damaged = whole[..whole.len() / 2].to_vec();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let cases: [(&[u8], &str); 4] = [
        (
            b"",
            "was ended before it had written anything; it can be deleted",
        ),
        (
            b"#!/bin/sh\n",
            "was not finished, and cannot be read: it is no MCAP file",
        ),
        (
            &whole,
            "; nothing but its name is missing; `ttyscope recover ",
        ),
        (&damaged, "; 1 places in it are damaged; "),
    ];
    for (bytes, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.partial.mcap"), bytes).unwrap();
        let sentence = the_sentence(dir.path());
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn what_is_written_now_and_what_is_no_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut living = Disk.create(&dir.path().join("a.partial.mcap")).unwrap();
    living.write_all(&sample()[..5000]).unwrap();
    living.flush().unwrap();
    fs::create_dir(dir.path().join("b.partial.mcap")).unwrap();
    fs::write(dir.path().join("c.mcap"), b"").unwrap();
    fs::write(dir.path().join("d.recovered.partial.mcap"), b"").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("e.partial.mcap")).unwrap();
    assert_eq!(said(dir.path()), [""; 0]);
    drop(living);
    assert_eq!(said(dir.path()).len(), 1);
    assert_eq!(said(&dir.path().join("missing")), [""; 0]);
}

#[test]
fn the_newest_are_described_and_the_others_counted() {
    let dir = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    for n in 0..3 * MAX_FILES as u64 + 5 {
        let file = File::create(dir.path().join(format!("{n:03}.partial.mcap"))).unwrap();
        file.set_modified(now - Duration::from_secs(n)).unwrap();
    }
    let said = said(dir.path());
    assert_eq!(said.len(), MAX_FILES + 1);
    for (n, sentence) in said.iter().take(MAX_FILES).enumerate() {
        assert!(sentence.contains(&format!("/{n:03}.partial.mcap is empty")));
    }
    assert!(said[MAX_FILES].starts_with(&format!("{} more recordings in ", 2 * MAX_FILES + 5)));
}

#[test]
fn what_is_too_large_is_named_and_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.partial.mcap");
    let mut file = File::create(&path).unwrap();
    file.write_all(&sample()[..1000]).unwrap();
    file.set_len(MAX_READ_BYTES + 1).unwrap();
    let sentence = the_sentence(dir.path());
    assert!(
        sentence.contains("2.00 GiB, which are not read now; `ttyscope recover "),
        "{sentence}"
    );
}

#[test]
fn who_is_stopped_says_no_more() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.partial.mcap"), sample()).unwrap();
    assert_eq!(report(dir.path(), &AtomicBool::new(true)).count(), 0);
}
