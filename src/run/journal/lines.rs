//! How a line of the log looks: dated for people, or with its priority for the system's journal.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Full, Writer};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::fmt::{FmtContext, format};
use tracing_subscriber::registry::LookupSpan;

use super::LogPlace;

/// The two looks.
#[derive(Debug)]
pub(super) enum Lines {
    /// Time, level, text.
    Dated(Format<Full, SystemTime>),
    /// `<6>text`: level and time are the journal's.
    Ranked(Format<Full, ()>),
}

impl Lines {
    pub(super) fn of(place: &LogPlace) -> Self {
        match place {
            LogPlace::Folder(_) | LogPlace::StandardError => Self::Dated(format()),
            LogPlace::Journal => Self::Ranked(format().without_time().with_level(false)),
        }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match self {
            Self::Dated(format) => format.format_event(context, writer, event),
            Self::Ranked(format) => {
                let mut text = String::new();
                format.format_event(context, Writer::new(&mut text), event)?;
                let rank = rank(*event.metadata().level());
                // Each line is an entry of its own, and none may choose its own priority.
                for line in text.lines() {
                    writeln!(writer, "<{rank}>{line}")?;
                }
                Ok(())
            }
        }
    }
}

/// The priority of a level. Source: syslog(3).
fn rank(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(place: &LogPlace, say: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .event_format(Lines::of(place))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, say);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_journal_gets_priorities_and_no_line_chooses_its_own() {
        let text = written(&LogPlace::Journal, || {
            tracing::error!("the disk is full\n<0>everything is lost");
            tracing::warn!(source = "scope", "late");
            tracing::info!("fine");
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        for (line, (rank, words)) in lines.iter().zip([
            ("<3>", "the disk is full"),
            ("<3>", "<0>everything is lost"),
            ("<4>", "late source=\"scope\""),
            ("<6>", "fine"),
        ]) {
            assert!(line.starts_with(rank) && line.ends_with(words), "{line}");
        }
    }

    #[test]
    fn people_get_the_time_and_the_level() {
        let text = written(&LogPlace::StandardError, || tracing::warn!("late"));
        assert!(text.contains("Z  WARN "), "{text}");
        assert!(text.ends_with(": late\n"), "{text}");
    }
}
