//! Counts what a reader finds, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};

use super::books::Books;
use super::control::{Commands, Stops};
use super::gaps::Rhythm;
use super::{
    ChannelSummary, DamageSummary, FaultSummary, Gap, GapKind, LossSummary, Span, Summary,
};
use crate::model::{Origin, SIMULATOR_HOSTNAME, Value};
use crate::recording::reader::{Damage, Ending, RecordedMessage, RecordingReader};
use crate::recording::records::{
    BookRecord, CommandRecord, FaultRecord, FrameRecord, LinkRecord, LossRecord, ReadingsRecord,
    StopRecord, TradeRecord,
};
use crate::recording::recover::lost_of;
use crate::recording::session::{
    Account, BlackBoxCause, RecordedSource, Session, SourceAccount, origin_name, rfc3339,
};

/// Entries of each list that are kept; a broken file could fill the memory with them.
const MAX_LISTED: usize = 1000;

/// Topics that are told apart; more than a recording of ours ever has.
const MAX_CHANNELS: usize = 10_000;

/// What was found so far.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) session: Option<Session>,
    pub(super) account: Option<Account>,
    /// What a recovered file says of where it comes from.
    pub(super) recovered: Option<BTreeMap<String, String>>,
    black_box: Vec<BlackBoxCause>,
    channels: BTreeMap<String, Channel>,
    number_gaps: Vec<Gap>,
    losses: BTreeMap<(String, String, String), (u64, Span)>,
    faults: BTreeMap<(String, String, String), (u64, String)>,
    commands: BTreeMap<String, Commands>,
    stops: BTreeMap<String, Stops>,
    books: Books,
    damage: Vec<DamageSummary>,
    /// Sources whose link was seen, and those of them that were ever up.
    links: BTreeSet<String>,
    up: BTreeSet<String>,
    /// Sources that said that they are simulators.
    simulated: BTreeSet<String>,
}

struct Channel {
    schema: String,
    messages: u64,
    bytes: u64,
    first_ns: u64,
    last_ns: u64,
    first_sequence: u32,
    sequence: u32,
    rhythm: Rhythm,
}

