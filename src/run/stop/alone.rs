//! `ttyscope stop`: stops instruments without a session: through the ttyscopes that run already,
//! and over connections of its own to the sources that are named.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::clerk::Clerk;
use super::outside::{Answer, instances};
use crate::config::SourceSpec;
use crate::control::{StopBoard, StopReporter, Watcher};
use crate::model::{Clock, SourceId, StopLevel, StopOrigin, StopState};
use crate::run::connect;
use crate::run::mission::Exit;
use crate::run::voice::{self, Patience, Voice, people};

/// What came of it, as one line of JSON.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    level: &'a str,
    instruments: Vec<Line>,
}

#[derive(Clone, Debug, Serialize)]
struct Line {
    /// `process 1234`, or `direct`.
    by: String,
    #[serde(flatten)]
    answer: Answer,
}

/// A direct stop has to connect first.
const DIRECT: Duration = Duration::from_secs(5);

/// Stops everything that can be reached: instruments of running ttyscopes, and `specs`.
///
/// Returns [`Exit::Done`] if every instrument said that it stops, [`Exit::Incomplete`] if one did
/// not, [`Exit::Failed`] if there was none.
///
/// # Errors
/// No runtime can be had.
pub fn stop(specs: &[SourceSpec], level: StopLevel, voice: Voice) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let lines = runtime.block_on(async {
        // Both at once: neither waits for the other.
        let (mut lines, direct) = tokio::join!(running(level, voice), direct(specs, level, voice));
        lines.extend(direct);
        lines
    });
    runtime.shutdown_background();
    match voice {
        Voice::Json => voice::json_line(
            Patience::Word,
            &Outcome {
                level: level.as_str(),
                instruments: lines.clone(),
            },
        ),
        Voice::People | Voice::Silent => {
            for Line { by, answer } in &lines {
                let time = match answer.after_ms {
                    Some(ms) => format!(" after {ms:.1} ms"),
                    None => ": assume it is still moving".to_owned(),
                };
                let words = format_args!("{} ({by}): {}{time}\n", answer.instrument, answer.state);
                voice::text(&words);
            }
        }
    }
    if lines.is_empty() {
        anyhow::bail!(
            "nothing was stopped: no ttyscope of yours runs here, and no source was named; \
             write ttyscope stop SOURCE"
        );
    }
    Ok(
        match lines.iter().all(|line| line.answer.is_acknowledged()) {
            true => Exit::Done,
            false => Exit::Incomplete,
        },
    )
}

/// Tells every ttyscope of this user that runs.
async fn running(level: StopLevel, voice: Voice) -> Vec<Line> {
    let found = match instances() {
        Ok(found) => found,
        Err(error) => {
            let words = format_args!("running ttyscopes could not be told: {error}");
            people(voice, Patience::Word, words);
            return Vec::new();
        }
    };
    let told = found.iter().map(|instance| instance.stop(level));
    let mut lines = Vec::new();
    for (instance, answers) in found.iter().zip(join_all(told).await) {
        let by = format!("process {}", instance.pid);
        match answers {
            Ok(answers) => lines.extend(answers.into_iter().flatten().map(|answer| Line {
                by: by.clone(),
                answer,
            })),
            Err(error) => {
                people(voice, Patience::Word, format_args!("{by}: {error}"));
                let answer = Answer::new("all of its instruments", None);
                lines.push(Line { by, answer });
            }
        }
    }
    lines
}

/// Stops `specs` over connections of our own.
async fn direct(specs: &[SourceSpec], level: StopLevel, voice: Voice) -> Vec<Line> {
    let board = StopBoard::new(Clock::system(), specs.len());
    let end = CancellationToken::new();
    let mut ways = Vec::new();
    let mut names = BTreeMap::new();
    let mut lines = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let Ok(id) = u16::try_from(index).map(SourceId) else {
            break;
        };
        let watch = board.watch(id, Watcher::Path);
        let (tell, reports) = StopReporter::new();
        // One that cannot be stopped must not keep the stop from the others.
        match connect::stop_path(spec, watch, tell, end.clone()) {
            Ok(Some(work)) => {
                names.insert(id, spec.name.as_str().into());
                ways.push((id, work, reports));
            }
            Ok(None) => {
                let words = format_args!("{}: nothing there can be stopped", spec.name);
                people(voice, Patience::Word, words);
            }
            Err(error) => {
                people(
                    voice,
                    Patience::Word,
                    format_args!("{}: {error:#}", spec.name),
                );
                lines.push(Line {
                    by: "direct".to_owned(),
                    answer: Answer::new(spec.name.as_str(), Some(StopState::NotSent)),
                });
            }
        }
    }
    if ways.is_empty() {
        return lines;
    }
    let clerk = Clerk::new(names.into_iter());
    // Pressed before anything is connected: each way sends as soon as it can.
    let press = board.press_level(level, StopOrigin::Outside);
    let mut work = tokio::task::JoinSet::new();
    for (id, way, reports) in ways {
        work.spawn(way);
        let unpublished = StopReporter::new().0;
        work.spawn(clerk.clone().collect(id, reports, unpublished));
    }
    let states = clerk.settled_within(press.number, DIRECT).await;
    end.cancel();
    let _ = timeout(Duration::from_millis(200), async {
        while work.join_next().await.is_some() {}
    })
    .await;
    lines.extend(states.into_iter().map(|(name, state)| Line {
        by: "direct".to_owned(),
        answer: Answer::new(name.as_str(), state),
    }));
    lines
}
