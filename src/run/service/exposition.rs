//! The figures in Prometheus' text format. Source: "Exposition formats" and "Metric and label
//! naming" in Prometheus' documentation.
//!
//! The number of series is bounded: by the configuration (sources), by the meters (cameras of a
//! source) and by our own lists (lanes, reasons, kinds, stages, states).

use std::fmt::{self, Display, Write as _};

use super::figures::Figures;
use crate::model::{DropReason, LaneKind, Percentiles};
use crate::pipeline::{SourceSnapshot, Stage};

/// What the answer says it is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The longest value of a label: names of cameras are a peer's.
const LABEL_CHARS: usize = 128;

/// The states of links, as [`crate::model::LinkState::word`] and
/// [`super::figures::SourceState::word`] have them.
const LINK_STATES: [&str; 7] = [
    "starting",
    "connecting",
    "connected",
    "live",
    "stale",
    "down",
    "ended",
];
/// Those of the recorder, as [`crate::model::RecorderState::word`] has them.
const RECORDER_STATES: [&str; 5] = ["off", "recording", "draining", "waiting", "failed"];

/// What of the disk's room, as [`crate::model::DiskRoom::as_str`] has them.
const DISK_ROOMS: [&str; 4] = ["roomy", "frames held", "only control", "full"];

/// All figures.
pub fn text(figures: &Figures) -> String {
    let mut page = Page::default();
    about_us(&mut page, figures);
    links(&mut page, figures);
    lanes(&mut page, figures);
    disk_accounts(&mut page, figures);
    rates(&mut page, figures);
    cameras(&mut page, figures);
    latencies(&mut page, figures);
    recorder(&mut page, figures);
    page.0
}

/// What kind of figure one is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
    Summary,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Summary => "summary",
        }
    }
}

/// The text as it grows. Writing into a string does not fail.
#[derive(Debug, Default)]
struct Page(String);

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    /// Begins a figure: all its series follow.
    fn begin(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = kind.as_str();
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn series(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        self.0.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", Escaped(value));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// A figure that has one series.
    fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.begin(name, kind, help);
        self.series(name, &[], value);
    }

    /// One of several states: 1 for that, 0 for the others.
    fn state(&mut self, name: &str, labels: Labels<'_>, states: &[&str], now: &str) {
        for state in states {
            let mut all = labels.to_vec();
            all.push(("state", state));
            self.series(name, &all, u8::from(*state == now));
        }
    }
}

/// The value of a label.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(LABEL_CHARS) {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn about_us(page: &mut Page, figures: &Figures) {
    let name = "ttyscope_build_info";
    page.begin(name, Kind::Gauge, "The version that runs; always 1.");
    page.series(name, &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.single(
        "ttyscope_figures_timestamp_seconds",
        Kind::Gauge,
        "When these figures were taken, Unix time: not long ago, unless the main loop hangs.",
        figures.snapshot.at.unix_ns as f64 / 1e9,
    );
}

fn links(page: &mut Page, figures: &Figures) {
    let sources = &figures.sources;
    let name = "ttyscope_source_simulated";
    page.begin(
        name,
        Kind::Gauge,
        "Whether the source is one of ttyscope's simulators.",
    );
    for source in sources {
        let labels = [("source", source.name.as_str())];
        page.series(name, &labels, u8::from(source.simulated));
    }
    let name = "ttyscope_link_up";
    page.begin(name, Kind::Gauge, "Whether the source is connected.");
    for source in sources {
        let labels = [("source", source.name.as_str())];
        page.series(name, &labels, u8::from(source.is_up()));
    }
    let name = "ttyscope_link_state";
    page.begin(
        name,
        Kind::Gauge,
        "The state of the source's link: 1 for that state.",
    );
    for source in sources {
        let labels = [("source", source.name.as_str())];
        page.state(name, &labels, &LINK_STATES, source.word());
    }
    let name = "ttyscope_link_losses_total";
    page.begin(
        name,
        Kind::Counter,
        "How often a link was lost that had been up.",
    );
    for source in sources {
        let labels = [("source", source.name.as_str())];
        page.series(name, &labels, source.losses);
    }
}

/// Each source with its name.
fn each(figures: &Figures) -> impl Iterator<Item = (&str, &SourceSnapshot)> {
    let names = figures.sources.iter().map(|source| source.name.as_str());
    names.zip(&figures.snapshot.sources)
}