impl Tally {
    pub(super) fn message(&mut self, message: &RecordedMessage) {
        let at = message.log_time_ns;
        let topic = printable(&message.channel.topic);
        if self.channels.len() >= MAX_CHANNELS && !self.channels.contains_key(&topic) {
            return;
        }
        let channel = self
            .channels
            .entry(topic.clone())
            .or_insert_with(|| Channel {
                schema: printable(&message.channel.schema),
                messages: 0,
                bytes: 0,
                first_ns: at,
                last_ns: at,
                first_sequence: message.sequence,
                sequence: 0,
                rhythm: Rhythm::default(),
            });
        let before = (channel.messages > 0).then_some(channel.last_ns);
        // 0 is "not numbered" in files of other programs.
        let hole = message
            .sequence
            .saturating_sub(channel.sequence)
            .saturating_sub(1);
        if hole > 0 && channel.messages > 0 && channel.sequence > 0 {
            push_bounded(
                &mut self.number_gaps,
                Gap {
                    topic: topic.clone(),
                    kind: GapKind::Sequence,
                    from_unix_ns: channel.last_ns,
                    to_unix_ns: at,
                    missing: u64::from(hole),
                },
            );
        }
        if let Some(before) = before {
            channel.rhythm.interval(before, at);
        }
        channel.sequence = message.sequence;
        channel.messages += 1;
        channel.bytes += message.data.len() as u64;
        channel.first_ns = channel.first_ns.min(at);
        channel.last_ns = channel.last_ns.max(at);
        match channel.schema.as_str() {
            "ttyscope.Frame" => self.frame(message, &topic, before),
            "ttyscope.Readings" => self.readings(message),
            "ttyscope.Loss" => self.loss(message),
            "ttyscope.Fault" => self.fault(message),
            "ttyscope.Link" => self.link(message),
            "ttyscope.Command" => self.command(message),
            "ttyscope.Stop" => self.stop(message),
            "ttyscope.Book" => {
                if let Ok(record) = serde_json::from_slice::<BookRecord<'_>>(&message.data) {
                    self.books.count(source_name(message), &record, at);
                }
            }
            "ttyscope.Trade" => {
                if let Ok(record) = serde_json::from_slice::<TradeRecord<'_>>(&message.data) {
                    self.books.trade(source_name(message), &record);
                }
            }
            _ => {}
        }
    }

    fn frame(&mut self, message: &RecordedMessage, topic: &str, before: Option<u64>) {
        let Ok(frame) = serde_json::from_slice::<FrameRecord<'_>>(&message.data) else {
            return;
        };
        if frame.lost_before > 0 {
            push_bounded(
                &mut self.number_gaps,
                Gap {
                    topic: topic.to_owned(),
                    kind: GapKind::FrameNumbers,
                    from_unix_ns: before.unwrap_or(message.log_time_ns),
                    to_unix_ns: message.log_time_ns,
                    missing: frame.lost_before,
                },
            );
        }
    }

    /// A source that says that it is one of our simulators was not real, whoever had started it.
    fn readings(&mut self, message: &RecordedMessage) {
        let Ok(record) = serde_json::from_slice::<ReadingsRecord<'_>>(&message.data) else {
            return;
        };
        let tells = record.readings.iter().any(|reading| {
            reading.name == "server/hostname"
                && matches!(&reading.value.0, Value::Text(name) if name.starts_with(SIMULATOR_HOSTNAME))
        });
        if tells && self.simulated.len() < MAX_LISTED {
            self.simulated.insert(source_name(message));
        }
    }

    fn loss(&mut self, message: &RecordedMessage) {
        let Ok(loss) = serde_json::from_slice::<LossRecord<'_>>(&message.data) else {
            return;
        };
        let source = match &loss.source {
            Some(source) => printable(source),
            None => source_name(message),
        };
        let key = (source, printable(&loss.lane), printable(&loss.reason));
        if self.losses.len() < MAX_LISTED || self.losses.contains_key(&key) {
            let at = message.log_time_ns;
            let said = Span {
                first_unix_ns: at,
                last_unix_ns: at,
            };
            let (count, span) = self.losses.entry(key).or_insert((0, said));
            *count = count.saturating_add(loss.count);
            span.first_unix_ns = span.first_unix_ns.min(at);
            span.last_unix_ns = span.last_unix_ns.max(at);
        }
    }

    fn link(&mut self, message: &RecordedMessage) {
        let Ok(link) = serde_json::from_slice::<LinkRecord<'_>>(&message.data) else {
            return;
        };
        let source = source_name(message);
        if self.links.len() < MAX_LISTED {
            if matches!(&*link.state, "connected" | "live" | "stale") {
                self.up.insert(source.clone());
            }
            self.links.insert(source);
        }
    }

    fn fault(&mut self, message: &RecordedMessage) {
        let Ok(fault) = serde_json::from_slice::<FaultRecord<'_>>(&message.data) else {
            return;
        };
        let key = (
            source_name(message),
            printable(&fault.kind),
            printable(&fault.severity),
        );
        if self.faults.len() < MAX_LISTED || self.faults.contains_key(&key) {
            let entry = self
                .faults
                .entry(key)
                .or_insert_with(|| (0, printable(&fault.text)));
            entry.0 += 1;
        }
    }

    fn command(&mut self, message: &RecordedMessage) {
        let Ok(record) = serde_json::from_slice::<CommandRecord<'_>>(&message.data) else {
            return;
        };
        if let Some(commands) = of_source(&mut self.commands, message) {
            commands.count(&record);
        }
    }

    fn stop(&mut self, message: &RecordedMessage) {
        let Ok(record) = serde_json::from_slice::<StopRecord<'_>>(&message.data) else {
            return;
        };
        if record.about == "press"
            && let Some(stops) = of_source(&mut self.stops, message)
        {
            stops.count(&record);
        }
    }

    /// What a black box was saved for.
    pub(super) fn black_box(&mut self, values: &BTreeMap<String, String>) {
        if let Some(mut cause) = BlackBoxCause::from_map(values) {
            cause.because = printable(&cause.because);
            push_bounded(&mut self.black_box, cause);
        }
    }

    pub(super) fn damage(&mut self, damage: Damage) {
        let damage = DamageSummary {
            at: damage.at,
            skipped_bytes: damage.skipped_bytes,
            what: damage.what,
        };
        push_bounded(&mut self.damage, damage);
    }

    pub(super) fn into_summary(self, reader: &RecordingReader) -> Summary {
        let ending = reader.ending().cloned().unwrap_or(Ending::Finished);
        let span = self.span();
        let end_ns = span.map_or(0, |span| span.last_unix_ns);
        let mut gaps = Vec::new();
        for (topic, channel) in &self.channels {
            if is_regular(&channel.schema) {
                gaps.extend(channel.rhythm.gaps(topic, channel.last_ns, end_ns));
            }
        }
        gaps.extend(self.number_gaps.iter().cloned());
        let incomplete_because = self.incomplete_because(&ending, span);
        let account = self.account.unwrap_or_default();
        let ended = self.session.is_some() && !account.reason.is_empty();
        Summary {
            path: reader.path().to_owned(),
            size_bytes: reader.size_bytes(),
            version: self.session.as_ref().map(|s| printable(&s.version)),
            session: self
                .session
                .as_ref()
                .map(|s| s.id.clone())
                .filter(|id| !id.is_empty()),
            part: self.session.as_ref().map_or(1, |s| s.part),
            goes_on: account.goes_on,
            started_unix_ns: self.session.as_ref().map(|s| s.started_unix_ns),
            ended_unix_ns: ended.then_some(account.ended_unix_ns),
            ended: ended.then(|| printable(&account.reason)),
            sources: self
                .session
                .map(|session| printable_sources(session, &self.simulated))
                .unwrap_or_default(),
            accounts: printable_accounts(account.sources),
            black_box: self.black_box,
            span,
            messages: self.channels.values().map(|c| c.messages).sum(),
            channels: self.channels.into_iter().map(Channel::summary).collect(),
            gaps,
            losses: self
                .losses
                .into_iter()
                .map(|((source, lane, reason), (count, said))| LossSummary {
                    source,
                    lane,
                    reason,
                    count,
                    said,
                })
                .collect(),
            faults: self
                .faults
                .into_iter()
                .map(|((source, kind, severity), (count, first))| FaultSummary {
                    source,
                    kind,
                    severity,
                    count,
                    first,
                })
                .collect(),
            commands: self
                .commands
                .into_iter()
                .map(|(source, commands)| commands.summary(source))
                .collect(),
            stops: self
                .stops
                .into_iter()
                .filter_map(|(source, stops)| stops.summary(source))
                .collect(),
            books: self.books.into_summaries(end_ns),
            damage: self.damage,
            finished: ending == Ending::Finished,
            unreadable_tail_bytes: match ending {
                Ending::Finished => 0,
                Ending::Cut {
                    unreadable_bytes, ..
                } => unreadable_bytes,
            },
            complete: incomplete_because.is_empty(),
            incomplete_because,
        }
    }

    fn span(&self) -> Option<Span> {
        Some(Span {
            first_unix_ns: self.channels.values().map(|c| c.first_ns).min()?,
            last_unix_ns: self.channels.values().map(|c| c.last_ns).max()?,
        })
    }

    fn incomplete_because(&self, ending: &Ending, span: Option<Span>) -> Vec<String> {
        let mut because = Vec::new();
        if let Ending::Cut {
            readable_bytes,
            unreadable_bytes,
            why,
        } = ending
        {
            let until = match span {
                Some(span) => format!("readable up to {}", rfc3339(span.last_unix_ns)),
                None => "it has no message yet".to_owned(),
            };
            because.push(format!(
                "not finished; {until}; if its recorder was killed, or still writes, at most 1.0 s \
                 after that is missing (byte {readable_bytes}: {why}; {unreadable_bytes} bytes left over)"
            ));
        }
        for damage in &self.damage {
            because.push(format!(
                "damaged: byte {}: {}; {} bytes skipped",
                damage.at, damage.what, damage.skipped_bytes
            ));
        }
        if let Some(recovered) = &self.recovered {
            let from = printable(recovered.get("from").map_or("", String::as_str));
            for lost in lost_of(recovered) {
                because.push(format!(
                    "recovered from {from}, which was damaged: {}",
                    printable(&lost)
                ));
            }
        }
        for source in self.links.difference(&self.up) {
            because.push(format!("{source}: never connected"));
        }
        match &self.account {
            Some(account) => {
                for source in account.sources.iter().filter(|s| !s.is_complete()) {
                    let reasons: Vec<String> = source
                        .lost
                        .iter()
                        .map(|(reason, count)| format!("{} {count}", printable(reason)))
                        .collect();
                    because.push(format!(
                        "{}: {} of {} messages are in it; lost: {}",
                        printable(&source.name),
                        source.written,
                        source.accepted,
                        if reasons.is_empty() {
                            "not said why".to_owned()
                        } else {
                            reasons.join(", ")
                        }
                    ));
                }
            }
            // A cut file has no books; nor has a file of another program.
            None if self.session.is_some() && *ending == Ending::Finished => {
                because.push("the recorder's own books are missing in it".to_owned());
            }
            None => {}
        }
        because
    }
}

