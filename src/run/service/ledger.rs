//! The accounts in full, when somebody asks for them with SIGUSR2: to the log, and to a file.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::figures::Figures;
use crate::config::state_dir;
use crate::model::{Counts, DropReason, LaneKind, Percentiles, size_text};
use crate::pipeline::{SourceSnapshot, Stage};
use crate::recorder::{Disk, Storage as _};
use crate::recording::rfc3339;

/// The file's name in the folder for state. The next one takes its place: the log has them all.
const FILE: &str = "ledger.txt";

/// Writes the accounts into the log, and beside the loop into a file.
pub fn dump(figures: &Figures) {
    let text = text(figures);
    for line in text.lines() {
        tracing::info!("{line}");
    }
    let Some(dir) = state_dir() else { return };
    // On a thread that may wait for the disk; nobody waits for it.
    drop(tokio::task::spawn_blocking(move || {
        match keep(&dir, &text) {
            Ok(path) => tracing::info!("the ledger is in {}", path.display()),
            Err(error) => tracing::warn!(
                "the ledger is not in {}: {error}; the log has it",
                dir.join(FILE).display()
            ),
        }
    }));
}

/// Puts the text into the folder: there is always a whole one, and only its owner may read it.
fn keep(dir: &Path, text: &str) -> io::Result<PathBuf> {
    let path = dir.join(FILE);
    let new = dir.join(format!("{FILE}.{}", std::process::id()));
    Disk.make_dir(dir)?;
    // One that a process of that number left behind.
    let _ = fs::remove_file(&new);
    let mut file = Disk.create(&new)?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    fs::rename(&new, &path)?;
    Ok(path)
}

/// All accounts by source and lane, the recorder, the meters, the loop and the terminal.
pub fn text(figures: &Figures) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write_all(&mut text, figures);
    text
}

fn write_all(text: &mut String, figures: &Figures) -> std::fmt::Result {
    let snapshot = &figures.snapshot;
    let (at, pid) = (rfc3339(snapshot.at.unix_ns), std::process::id());
    writeln!(text, "ledger of process {pid} at {at}")?;
    for (state, source) in figures.sources.iter().zip(&snapshot.sources) {
        let simulated = if state.simulated { " SIMULATED" } else { "" };
        writeln!(
            text,
            "source {}{simulated}: {}, link lost {}, {:.1}/s, {}/s, residue {}",
            state.name,
            state.word(),
            state.losses,
            source.rate_hz,
            size_text(source.bytes_per_s as u64),
            source.residue(),
        )?;
        for kind in LaneKind::ALL {
            let lane = source.lane(kind);
            if lane.counts != Counts::default() {
                let (name, gauge) = (kind.as_str(), lane.gauge);
                write!(text, "  lane {name}: ")?;
                write_counts(text, &lane.counts)?;
                writeln!(
                    text,
                    ", waiting {} of {}, most {}",
                    gauge.depth, gauge.bound, gauge.high_water
                )?;
            }
        }
        write_meters(text, source)?;
    }
    let recorder = &snapshot.recorder;
    let file = recorder.file.as_ref().map_or("none", |file| file.as_str());
    writeln!(
        text,
        "recorder: {}, file {file}, part {}, messages {}, {}, not taken {}, waiting {} ({})",
        recorder.state.word(),
        figures.part(),
        recorder.messages,
        size_text(recorder.written_bytes),
        recorder.not_taken,
        recorder.waiting,
        size_text(recorder.waiting_bytes),
    )?;
    if let Some(trouble) = &recorder.trouble {
        writeln!(text, "  {trouble}")?;
    }
    if let Some(age_s) = figures.durable_age_s() {
        writeln!(text, "  durable to {age_s:.1} s ago")?;
    }
    if let Some(free) = recorder.free_bytes {
        writeln!(text, "  free on its disk: {}", size_text(free))?;
    }
    write_latency(text, "received ▸ written", recorder.latency)?;
    let (removed, bytes) = figures.removed;
    if removed > 0 {
        let size = size_text(bytes);
        writeln!(text, "  files taken away to make room: {removed} ({size})")?;
    }
    let turns = &snapshot.turns;
    writeln!(
        text,
        "loop: {:.0} turns/s, busy {:.0} %, longest {:.1} ms, slow {}",
        turns.turns_hz,
        turns.busy * 100.0,
        turns.longest_ns as f64 / 1e6,
        turns.slow_turns
    )?;
    let terminal = &snapshot.terminal;
    writeln!(
        text,
        "terminal: {}/s, drawn {}, skipped {}, waited for {:.1} ms",
        size_text(terminal.bytes_per_s as u64),
        terminal.drawn,
        terminal.skipped,
        terminal.blocked_ns as f64 / 1e6
    )
}

