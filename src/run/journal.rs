//! Our own log: a file that rolls by the day or standard error, and the lines worth showing on the
//! screen.

mod lines;

use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::model::{LogLine, Payload, PlainText, Sample, Severity};
use lines::Lines;

/// Lines that may wait for the screen. The file has them all.
const BOUND: usize = 256;
/// Days of logs that are kept.
const FILES_KEPT: usize = 14;

/// What a filter such as `info` or `ttyscope=debug` lets through.
///
/// # Errors
/// It is not understood.
pub fn parse_filter(written: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(written).map_err(|_| {
        anyhow::anyhow!("log filter \"{written}\": write error, warn, info or debug, or for example ttyscope=debug")
    })
}

/// Where the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlace {
    /// Files of a day each in this folder.
    Folder(PathBuf),
    /// Standard error as the system's journal reads it: the priority in front, no time.
    Journal,
    /// Standard error, for people.
    StandardError,
}

/// Whether standard error goes to the system's journal. Source: systemd.exec(5), `JOURNAL_STREAM`:
/// device and inode of what it was given. Programs between may have given it another.
pub fn is_in_journal() -> bool {
    let about = rustix::fs::fstat(rustix::stdio::stderr());
    let given = std::env::var("JOURNAL_STREAM");
    about.is_ok_and(|about| {
        given.is_ok_and(|given| given == format!("{}:{}", about.st_dev, about.st_ino))
    })
}

/// What stands in front of an error on standard error: the priority that the system's journal
/// takes it by, and nothing for people.
pub fn error_rank() -> &'static str {
    if is_in_journal() { "<3>" } else { "" }
}

/// Changes what goes into the log of a process.
#[derive(Clone, Debug)]
pub struct FilterChange(Option<reload::Handle<EnvFilter, Registry>>);

impl FilterChange {
    /// From now on what `filter` lets through.
    ///
    /// # Errors
    /// It is not understood.
    pub fn to(&self, filter: &str) -> anyhow::Result<()> {
        let filter = parse_filter(filter)?;
        match &self.0 {
            Some(handle) => handle.reload(filter).context("the log cannot be changed"),
            None => Ok(()),
        }
    }
}

/// Keeps the log's writer alive; the last lines are written when it is dropped.
#[derive(Debug)]
pub struct Journal {
    _writer: Option<WorkerGuard>,
    lines: mpsc::Receiver<LogLine>,
    filter: FilterChange,
}

impl Journal {
    /// Starts logging, whatever `filter` lets through (`info`, `ttyscope=debug`, …).
    ///
    /// # Errors
    /// The folder cannot be made, or the filter is not understood.
    pub fn start(place: &LogPlace, filter: &str) -> anyhow::Result<Self> {
        let (filter, handle) = reload::Layer::new(parse_filter(filter)?);
        // A slow disk or a slow reader delays the writer's thread. One that hangs costs lines once
        // 128,000 wait: waiting for it here would hold the loop.
        let (writer, guard) = match place {
            LogPlace::Folder(dir) => {
                std::fs::create_dir_all(dir)
                    .with_context(|| format!("log folder {} cannot be made", dir.display()))?;
                let file = tracing_appender::rolling::Builder::new()
                    .rotation(tracing_appender::rolling::Rotation::DAILY)
                    .filename_prefix("ttyscope")
                    .filename_suffix("log")
                    .max_log_files(FILES_KEPT)
                    .build(dir)
                    .with_context(|| format!("log folder {} cannot be written", dir.display()))?;
                tracing_appender::non_blocking(file)
            }
            LogPlace::Journal | LogPlace::StandardError => {
                tracing_appender::non_blocking(std::io::stderr())
            }
        };
        let (sender, lines) = mpsc::channel(BOUND);
        let to_place = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(Lines::of(place))
            .with_writer(writer);
        Registry::default()
            .with(filter)
            .with(to_place)
            .with(ToScreen { sender })
            .try_init()
            .context("logging was started before")?;
        Ok(Self {
            _writer: Some(guard),
            lines,
            filter: FilterChange(Some(handle)),
        })
    }

    /// What changes the filter.
    pub fn filter(&self) -> FilterChange {
        self.filter.clone()
    }

    /// A journal that writes nothing, for tests of the loop.
    #[cfg(test)]
    pub fn silent() -> Self {
        Self {
            _writer: None,
            lines: mpsc::channel(1).1,
            filter: FilterChange(None),
        }
    }

    /// The next line for the screen. Cancel safe.
    pub async fn recv(&mut self) -> Option<LogLine> {
        self.lines.recv().await
    }

    /// A line that is there already.
    pub fn try_recv(&mut self) -> Option<LogLine> {
        self.lines.try_recv().ok()
    }
}

/// Writes down what the control lane brings.
pub fn log_sample(source: &str, sample: &Sample) {
    match &sample.payload {
        Payload::Link(state) => tracing::info!(source, "link {}", describe(state)),
        Payload::Fault(fault) => {
            let kind = fault.kind.as_str();
            match fault.severity {
                Severity::Error => {
                    tracing::error!(target: FROM_SOURCE, source, kind, "{}", fault.text)
                }
                Severity::Warning => {
                    tracing::warn!(target: FROM_SOURCE, source, kind, "{}", fault.text)
                }
                _ => tracing::info!(target: FROM_SOURCE, source, kind, "{}", fault.text),
            }
        }
        Payload::Loss(loss) => tracing::warn!(
            target: FROM_SOURCE,
            source,
            lane = loss.lane.as_str(),
            reason = loss.reason.as_str(),
            count = loss.count,
            "lost"
        ),
        _ => {}
    }
}

/// The screens get these as what they are, not as lines of a log.
const FROM_SOURCE: &str = "ttyscope::source";

/// One sentence about a link.
pub fn describe(state: &crate::model::LinkState) -> String {
    use crate::model::LinkState;
    match state {
        LinkState::Connecting { attempt } => format!("connecting, attempt {attempt}"),
        LinkState::Connected => "connected".to_owned(),
        LinkState::Live => "live".to_owned(),
        LinkState::Stale { missing } => format!("stale: {missing}"),
        LinkState::Down {
            reason,
            detail,
            retry_in,
        } => match retry_in {
            Some(wait) => format!(
                "down ({reason}): {detail}; trying again in {:.1} s",
                wait.as_secs_f64()
            ),
            None => format!("down ({reason}): {detail}"),
        },
        LinkState::Ended => "ended".to_owned(),
    }
}

/// Hands warnings and errors of our own to the screen.
struct ToScreen {
    sender: mpsc::Sender<LogLine>,
}

impl<S: Subscriber> Layer<S> for ToScreen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        let severity = match *meta.level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            _ => return,
        };
        if meta.target() == FROM_SOURCE {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        // A screen that does not keep up misses lines; the file has them.
        let _ = self.sender.try_send(LogLine {
            severity,
            origin: PlainText::from("ttyscope"),
            text: PlainText::from(text.0),
        });
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write;
        // Writing into a string does not fail.
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}
