//! What a verb runs, from its first connection to its exit code.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::commander::Auditing;
use super::console::{self, Ending};
use super::headless::{self, Links, Until};
use super::journal::Journal;
use super::leftovers::Leftovers;
use super::service::{Service, ServicePlan};
use super::session::{Feed, Recording, Session};
use super::signals::{Signals, Told};
use super::snapshot::SnapshotPlan;
use super::verdict::Verdict;
use super::voice::{self, Patience, Voice, people};
use crate::config::{OnExit, OnTerminalLoss};
use crate::intent::Keymap;
use crate::model::{PlainText, RecorderState, StopOrigin};
use crate::pipeline::{BlackBoxPlan, RecordingPlan};
use crate::simulators::{flamingo, fleet, imswitch, market};
use crate::ui::{Graphics, Theme};

/// An end that takes longer than this is explained.
const SLOW_END: Duration = Duration::from_secs(1);

/// How a run ended, for the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Done,
    /// Could not start, or nothing came of it.
    Failed,
    /// Ran, but something is missing.
    Incomplete,
    /// Refused: nothing was sent.
    Refused,
    /// Interrupted twice.
    Interrupted,
}

impl Exit {
    /// The exit code, as `--help` lists them.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Incomplete => 3,
            Self::Refused => 4,
            Self::Interrupted => 130,
        }
    }
}

/// How the screens look and behave.
#[derive(Clone, Debug)]
pub struct Look {
    /// The theme as its file has it.
    pub theme: Theme,
    /// How pictures are drawn, where the operator said so.
    pub graphics: Option<Graphics>,
    /// Which keys do what.
    pub keymap: Keymap,
    /// Whether the terminal reports its mouse.
    pub mouse: bool,
    /// Where pictures are saved.
    pub snapshots: SnapshotPlan,
    /// What happens when the terminal goes away.
    pub on_terminal_loss: OnTerminalLoss,
    /// Whether commands may be sent from the start.
    pub control: bool,
    /// Who is at the keyboard, for the record of commands.
    pub operator: PlainText,
    /// Where commands and stops are written down; `None` where nothing is commanded.
    pub auditing: Option<Auditing>,
    /// What becomes of a moving instrument when the program ends.
    pub on_exit: OnExit,
}

/// Shows the screens. With a `plan` there is a recorder, which begins at once if `record`, and keeps
/// the last seconds as `black_box` says.
///
/// # Errors
/// Something needed cannot be had: a terminal, a port, a thread, the recording to be played.
pub fn watch(
    feed: Feed,
    look: Look,
    plan: Option<RecordingPlan>,
    black_box: Option<BlackBoxPlan>,
    record: bool,
    mut journal: Journal,
) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut signals = Signals::listen()?;
        let recording = match &plan {
            None => Recording::Never,
            Some(_) if !record => Recording::OnDemand,
            Some(plan) => Recording::AtOnce(plan.clone()),
        };
        let mut session = Session::start(feed, recording, look.auditing.clone()).await?;
        session.on_exit = look.on_exit;
        let _leftovers = plan.as_ref().map(|plan| Leftovers::look(plan.dir.clone()));
        session.keep_recent(black_box);
        let mut links = Links::default();
        let shown = console::run(
            &session,
            &mut journal,
            &mut signals,
            &look,
            plan,
            &mut links,
        )
        .await;
        let ending = match shown {
            Ok(ending) => ending,
            Err(error) => {
                session.end().await;
                return Err(error);
            }
        };
        if ending != Ending::TerminalGone {
            return Ok(end(session, &mut signals, links, Voice::People, false).await);
        }
        // Whoever watched does so no more, whatever goes on without a screen.
        if look.on_exit == OnExit::Halt && session.stops.any_active() {
            session.stops.press(StopOrigin::Exit);
        }
        let keep = look.on_terminal_loss == OnTerminalLoss::KeepRecording
            && session.recorder().state.is_under_way();
        if keep {
            tracing::warn!("the terminal is gone; the recording goes on without a screen");
            session.lanes.take_control_only();
            let measuring = session.measure_unseen();
            let until = Until::RecordingEnds;
            headless::watch(
                &session,
                &mut signals,
                None,
                None,
                Voice::Silent,
                until,
                &mut links,
            )
            .await;
            drop(measuring);
        }
        Ok(end(session, &mut signals, links, Voice::Silent, false).await)
    })
}