fn write_counts(text: &mut String, counts: &Counts) -> std::fmt::Result {
    write!(
        text,
        "received {} = shown {} + recorded only {} + coalesced {} + dropped {} + in flight {} \
         + residue {}; recorded {}",
        counts.received,
        counts.shown,
        counts.recorded_only,
        counts.coalesced,
        counts.dropped_total(),
        counts.in_flight,
        counts.residue(),
        counts.recorded,
    )?;
    write_reasons(text, counts.dropped)
}

fn write_reasons(text: &mut String, by: [u64; DropReason::ALL.len()]) -> std::fmt::Result {
    for (reason, count) in DropReason::ALL.into_iter().zip(by) {
        if count > 0 {
            write!(text, ", {} {count}", reason.as_str())?;
        }
    }
    Ok(())
}

fn write_meters(text: &mut String, source: &SourceSnapshot) -> std::fmt::Result {
    let disk = &source.disk;
    write!(
        text,
        "  to disk: accepted {} = written {} + lost {} + in flight {} + residue {}",
        disk.accepted,
        disk.written,
        disk.lost_total(),
        disk.in_flight,
        disk.residue()
    )?;
    write_reasons(text, disk.lost)?;
    writeln!(text)?;
    for camera in &source.cameras {
        writeln!(
            text,
            "  camera {}: frames {}, lost {}, {:.1}/s",
            camera.detector, camera.frames, camera.lost, camera.fps
        )?;
    }
    for (kind, count) in &source.faults {
        writeln!(text, "  faults {}: {count}", kind.as_str())?;
    }
    for stage in Stage::ALL {
        write_latency(text, stage.as_str(), source.stage(stage))?;
    }
    Ok(())
}

fn write_latency(text: &mut String, name: &str, of: Percentiles) -> std::fmt::Result {
    if of.count == 0 {
        return Ok(());
    }
    let ms = |ns: u64| ns as f64 / 1e6;
    writeln!(
        text,
        "  {name}: p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, max {:.2} ms, of {}",
        ms(of.p50_ns),
        ms(of.p90_ns),
        ms(of.p99_ns),
        ms(of.max_ns),
        of.count
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, DropReason, Fate, LinkState, SourceId};
    use crate::pipeline::{LoopStats, Pipeline, TerminalStats};
    use crate::run::service::figures::SourceState;

    fn figures() -> Figures {
        let pipeline = Pipeline::new(Clock::manual(1), 1, None, None);
        let ledger = pipeline.ledger();
        let take = || ledger.receive(SourceId(0), LaneKind::Samples);
        take().settle(Fate::Shown);
        take().settle(Fate::NotShown(DropReason::ScreenLaneFull));
        ledger.accept_for_disk(SourceId(0)).written();
        ledger
            .accept_for_disk(SourceId(0))
            .lost(DropReason::DiskFull);
        let (turns, terminal) = (LoopStats::default(), TerminalStats::default());
        Figures {
            sources: vec![SourceState {
                name: "scope".into(),
                simulated: true,
                link: Some(LinkState::Live),
                losses: 2,
            }],
            snapshot: pipeline.snapshot(Default::default(), turns, terminal),
            ..Figures::default()
        }
    }

    #[test]
    fn every_account_is_in_it() {
        let text = text(&figures());
        for words in [
            "source scope SIMULATED: live, link lost 2",
            "lane samples: received 2 = shown 1 + recorded only 0 + coalesced 0 + dropped 1 + in \
             flight 0 + residue 0; recorded 0, screen lane full 1, waiting 0",
            "to disk: accepted 2 = written 1 + lost 1 + in flight 0 + residue 0, disk full 1",
            "recorder: off, file none",
            "loop: ",
            "terminal: ",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("lane frames"), "nothing came there: {text}");
    }

    #[test]
    fn a_newer_ledger_takes_the_place_of_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        for text in ["one", "two"] {
            let path = keep(&state, text).unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
    }
}