impl Channel {
    fn summary((topic, channel): (String, Self)) -> ChannelSummary {
        let span = Span {
            first_unix_ns: channel.first_ns,
            last_unix_ns: channel.last_ns,
        };
        let rate_hz = if channel.messages > 1 && span.seconds() > 0.0 {
            (channel.messages - 1) as f64 / span.seconds()
        } else {
            0.0
        };
        ChannelSummary {
            topic,
            schema: channel.schema,
            messages: channel.messages,
            bytes: channel.bytes,
            rate_hz,
            span,
            sequences: [channel.first_sequence, channel.sequence],
        }
    }
}

/// Whether a silence means something: links, faults, losses, log lines, commands, stops, changed
/// values, rows and whatever a market does come when they come. A book says itself when changes of
/// it are missing.
/// The record beside each picture has the picture's own rhythm and would only repeat its gaps.
fn is_regular(schema: &str) -> bool {
    !matches!(
        schema,
        "ttyscope.Link"
            | "ttyscope.Fault"
            | "ttyscope.Loss"
            | "ttyscope.Frame"
            | "ttyscope.Readings"
            | "ttyscope.Instrument"
            | "ttyscope.Command"
            | "ttyscope.Stop"
            | "ttyscope.Book"
            | "ttyscope.Trade"
            | "ttyscope.Fleet"
            | "ttyscope.Rows"
            | "foxglove.Log"
    )
}