/// Records without a screen, as a service to whoever wants one.
///
/// # Errors
/// Something needed cannot be had.
pub fn record(
    feed: Feed,
    plan: RecordingPlan,
    black_box: Option<BlackBoxPlan>,
    service: ServicePlan,
    voice: Voice,
    auditing: Auditing,
    mut journal: Journal,
) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut signals = Signals::listen()?;
        let mut service = Service::prepare(service, journal.filter())?;
        let dir = plan.dir.clone();
        let session = Session::start(feed, Recording::AtOnce(plan), Some(auditing)).await?;
        if let RecorderState::Failed(why) = session.recorder().state {
            session.end().await;
            anyhow::bail!("{why}");
        }
        service.attend(&session);
        let _leftovers = Leftovers::look(dir);
        session.keep_recent(black_box);
        session.lanes.take_control_only();
        let measuring = session.measure_unseen();
        let mut links = Links::default();
        headless::watch(
            &session,
            &mut signals,
            Some(&mut journal),
            Some(&mut service),
            voice,
            Until::RecordingEnds,
            &mut links,
        )
        .await;
        drop(measuring);
        let end = end(session, &mut signals, links, voice, true);
        Ok(service.while_ending(end).await)
    })
}

/// Plays a recording to its end without a screen.
///
/// # Errors
/// The recording cannot be read.
pub fn play(feed: Feed, voice: Voice, mut journal: Journal) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut signals = Signals::listen()?;
        let session = Session::start(feed, Recording::Never, None).await?;
        let mut links = Links::default();
        let (until, log) = (Until::SourcesEnd, Some(&mut journal));
        headless::watch(
            &session,
            &mut signals,
            log,
            None,
            Voice::Silent,
            until,
            &mut links,
        )
        .await;
        Ok(end(session, &mut signals, links, voice, false).await)
    })
}

/// Which simulators are to run.
#[derive(Clone, Debug, Default)]
pub struct Simulators {
    /// The ImSwitch microscope.
    pub imswitch: Option<imswitch::SimulatorOptions>,
    /// The Flamingo microscope.
    pub flamingo: Option<flamingo::SimulatorOptions>,
    /// The order-book venues.
    pub market: Option<market::SimulatorOptions>,
    /// The supervised fleet.
    pub fleet: Option<fleet::SimulatorOptions>,
}

/// Runs simulators until a signal.
///
/// # Errors
/// A port cannot be used.
pub fn simulate(simulators: Simulators) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut signals = Signals::listen()?;
        let imswitch = match simulators.imswitch {
            Some(options) => Some(start_imswitch(options).await?),
            None => None,
        };
        let flamingo = match simulators.flamingo {
            Some(options) => Some(start_flamingo(options).await?),
            None => None,
        };
        let market = match simulators.market {
            Some(options) => Some(start_market(options).await?),
            None => None,
        };
        let fleet = match simulators.fleet {
            Some(options) => Some(start_fleet(options).await?),
            None => None,
        };
        while matches!(signals.recv().await, Told::Dump | Told::Resize) {}
        if let Some(simulator) = market {
            simulator.stop().await;
        }
        if let Some(simulator) = imswitch {
            simulator.stop().await;
        }
        if let Some(simulator) = flamingo {
            simulator.stop().await;
        }
        if let Some(simulator) = fleet {
            simulator.stop().await;
        }
        Ok(Exit::Done)
    })
}

async fn start_imswitch(
    options: imswitch::SimulatorOptions,
) -> anyhow::Result<imswitch::Simulator> {
    let port = options.port;
    let simulator = imswitch::Simulator::start(options)
        .await
        .with_context(|| format!("port {port} cannot be used; --imswitch 0 takes any free one"))?;
    say_where("imswitch", simulator.address());
    Ok(simulator)
}

async fn start_flamingo(
    options: flamingo::SimulatorOptions,
) -> anyhow::Result<flamingo::Simulator> {
    let port = options.port;
    let simulator = flamingo::Simulator::start(options).await.with_context(|| {
        format!(
            "ports {port} and {} cannot be used; --flamingo 0 takes any free ones",
            u32::from(port) + 1
        )
    })?;
    say_where("flamingo", simulator.address());
    Ok(simulator)
}

