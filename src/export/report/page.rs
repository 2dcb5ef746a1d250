//! The page itself: its parts in the order in which they are read.

use std::fmt::Write as _;

use super::html::{Safe, Table, clock, length, moment, number};
use super::photos::Photos;
use super::plot::{self, Bins, Mark};
use super::story::{Kind, Listed, Story};
use crate::model::{Severity, size_text};
use crate::recording::summary::GapKind;
use crate::recording::{RecordedSource, Session, Verdict, rfc3339};

/// Numbers that are drawn of one source.
const MOST_PLOTS: usize = 24;

const STYLE: &str = include_str!("style.css");

/// Everything that is known of a recording, as one file.
pub(super) fn page(
    verdicts: &[Verdict],
    absent: &[String],
    session: Option<&Session>,
    story: &Story,
    photos: &Photos,
) -> String {
    let mut page = String::with_capacity(256 * 1024);
    head(&mut page, verdicts, absent, session, story);
    sources(&mut page, verdicts, session, story);
    completeness(&mut page, verdicts, absent, story.bins);
    timeline(&mut page, verdicts, story);
    commands(&mut page, story);
    pictures(&mut page, photos);
    rates(&mut page, story);
    values(&mut page, story);
    fleets(&mut page, story);
    channels(&mut page, verdicts);
    let _ = write!(
        page,
        "<footer><p>Made by ttyscope {} from the recording itself; <code>ttyscope verify</code> \
         says the same of it. Times are UTC. Pictures are drawn for looking at: for measuring, \
         <code>ttyscope export --to ome-tiff</code> has every bit.</p></footer>\n</main></body></html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn head(
    page: &mut String,
    verdicts: &[Verdict],
    absent: &[String],
    session: Option<&Session>,
    story: &Story,
) {
    let bins = story.bins;
    let summaries = || verdicts.iter().map(|verdict| &verdict.summary);
    let name = summaries()
        .next()
        .and_then(|summary| summary.path.file_name())
        .map_or("recording".into(), |name| name.to_string_lossy());
    let (began, span_s) = (
        rfc3339(bins.first_ns),
        bins.last_ns.saturating_sub(bins.first_ns) as f64 / 1e9,
    );
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; img-src data:\">\
         <title>{0} · ttyscope</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n<h1>{0}{1}</h1>\n",
        Safe(&name),
        marks(session, story)
    );
    let is_whole = absent.is_empty() && verdicts.iter().all(|verdict| verdict.whole);
    let _ = match is_whole {
        true => page.write_str(
            "<p class=\"verdict whole\">WHOLE: everything that was recorded can be read</p>\n",
        ),
        false => page.write_str(
            "<p class=\"verdict broken\">NOT WHOLE: what is missing is listed below</p>\n",
        ),
    };
    page.push_str("<dl>");
    let mut fact = |name: &str, text: &dyn std::fmt::Display| {
        let _ = write!(page, "<dt>{}</dt><dd>{}</dd>", Safe(name), Safe(text));
    };
    fact(
        "Recorded",
        &format!("{began} to {}, {}", rfc3339(bins.last_ns), length(span_s)),
    );
    let bytes: u64 = summaries().map(|summary| summary.size_bytes).sum();
    let messages: u64 = summaries().map(|summary| summary.messages).sum();
    fact(
        "Holds",
        &format!(
            "{messages} messages in {} of {} in all",
            parts_of(verdicts.len()),
            size_text(bytes)
        ),
    );
    let version = summaries().find_map(|summary| summary.version.as_deref());
    fact(
        "Recorded by",
        &version.map_or("another program than ttyscope".to_owned(), |version| {
            format!("ttyscope {version}")
        }),
    );
    let mut ended = summaries().filter_map(|summary| summary.ended.as_deref());
    if let Some(why) = ended.next_back() {
        fact("Ended", &why);
    }
    page.push_str("</dl>\n");
    if verdicts.len() > 1 {
        let mut table = Table::new(
            &["Part", "Verdict", "From", "To", "Messages", "Size"],
            &[4, 5],
        );
        for verdict in verdicts {
            let summary = &verdict.summary;
            let name = summary.path.file_name().map(|name| name.to_string_lossy());
            let (from, to) = summary.span.map_or((String::new(), String::new()), |span| {
                (rfc3339(span.first_unix_ns), rfc3339(span.last_unix_ns))
            });
            table.row(
                if verdict.whole { "" } else { "error" },
                &[
                    &name.unwrap_or_default(),
                    &if verdict.whole { "whole" } else { "not whole" },
                    &from,
                    &to,
                    &summary.messages,
                    &size_text(summary.size_bytes),
                ],
            );
        }
        table.into(page, "Parts of the session, in their order");
    }
}