fn lanes(page: &mut Page, figures: &Figures) {
    type Column = (
        &'static str,
        Kind,
        &'static str,
        fn(&crate::model::Counts) -> u64,
    );
    let columns: [Column; 6] = [
        (
            "ttyscope_received_total",
            Kind::Counter,
            "Items received, by the lane to the screen.",
            |counts| counts.received,
        ),
        (
            "ttyscope_shown_total",
            Kind::Counter,
            "Items that reached the screen or the log.",
            |counts| counts.shown,
        ),
        (
            "ttyscope_coalesced_total",
            Kind::Counter,
            "Items that gave way to newer ones on the screen.",
            |counts| counts.coalesced,
        ),
        (
            "ttyscope_recorded_only_total",
            Kind::Counter,
            "Items that the recorder got and the screen did not.",
            |counts| counts.recorded_only,
        ),
        (
            "ttyscope_recorded_total",
            Kind::Counter,
            "Items that the recorder accepted, whatever became of them on the screen.",
            |counts| counts.recorded,
        ),
        (
            "ttyscope_in_flight",
            Kind::Gauge,
            "Items on their way to the screen.",
            |counts| counts.in_flight,
        ),
    ];
    for (name, kind, help, value) in columns {
        page.begin(name, kind, help);
        for (source, of) in each(figures) {
            for lane in LaneKind::ALL {
                let labels = [("source", source), ("lane", lane.as_str())];
                page.series(name, &labels, value(&of.lane(lane).counts));
            }
        }
    }
    let name = "ttyscope_dropped_total";
    page.begin(
        name,
        Kind::Counter,
        "Items that neither screen nor recorder got.",
    );
    for (source, of) in each(figures) {
        for lane in LaneKind::ALL {
            let dropped = of.lane(lane).counts.dropped;
            for (reason, count) in DropReason::ALL.into_iter().zip(dropped) {
                let labels = [
                    ("source", source),
                    ("lane", lane.as_str()),
                    ("reason", reason.as_str()),
                ];
                page.series(name, &labels, count);
            }
        }
    }
    let name = "ttyscope_residue";
    let help = "Items that the accounts cannot explain: anything but 0 is a bug.";
    page.begin(name, Kind::Gauge, help);
    for (source, of) in each(figures) {
        page.series(name, &[("source", source)], of.residue());
    }
}

fn disk_accounts(page: &mut Page, figures: &Figures) {
    let name = "ttyscope_recorder_accepted_total";
    page.begin(name, Kind::Counter, "Messages accepted for the recording.");
    for (source, of) in each(figures) {
        page.series(name, &[("source", source)], of.disk.accepted);
    }
    let name = "ttyscope_recorder_written_total";
    page.begin(name, Kind::Counter, "Messages written to the recording.");
    for (source, of) in each(figures) {
        page.series(name, &[("source", source)], of.disk.written);
    }
    let name = "ttyscope_recorder_lost_total";
    page.begin(
        name,
        Kind::Counter,
        "Messages accepted for the recording and not written.",
    );
    for (source, of) in each(figures) {
        for (reason, count) in DropReason::ALL.into_iter().zip(of.disk.lost) {
            let labels = [("source", source), ("reason", reason.as_str())];
            page.series(name, &labels, count);
        }
    }
}

fn rates(page: &mut Page, figures: &Figures) {
    let name = "ttyscope_source_items_per_second";
    page.begin(
        name,
        Kind::Gauge,
        "Items per second over the last two seconds.",
    );
    for (source, of) in each(figures) {
        page.series(name, &[("source", source)], of.rate_hz);
    }
    let name = "ttyscope_source_bytes_per_second";
    page.begin(
        name,
        Kind::Gauge,
        "Bytes per second over the last two seconds.",
    );
    for (source, of) in each(figures) {
        page.series(name, &[("source", source)], of.bytes_per_s);
    }
    let name = "ttyscope_source_last_received_age_seconds";
    page.begin(
        name,
        Kind::Gauge,
        "How long ago the source last said anything.",
    );
    for (source, of) in each(figures) {
        if let Some(last) = of.last_received {
            let age = figures.snapshot.at.since(last).as_secs_f64();
            page.series(name, &[("source", source)], age);
        }
    }
    let name = "ttyscope_faults_total";
    page.begin(name, Kind::Counter, "Things that went wrong, by kind.");
    for (source, of) in each(figures) {
        for (kind, count) in &of.faults {
            let labels = [("source", source), ("kind", kind.as_str())];
            page.series(name, &labels, count);
        }
    }
}