async fn start_market(options: market::SimulatorOptions) -> anyhow::Result<market::Simulator> {
    let port = options.port;
    // One symbol of each venue, as it is written on a command line.
    let listed = options.listed.clone();
    let key = options.key.clone();
    let simulator = market::Simulator::start(options)
        .await
        .with_context(|| format!("port {port} cannot be used; --market 0 takes any free one"))?;
    for venue in market::Venue::ALL {
        if let Some(first) = listed.iter().find(|listed| listed.venue == venue) {
            voice::text(&format_args!(
                "SIMULATED venue: '{}:{}?{}'\n",
                venue.name(),
                first.symbol,
                simulator.endpoint(venue)
            ));
        }
    }
    voice::text(&format_args!(
        "The simulated key of finnhub is \"{key}\".\n"
    ));
    Ok(simulator)
}

async fn start_fleet(options: fleet::SimulatorOptions) -> anyhow::Result<fleet::Simulator> {
    let port = options.port;
    let simulator = fleet::Simulator::start(options)
        .await
        .with_context(|| format!("port {port} cannot be used; --fleet 0 takes any free one"))?;
    let address = simulator.address();
    voice::text(&format_args!("SIMULATED fleet: fleet://{address}\n"));
    Ok(simulator)
}

fn say_where(scheme: &str, address: SocketAddr) {
    voice::text(&format_args!(
        "SIMULATED microscope: {scheme}://{address}\n"
    ));
}

pub(super) fn block_on(work: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("worker")
        .build()
        .context("the runtime cannot be started")?;
    let handle = runtime.handle().clone();
    let _runtime = Unwaited(Some(runtime));
    handle.block_on(work)
}

/// A runtime whose end waits for nobody: a name server or a disk that does not answer holds a
/// thread, and must not hold the program.
struct Unwaited(Option<Runtime>);

impl Drop for Unwaited {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Ends a session, says how it was, and judges it. From the screens only recordings are judged:
/// what else went wrong was on them.
async fn end(
    session: Session,
    signals: &mut Signals,
    mut links: Links,
    voice: Voice,
    recording_wanted: bool,
) -> Exit {
    // Only a person interrupts twice: `timeout` and service managers send SIGTERM to the process
    // and again to its group.
    let second_interrupt = async { while signals.recv().await != Told::Interrupt {} };
    let explained = async {
        tokio::time::sleep(SLOW_END).await;
        let words = format_args!("writing what waits; another Ctrl-C leaves it");
        people(voice, Patience::Status, words);
        std::future::pending().await
    };
    let remains = tokio::select! {
        remains = session.end() => remains,
        remains = explained => remains,
        () = second_interrupt => {
            people(voice, Patience::Word, format_args!("interrupted again: what waited is not written"));
            return Exit::Interrupted;
        }
    };
    for sample in &remains.last_words {
        links.take(sample);
    }
    let verdict = Verdict::of(&remains, &links, recording_wanted);
    for sentence in &verdict.missing {
        tracing::warn!("missing: {sentence}");
    }
    match voice {
        Voice::Json => {
            voice::json_line(Patience::Word, &serde_json::json!({ "summary": verdict }));
        }
        Voice::People => people(voice, Patience::Word, format_args!("{verdict}")),
        // Nobody is there to be told but the log.
        Voice::Silent => verdict
            .to_string()
            .lines()
            .for_each(|line| tracing::info!("{line}")),
    }
    verdict.exit(recording_wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_name_server_that_does_not_answer_does_not_keep_the_program() {
        let (answer, question) = channel::<()>();
        let (done, ended) = channel();
        std::thread::spawn(move || {
            let exit = block_on(async move {
                let (asked, begun) = tokio::sync::oneshot::channel();
                tokio::task::spawn_blocking(move || {
                    asked.send(()).unwrap();
                    question.recv()
                });
                begun.await.unwrap();
                Ok(Exit::Done)
            });
            done.send(exit.unwrap()).unwrap();
        });
        let exit = ended.recv_timeout(Duration::from_secs(60));
        assert_eq!(exit, Ok(Exit::Done));
        drop(answer);
    }
}