fn parts_of(count: usize) -> String {
    match count {
        1 => "one file".to_owned(),
        count => format!("{count} files"),
    }
}

/// What has to be said first of a recording that is not of real instruments.
fn marks(session: Option<&Session>, story: &Story) -> String {
    let mut marks = String::new();
    let sources = session.iter().flat_map(|session| &session.sources);
    for mark in ["SIMULATED", "REPLAY"] {
        if sources.clone().any(|source| origin(source, story) == mark) {
            let _ = write!(marks, "<span class=\"tag\">{mark}</span>");
        }
    }
    marks
}

/// Whether what a source said was real: by the word of the file, and by its own.
fn origin(source: &RecordedSource, story: &Story) -> String {
    let seen = story.sources.get(&source.name);
    match source.origin.as_str() {
        "live" if seen.is_some_and(|seen| seen.is_simulated) => "SIMULATED".to_owned(),
        "live" => "live".to_owned(),
        other => other.to_uppercase(),
    }
}

fn sources(page: &mut String, verdicts: &[Verdict], session: Option<&Session>, story: &Story) {
    page.push_str("<h2>What was recorded</h2>\n");
    let mut table = Table::new(
        &[
            "Source", "Origin", "Address", "Messages", "Bytes", "Accepted", "Written", "Lost",
        ],
        &[3, 4, 5, 6, 7],
    );
    let accounts = || {
        verdicts
            .iter()
            .flat_map(|verdict| &verdict.summary.accounts)
    };
    for source in session.iter().flat_map(|session| &session.sources) {
        let seen = story.sources.get(&source.name);
        let messages: u64 = seen.iter().flat_map(|seen| &seen.messages).sum();
        let own = accounts().filter(|account| account.name == source.name);
        let (mut accepted, mut written, mut lost) = (0, 0, 0_u64);
        for account in own {
            accepted += account.accepted;
            written += account.written;
            lost += account.lost.values().sum::<u64>();
        }
        let origin = origin(source, story);
        let caution = source.caution.as_deref().unwrap_or_default();
        table.row(
            if origin == "live" && caution.is_empty() {
                ""
            } else {
                "warning"
            },
            &[
                &source.name,
                &format!("{origin} {caution}").trim_end(),
                &source.address,
                &messages,
                &size_text(seen.map_or(0, |seen| seen.bytes)),
                &accepted,
                &written,
                &lost,
            ],
        );
    }
    if table.is_empty() {
        page.push_str("<p>The file does not say whom it was recorded from.</p>\n");
    }
    table.into(
        page,
        "Sources; accepted, written and lost are the recorder's own books",
    );
}

fn completeness(page: &mut String, verdicts: &[Verdict], absent: &[String], bins: Bins) {
    page.push_str("<h2>What is missing</h2>\n");
    let mut missing = Table::new(&["When", "Where", "Of", "What"], &[]);
    let mut before = Table::new(&["When", "Of", "What"], &[]);
    let mut silent = Table::new(&["From", "Silent for", "Topic"], &[1]);
    for what in absent {
        missing.row("error", &[&"", &"", &"", what]);
    }
    for verdict in verdicts {
        for finding in &verdict.findings {
            missing.row(
                "error",
                &[
                    &between(finding.from_unix_ns, finding.to_unix_ns, bins),
                    &finding
                        .at_byte
                        .map_or(String::new(), |at| format!("byte {at}")),
                    &finding.of,
                    &finding.what,
                ],
            );
        }
        missing.and_more(verdict.more);
        for note in &verdict.notes {
            before.row(
                "warning",
                &[
                    &between(note.from_unix_ns, note.to_unix_ns, bins),
                    &note.of,
                    &note.what,
                ],
            );
        }
        for gap in &verdict.summary.gaps {
            if matches!(gap.kind, GapKind::Silence | GapKind::SilenceToEnd) {
                let seconds = gap.to_unix_ns.saturating_sub(gap.from_unix_ns) as f64 / 1e9;
                silent.row(
                    "",
                    &[
                        &moment(gap.from_unix_ns, bins.first_ns),
                        &length(seconds),
                        &gap.topic,
                    ],
                );
            }
        }
    }
    if missing.is_empty() {
        page.push_str("<p>Nothing: every checksum matches, every number is there.</p>\n");
    }
    missing.into(page, "Missing from the recording");
    before.into(page, "Lost before it was recorded: no fault of the file");
    silent.into(page, "Longer than usual between two messages");
}

