//! The summary as a table for people.

use std::fmt;

use super::{BookSummary, CommandsSummary, Gap, GapKind, StopsSummary, Summary};
use crate::model::size_text;
use crate::recording::session::rfc3339;

/// Lines of each list that are printed; the rest is counted.
const MAX_LINES: usize = 20;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = crate::model::PlainText::from(self.path.display().to_string());
        writeln!(f, "{path}  {}", size_text(self.size_bytes))?;
        match &self.version {
            Some(version) => writeln!(f, "recorded by  ttyscope {version}")?,
            None => writeln!(f, "recorded by  another program")?,
        }
        for cause in self.black_box.iter().take(MAX_LINES) {
            let at = rfc3339(cause.at_unix_ns);
            writeln!(f, "black box    saved at {at} because {}", cause.because)?;
        }
        if let Some(span) = self.span {
            writeln!(
                f,
                "from         {}\nto           {}  ({:.3} s)",
                rfc3339(span.first_unix_ns),
                rfc3339(span.last_unix_ns),
                span.seconds()
            )?;
        }
        if let Some(session) = &self.session
            && (self.part > 1 || self.goes_on)
        {
            writeln!(f, "part         {} of recording {session}", self.part)?;
        }
        if let Some(ended) = &self.ended {
            writeln!(f, "ended        {ended}")?;
        }
        for source in &self.sources {
            let mark = match source.origin.as_str() {
                "live" => String::new(),
                other => format!("  {}", other.to_uppercase()),
            };
            let caution = source
                .caution
                .as_ref()
                .map_or_else(String::new, |caution| format!("  {caution}"));
            writeln!(
                f,
                "source       {}  {}{mark}{caution}",
                source.name, source.address
            )?;
        }
        for account in &self.accounts {
            // A picture is one of these, and two records in the table below.
            writeln!(
                f,
                "books        {}  {} accepted, {} written",
                account.name, account.accepted, account.written
            )?;
        }
        self.channel_table(f)?;
        list(f, "commands", &self.commands, commands_line)?;
        list(f, "stops", &self.stops, stops_line)?;
        list(f, "order books", &self.books, book_line)?;
        list(f, "gaps", &self.gaps, gap_line)?;
        list(f, "losses", &self.losses, |loss| {
            let (first, last) = (loss.said.first_unix_ns, loss.said.last_unix_ns);
            let until = match first == last {
                true => String::new(),
                false => format!(" to {}", rfc3339(last)),
            };
            format!(
                "{}  {}  {}  {}  said {}{until}",
                loss.source,
                loss.lane,
                loss.reason,
                loss.count,
                rfc3339(first)
            )
        })?;
        list(f, "faults", &self.faults, |fault| {
            format!(
                "{}  {} ({})  {} times, first: {}",
                fault.source, fault.kind, fault.severity, fault.count, fault.first
            )
        })?;
        if self.complete {
            writeln!(f, "\ncomplete")
        } else {
            writeln!(f, "\nNOT COMPLETE")?;
            for why in self.incomplete_because.iter().take(MAX_LINES) {
                writeln!(f, "  {why}")?;
            }
            Ok(())
        }
    }
}

impl Summary {
    fn channel_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |longest: Option<usize>, least: usize| longest.unwrap_or(0).max(least);
        let topics = width(
            self.channels.iter().map(|c| c.topic.chars().count()).max(),
            5,
        );
        let schemas = width(
            self.channels.iter().map(|c| c.schema.chars().count()).max(),
            6,
        );
        writeln!(
            f,
            "\n{:topics$}  {:schemas$}  {:>10}  {:>9}  {:>10}  {:>10}",
            "topic", "schema", "messages", "per s", "bytes", "span s"
        )?;
        for channel in &self.channels {
            writeln!(
                f,
                "{:topics$}  {:schemas$}  {:>10}  {:>9.2}  {:>10}  {:>10.3}",
                channel.topic,
                channel.schema,
                channel.messages,
                channel.rate_hz,
                size_text(channel.bytes),
                channel.span.seconds()
            )?;
        }
        writeln!(
            f,
            "{:topics$}  {:schemas$}  {:>10}",
            "all", "", self.messages
        )
    }
}

fn gap_line(gap: &Gap) -> String {
    let seconds = gap.to_unix_ns.saturating_sub(gap.from_unix_ns) as f64 / 1e9;
    let what = match gap.kind {
        GapKind::Silence => format!("silent for {seconds:.3} s"),
        GapKind::SilenceToEnd => format!("silent for the last {seconds:.3} s"),
        GapKind::Sequence => format!("{} messages are not in the file", gap.missing),
        GapKind::FrameNumbers => format!("{} pictures never came", gap.missing),
    };
    format!("{}  {}  {what}", rfc3339(gap.from_unix_ns), gap.topic)
}

fn commands_line(commands: &CommandsSummary) -> String {
    let mut outcomes: Vec<String> = commands
        .outcomes
        .iter()
        .map(|(state, count)| match state.as_str() {
            "sent" => format!("{count} sent without an answer"),
            state => format!("{count} {state}"),
        })
        .collect();
    if commands.open > 0 {
        outcomes.push(format!("{} not ended in it", commands.open));
    }
    let word = plural(commands.commands, "command", "commands");
    format!("{}  {word}: {}", commands.source, outcomes.join(", "))
}

fn stops_line(stops: &StopsSummary) -> String {
    let slowest = stops.slowest_ns.map_or_else(String::new, |ns| {
        format!(" within {:.1} ms", ns as f64 / 1e6)
    });
    format!(
        "{}  {}, {} acknowledged{slowest}, worst: {}",
        stops.source,
        plural(stops.presses, "press", "presses"),
        stops.acknowledged,
        stops.worst
    )
}

fn book_line(book: &BookSummary) -> String {
    let counts = [
        (book.snapshots, "snapshot", "snapshots"),
        (book.deltas, "change", "changes"),
        (book.replacements, "picture", "pictures"),
        (book.trades, "trade", "trades"),
    ];
    let counts = counts.into_iter().filter(|(count, ..)| *count > 0);
    let counts: Vec<String> = counts.map(|(n, one, many)| plural(n, one, many)).collect();
    let mut line = format!("{} {}  {}", book.venue, book.symbol, counts.join(", "));
    if !book.clears.is_empty() {
        let clears = book.clears.iter().map(|(why, n)| format!("{why} {n}"));
        let clears: Vec<String> = clears.collect();
        line.push_str(&format!("; not to be trusted after: {}", clears.join(", ")));
    }
    if book.untrusted_ns > 0 || book.untrusted_since_ns.is_some() {
        let seconds = book.untrusted_ns as f64 / 1e9;
        line.push_str(&format!("; for {seconds:.3} s"));
        if book.untrusted_since_ns.is_some() {
            line.push_str(", to the end");
        }
    }
    line
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    items: &[T],
    line: impl Fn(&T) -> String,
) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    for item in items.iter().take(MAX_LINES) {
        writeln!(f, "  {}", line(item))?;
    }
    if items.len() > MAX_LINES {
        writeln!(f, "  and {} more", items.len() - MAX_LINES)?;
    }
    Ok(())
}