fn cameras(page: &mut Page, figures: &Figures) {
    let all = || {
        each(figures).flat_map(|(source, of)| {
            let cameras = of.cameras.iter();
            cameras.map(move |camera| {
                let labels = [("source", source), ("camera", camera.detector.as_str())];
                (labels, camera)
            })
        })
    };
    let name = "ttyscope_camera_frames_total";
    page.begin(name, Kind::Counter, "Pictures received.");
    for (labels, camera) in all() {
        page.series(name, &labels, camera.frames);
    }
    let name = "ttyscope_camera_lost_total";
    page.begin(
        name,
        Kind::Counter,
        "Pictures that their numbers say are missing.",
    );
    for (labels, camera) in all() {
        page.series(name, &labels, camera.lost);
    }
    let name = "ttyscope_camera_frames_per_second";
    page.begin(
        name,
        Kind::Gauge,
        "Pictures per second over the last two seconds.",
    );
    for (labels, camera) in all() {
        page.series(name, &labels, camera.fps);
    }
}

fn latencies(page: &mut Page, figures: &Figures) {
    let name = "ttyscope_stage_seconds";
    let help = "How long the parts of an item's way took, over the last items of a source.";
    page.begin(name, Kind::Summary, help);
    for (source, of) in each(figures) {
        for stage in Stage::ALL {
            let took = of.stage(stage);
            if took.count > 0 {
                quantiles(
                    page,
                    name,
                    &[("source", source), ("stage", word(stage))],
                    took,
                );
            }
        }
    }
    let name = "ttyscope_recorder_seconds";
    let help = "From receipt to being handed to the file, over the last messages.";
    page.begin(name, Kind::Summary, help);
    if figures.snapshot.recorder.latency.count > 0 {
        quantiles(page, name, &[], figures.snapshot.recorder.latency);
    }
}

/// A stage's name as a label: the words of the screen have signs in them.
fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::DeviceToReceived => "device_to_received",
        Stage::ReceivedToTaken => "received_to_taken",
        Stage::Decode => "decode",
        Stage::DecodedToDrawn => "decoded_to_drawn",
        Stage::ReceivedToDrawn => "received_to_drawn",
        Stage::ReceivedToWritten => "received_to_written",
    }
}

fn quantiles(page: &mut Page, name: &str, labels: Labels<'_>, of: Percentiles) {
    for (quantile, ns) in [
        ("0.5", of.p50_ns),
        ("0.9", of.p90_ns),
        ("0.99", of.p99_ns),
        ("1", of.max_ns),
    ] {
        let mut all = labels.to_vec();
        all.push(("quantile", quantile));
        page.series(name, &all, ns as f64 / 1e9);
    }
}

fn recorder(page: &mut Page, figures: &Figures) {
    let status = &figures.snapshot.recorder;
    let name = "ttyscope_recorder_state";
    page.begin(
        name,
        Kind::Gauge,
        "What the recorder is doing: 1 for that state.",
    );
    page.state(name, &[], &RECORDER_STATES, status.state.word());
    let name = "ttyscope_recorder_disk";
    page.begin(
        name,
        Kind::Gauge,
        "What the room on the disk leaves to be written.",
    );
    page.state(name, &[], &DISK_ROOMS, status.disk.as_str());
    page.single(
        "ttyscope_recorder_parts_total",
        Kind::Counter,
        "Files that were begun.",
        figures.part(),
    );
    page.single(
        "ttyscope_recorder_written_bytes_total",
        Kind::Counter,
        "Bytes written to the files of the recording.",
        status.written_bytes,
    );
    page.single(
        "ttyscope_recorder_waiting_messages",
        Kind::Gauge,
        "Messages that wait for the recorder.",
        status.waiting,
    );
    page.single(
        "ttyscope_recorder_waiting_bytes",
        Kind::Gauge,
        "Bytes that wait for the recorder.",
        status.waiting_bytes,
    );
    page.single(
        "ttyscope_retention_removed_files_total",
        Kind::Counter,
        "Files that were taken away as too old or too many.",
        figures.removed.0,
    );
    page.single(
        "ttyscope_retention_removed_bytes_total",
        Kind::Counter,
        "Bytes that were taken away as too old or too many.",
        figures.removed.1,
    );
    if let Some(age_s) = figures.durable_age_s() {
        let help = "How old the newest thing is that a loss of power would cost.";
        page.single("ttyscope_durable_age_seconds", Kind::Gauge, help, age_s);
    }
    if let Some(free) = status.free_bytes {
        let help = "Free space on the recorder's disk.";
        page.single("ttyscope_disk_free_bytes", Kind::Gauge, help, free);
    }
}

#[cfg(test)]
mod tests;
