//! Our own log: a file that rolls by the day, and the lines worth showing on the screen.

use std::fmt;
use std::path::Path;

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::model::{LogLine, Payload, PlainText, Sample, Severity};

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

/// Keeps the log file's writer alive; the last lines are written when it is dropped.
#[derive(Debug)]
pub struct Journal {
    _writer: Option<WorkerGuard>,
    lines: mpsc::Receiver<LogLine>,
}

impl Journal {
    /// Starts logging into `dir`, whatever `filter` lets through (`info`, `ttyscope=debug`, …).
    ///
    /// # Errors
    /// The folder cannot be made, or the filter is not understood.
    pub fn start(dir: &Path, filter: &str) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        std::fs::create_dir_all(dir)
            .with_context(|| format!("log folder {} cannot be made", dir.display()))?;
        let filter = parse_filter(filter)?;
        let file = tracing_appender::rolling::Builder::new()
            .rotation(tracing_appender::rolling::Rotation::DAILY)
            .filename_prefix("ttyscope")
            .filename_suffix("log")
            .max_log_files(FILES_KEPT)
            .build(dir)
            .with_context(|| format!("log folder {} cannot be written", dir.display()))?;
        // A slow disk delays the writer's thread. One that hangs costs lines once 128,000 wait:
        // waiting for it here would hold the loop.
        let (writer, guard) = tracing_appender::non_blocking(file);
        let (sender, lines) = mpsc::channel(BOUND);
        let to_file = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(writer);
        Registry::default()
            .with(filter)
            .with(to_file)
            .with(ToScreen { sender })
            .try_init()
            .context("logging was started before")?;
        Ok(Self {
            _writer: Some(guard),
            lines,
        })
    }

    /// A journal that writes nothing, for tests of the loop.
    #[cfg(test)]
    pub fn silent() -> Self {
        Self {
            _writer: None,
            lines: mpsc::channel(1).1,
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
