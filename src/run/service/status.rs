//! The one line that a service manager shows of a recorder.

use super::figures::{Figures, SourceState};
use crate::model::{DiskRoom, LinkState, RecorderState, Severity, size_text};

/// Part, messages, how much of it is on the disk, and the source that is worst off.
pub fn line(figures: &Figures) -> String {
    let recorder = &figures.snapshot.recorder;
    let mut line = match &recorder.state {
        RecorderState::Off => "not recording".to_owned(),
        RecorderState::Failed(why) => format!("NOT RECORDING: {why}"),
        RecorderState::Waiting(why) => format!("NOT RECORDING, waiting for the disk: {why}"),
        RecorderState::Recording | RecorderState::Draining => {
            let doing = match recorder.state {
                RecorderState::Draining => "writing what waits",
                _ => "recording",
            };
            let file = recorder.file.as_ref().map_or("", |file| file.as_str());
            format!(
                "{doing} part {} ({file}): messages {}, {}",
                figures.part(),
                recorder.messages,
                size_text(recorder.written_bytes)
            )
        }
    };
    if let Some(age_s) = figures.durable_age_s() {
        line.push_str(&format!(", durable to {age_s:.1} s ago"));
    }
    if recorder.disk != DiskRoom::Roomy {
        line.push_str(&format!(", DISK FULL: {}", recorder.disk.withheld()));
    }
    if let Some(trouble) = &recorder.trouble {
        line.push_str(&format!(", {trouble}"));
    }
    let lost: u64 = figures.snapshot.sources.iter().map(|s| s.lost()).sum();
    if lost > 0 {
        line.push_str(&format!(", lost {lost}"));
    }
    let sources = figures.sources.len();
    match worst(&figures.sources) {
        None => {}
        Some(worst) if severity(worst) == Severity::Info => {
            line.push_str(&format!("; sources {sources}, all well"));
        }
        Some(worst) => {
            let others = figures
                .sources
                .iter()
                .filter(|source| severity(source) == Severity::Info)
                .count();
            let (name, word) = (&worst.name, worst.word());
            line.push_str(&format!(
                "; {name} {word}, {others} of {sources} sources well"
            ));
        }
    }
    line
}

/// The source that is worst off, the first of several.
fn worst(sources: &[SourceState]) -> Option<&SourceState> {
    // The last of the largest is taken, so from behind.
    sources.iter().rev().max_by_key(|source| severity(source))
}

fn severity(source: &SourceState) -> Severity {
    source
        .link
        .as_ref()
        .map_or(Severity::Warning, LinkState::severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EndReason, RecorderStatus, Stamp};
    use crate::pipeline::PipelineSnapshot;

    fn source(name: &str, link: Option<LinkState>) -> SourceState {
        SourceState {
            name: name.into(),
            simulated: false,
            link,
            losses: 0,
        }
    }

    fn figures(state: RecorderState, sources: Vec<SourceState>) -> Figures {
        Figures {
            sources,
            snapshot: PipelineSnapshot {
                at: Stamp {
                    mono_ns: 5_800_000_000,
                    unix_ns: 0,
                },
                recorder: RecorderStatus {
                    state,
                    file: Some("night.partial.mcap".into()),
                    part: 3,
                    messages: 12_345,
                    written_bytes: 1 << 30,
                    durable_mono_ns: 5_000_000_000,
                    ..RecorderStatus::default()
                },
                ..PipelineSnapshot::default()
            },
            removed: (0, 0),
        }
    }

    #[test]
    fn one_line_says_how_a_recorder_is() {
        let down = LinkState::Down {
            reason: EndReason::Refused,
            detail: "403".into(),
            retry_in: None,
        };
        let cases = [
            (
                RecorderState::Recording,
                vec![
                    source("a", Some(LinkState::Live)),
                    source("b", Some(LinkState::Connected)),
                ],
                "recording part 3 (night.partial.mcap): messages 12345, 1.00 GiB, durable to 0.8 s \
                 ago; sources 2, all well",
            ),
            (
                RecorderState::Draining,
                vec![
                    source("a", None),
                    source("b", Some(down.clone())),
                    source("c", Some(down)),
                    source("d", Some(LinkState::Live)),
                ],
                "writing what waits part 3 (night.partial.mcap): messages 12345, 1.00 GiB, durable \
                 to 0.8 s ago; b down, 1 of 4 sources well",
            ),
            (
                RecorderState::Failed("/data is full".into()),
                vec![source("a", None)],
                "NOT RECORDING: /data is full, durable to 0.8 s ago; a starting, 0 of 1 sources \
                 well",
            ),
        ];
        for (state, sources, expected) in cases {
            assert_eq!(line(&figures(state, sources)), expected);
        }
    }
}