fn between(from: Option<u64>, to: Option<u64>, bins: Bins) -> String {
    match (from, to) {
        (Some(from), Some(to)) => {
            let seconds = to.saturating_sub(from) as f64 / 1e9;
            format!("{} for {}", moment(from, bins.first_ns), length(seconds))
        }
        (Some(from), None) => format!("after {}", moment(from, bins.first_ns)),
        (None, Some(to)) => format!("before {}", moment(to, bins.first_ns)),
        (None, None) => String::new(),
    }
}

fn timeline(page: &mut String, verdicts: &[Verdict], story: &Story) {
    page.push_str("<h2>What happened</h2>\n");
    let mut lanes = Vec::new();
    for (name, source) in &story.sources {
        for mark in Mark::ALL {
            if let Some(counts) = source.marks.get(&mark) {
                lanes.push((name.clone(), mark, counts.clone()));
            }
        }
    }
    // What is missing over a while is drawn behind everything.
    let findings = verdicts.iter().flat_map(|verdict| &verdict.findings);
    let gaps: Vec<(u64, u64)> = findings
        .filter_map(|finding| Some((finding.from_unix_ns?, finding.to_unix_ns?)))
        .collect();
    // More lines than a page is high tell nothing.
    const MOST_LANES: usize = 40;
    lanes.truncate(MOST_LANES);
    if lanes.is_empty() && gaps.is_empty() {
        page.push_str("<p>Nothing but the messages themselves.</p>\n");
    } else {
        plot::timeline(page, &lanes, &gaps, story.bins);
    }
    let mut table = Table::new(&["When", "Source", "Kind", "What"], &[]);
    for happening in &story.happened.items {
        table.row(
            class(happening.severity),
            &[
                &moment(happening.at_ns, story.bins.first_ns),
                &happening.source,
                &happening.mark.word(),
                &happening.text,
            ],
        );
    }
    table.and_more(story.happened.more);
    table.into(
        page,
        "Links, faults and losses, in the order of their times",
    );
}

fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Debug => "",
    }
}

fn commands(page: &mut String, story: &Story) {
    let Listed { items, more } = &story.commands;
    let began = story.bins.first_ns;
    if !items.is_empty() || !story.stops.items.is_empty() {
        page.push_str("<h2>Commands and stops</h2>\n");
    }
    let mut table = Table::new(
        &["When", "Source", "Command", "Asked by", "Outcome", "After"],
        &[5],
    );
    for row in items {
        use crate::model::CommandState as State;
        let report = &row.report;
        let mut outcome = report.state.as_str().to_owned();
        if !report.is_final {
            outcome.push_str(", and nothing more was heard of it");
        }
        if let Some(detail) = &report.detail {
            let _ = write!(outcome, ": {detail}");
        }
        let looks = match (report.state, report.is_final) {
            (State::Failed | State::Unknown, _) => "error",
            (State::Refused | State::Stopped, _) | (_, false) => "warning",
            _ => "",
        };
        let after = row.last_ns.saturating_sub(row.first_ns) as f64 / 1e9;
        table.row(
            looks,
            &[
                &moment(row.first_ns, began),
                &row.source,
                &report.command,
                &report.operator,
                &outcome,
                &length(after),
            ],
        );
    }
    table.and_more(*more);
    table.into(page, "Commands, and what the instrument made of them");
    let mut table = Table::new(&["When", "Source", "Stop", "Pressed by", "Answers"], &[]);
    for row in &story.stops.items {
        let press = row.report.press;
        table.row(
            if row.is_answered { "" } else { "error" },
            &[
                &moment(row.at_ns, began),
                &row.source,
                &format!("{} (press {})", press.level.as_str(), press.number),
                &press.origin.as_str(),
                &row.answers,
            ],
        );
    }
    table.and_more(story.stops.more);
    table.into(page, "Stops, and how each instrument answered");
}

fn pictures(page: &mut String, photos: &Photos) {
    let mut albums = photos.albums().peekable();
    if albums.peek().is_none() {
        return;
    }
    page.push_str("<h2>Pictures</h2>\n");
    for (name, album) in albums {
        let _ = write!(
            page,
            "<h3>{}</h3><p class=\"dim\">{} pictures; the first, the middle and the last, and others \
             spread evenly between them, in automatic contrast",
            Safe(name),
            album.frames
        );
        if album.unreadable > 0 {
            let _ = write!(page, "; {} could not be read", album.unreadable);
        }
        page.push_str("</p>\n");
        album.write(page);
    }
    if photos.left_out > 0 {
        let _ = writeln!(
            page,
            "<p class=\"more\">and {} more cameras: name those that are wanted, --camera NAME</p>",
            photos.left_out
        );
    }
}