/// What is counted of the message's source; `None` where there are too many sources.
fn of_source<'a, T: Default>(
    all: &'a mut BTreeMap<String, T>,
    message: &RecordedMessage,
) -> Option<&'a mut T> {
    let source = source_name(message);
    if all.len() >= MAX_LISTED && !all.contains_key(&source) {
        return None;
    }
    Some(all.entry(source).or_default())
}

fn source_name(message: &RecordedMessage) -> String {
    let name = message.channel.metadata.get("source");
    // What belongs to no source the recorder itself has said.
    printable(name.map_or("ttyscope", String::as_str))
}

fn printable_sources(session: Session, simulated: &BTreeSet<String>) -> Vec<RecordedSource> {
    session
        .sources
        .into_iter()
        .map(|source| RecordedSource {
            name: printable(&source.name),
            address: printable(&source.address),
            origin: match simulated.contains(&printable(&source.name)) {
                true => origin_name(Origin::Simulated).to_owned(),
                false => printable(&source.origin),
            },
            caution: source.caution.as_deref().map(printable),
        })
        .collect()
}

fn printable_accounts(accounts: Vec<SourceAccount>) -> Vec<SourceAccount> {
    let printable_lost = |lost: BTreeMap<String, u64>| {
        lost.into_iter()
            .map(|(reason, count)| (printable(&reason), count))
            .collect()
    };
    accounts
        .into_iter()
        .map(|account| SourceAccount {
            name: printable(&account.name),
            lost: printable_lost(account.lost),
            ..account
        })
        .collect()
}

/// Files come from outside too.
pub(super) fn printable(text: &str) -> String {
    crate::model::text::printable(text).into_owned()
}

fn push_bounded<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MAX_LISTED {
        list.push(item);
    }
}