fn rates(page: &mut String, story: &Story) {
    page.push_str("<h2>How much came</h2>\n<div class=\"plots\">\n");
    for (name, source) in &story.sources {
        let name = if name.is_empty() { "ttyscope" } else { name };
        let title = format!("{name}: messages");
        plot::rate(page, &title, "1/s", &source.messages, story.bins);
        if source.frames.iter().any(|count| *count > 0) {
            let title = format!("{name}: pictures");
            plot::rate(page, &title, "1/s", &source.frames, story.bins);
        }
    }
    page.push_str("</div>\n");
}

fn values(page: &mut String, story: &Story) {
    let moves = story
        .sources
        .values()
        .flat_map(|source| source.tracks.values());
    if !moves.clone().any(|track| track.count > 0) {
        return;
    }
    page.push_str("<h2>What was measured</h2>\n");
    for (name, source) in &story.sources {
        let (mut drawn, level): (Vec<_>, Vec<_>) = source
            .tracks
            .iter()
            .filter(|(_, track)| track.count > 0)
            .partition(|(_, track)| track.moves());
        if drawn.is_empty() && level.is_empty() {
            continue;
        }
        // The most telling first: where things stood, then how sharp it was, then the rest.
        let rank = |kind: Kind, name: &str| (kind, !name.contains("focus"), name.to_owned());
        drawn.sort_by_cached_key(|((kind, name), _)| rank(*kind, name));
        let _ = write!(page, "<h3>{}</h3>\n<div class=\"plots\">\n", Safe(name));
        for ((_, name), track) in drawn.iter().take(MOST_PLOTS) {
            plot::small(page, name, track, story.bins);
        }
        page.push_str("</div>\n");
        let mut table = Table::new(
            &["Name", "Unit", "Values", "First", "Last", "Least", "Most"],
            &[2, 3, 4, 5, 6],
        );
        for ((_, name), track) in drawn.iter().skip(MOST_PLOTS) {
            table.row(
                "",
                &[
                    name,
                    &track.unit,
                    &track.count,
                    &number(track.first),
                    &number(track.last),
                    &number(track.min),
                    &number(track.max),
                ],
            );
        }
        table.into(page, "Other numbers");
        if !level.is_empty() {
            page.push_str("<p class=\"dim\">Never another value:</p><ul class=\"still\">");
            for ((_, name), track) in level {
                let _ = write!(
                    page,
                    "<li><span>{}</span><span class=\"n\">{} {}</span></li>",
                    Safe(name),
                    number(track.last),
                    Safe(&track.unit)
                );
            }
            page.push_str("</ul>\n");
        }
        if source.left_out > 0 {
            let _ = writeln!(
                page,
                "<p class=\"more\">and {} values of more numbers</p>",
                source.left_out
            );
        }
    }
}

fn fleets(page: &mut String, story: &Story) {
    let Listed { items, more } = &story.fleets;
    if items.is_empty() {
        return;
    }
    page.push_str("<h2>Fleets: could the figures be believed?</h2>\n");
    let mut table = Table::new(&["From", "Source", "Verdict", "What it rests on"], &[]);
    for row in items {
        table.row(
            class(row.verdict.severity()),
            &[
                &moment(row.at_ns, story.bins.first_ns),
                &row.source,
                &row.verdict.as_str(),
                &row.evidence,
            ],
        );
    }
    table.and_more(*more);
    table.into(page, "Verdicts, each until the next");
}

fn channels(page: &mut String, verdicts: &[Verdict]) {
    page.push_str("<h2>Channels</h2>\n");
    for verdict in verdicts {
        let summary = &verdict.summary;
        let mut table = Table::new(
            &[
                "Topic", "Schema", "Messages", "Bytes", "1/s", "First", "Last",
            ],
            &[2, 3, 4],
        );
        for channel in &summary.channels {
            table.row(
                "",
                &[
                    &channel.topic,
                    &channel.schema,
                    &channel.messages,
                    &size_text(channel.bytes),
                    &number(channel.rate_hz),
                    &clock(channel.span.first_unix_ns),
                    &clock(channel.span.last_unix_ns),
                ],
            );
        }
        let name = summary.path.file_name().map(|name| name.to_string_lossy());
        table.into(page, &name.unwrap_or_default());
    }
}
