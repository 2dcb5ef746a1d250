//! A workflow's text, checked before anything of it is sent.
//!
//! The server runs what it is given. What can be known to be wrong is said here, line by line, with
//! what would be allowed.
//!
//! Source: protocol description, sections 11 and 13.2.

use std::fmt;

use super::limits::{LimitError, StageLimits};
use super::message::MAX_PAYLOAD_BYTES;
use super::stage::Axis;
use super::text::{Document, Entry, Oddity, Section};
use crate::model::PlainText;

const ROOT: &str = "Workflow Settings";
const STACK: &str = "Stack Settings";
const PLANES: &str = "Number of planes";
const DIRECTORY: &str = "Save image directory";

/// The Z velocities that a stage can keep, mm/s.
const Z_VELOCITY: (f64, f64) = (0.001, 1.0);

/// What classic TIFF can hold, bytes.
const TIFF_BYTES: u64 = u32::MAX as u64;

/// What a workflow that passed will do, as far as its text says.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkflowSummary {
    /// The stack option, e.g. `ZStack`; empty where none is given.
    pub stack_option: PlainText,
    /// How many planes a stack has.
    pub planes: Option<u32>,
    /// Where it begins, by [`Axis::index`].
    pub start: [Option<f64>; 4],
    /// Where it ends.
    pub end: [Option<f64>; 4],
    /// The directory its images go to, on the server.
    pub directory: PlainText,
}

/// Why a workflow is not sent.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkflowProblem {
    /// There is nothing in it.
    Empty,
    /// No message holds it.
    TooLong {
        /// Its bytes.
        got: usize,
    },
    /// The root section is missing.
    NoRoot,
    /// Something stands outside the root section.
    OutsideRoot {
        /// Its line, from 1.
        line: usize,
    },
    /// There is nothing in the root section.
    EmptyRoot {
        /// The line that opens it.
        line: usize,
    },
    /// A section is missing.
    NoSection {
        /// Its name.
        name: &'static str,
    },
    /// A value is missing.
    NoValue {
        /// The line of its section.
        line: usize,
        /// The section.
        section: &'static str,
        /// Its key.
        key: &'static str,
    },
    /// A value is not what it can be.
    Value {
        /// Its line.
        line: usize,
        /// Its key.
        key: PlainText,
        /// What stands there.
        value: PlainText,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A position is not allowed.
    Position {
        /// Its line.
        line: usize,
        /// `Start Position` or `End Position`.
        section: &'static str,
        /// What is allowed.
        error: LimitError,
    },
    /// A file would be too long for its format.
    TooLongForTiff {
        /// The line of the number of planes.
        line: usize,
        /// How many planes there are.
        planes: u32,
        /// How many fit.
        most: u64,
    },
    /// A line is not as the syntax has it.
    Line(Oddity),
}

impl fmt::Display for WorkflowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the workflow is empty; it has to begin with <{ROOT}>"),
            Self::TooLong { got } => write!(
                f,
                "the workflow has {got} bytes; at most {MAX_PAYLOAD_BYTES} can be sent"
            ),
            Self::NoRoot => write!(f, "there is no <{ROOT}>; all of a workflow stands in it"),
            Self::OutsideRoot { line } => write!(
                f,
                "line {line}: stands outside <{ROOT}>; move it inside or leave it out"
            ),
            Self::EmptyRoot { line } => write!(f, "line {line}: there is nothing in <{ROOT}>"),
            Self::NoSection { name } => {
                write!(f, "there is no <{name}>; write one inside <{ROOT}>")
            }
            Self::NoValue { line, section, key } => write!(
                f,
                "line {line}: <{section}> has no \"{key}\"; write {key} = VALUE"
            ),
            Self::Value {
                line,
                key,
                value,
                allowed,
            } => write!(f, "line {line}: {key} = \"{value}\"; {allowed} is allowed"),
            Self::Position {
                line,
                section,
                error,
            } => write!(f, "line {line}: <{section}>: {error}"),
            Self::TooLongForTiff { line, planes, most } => write!(
                f,
                "line {line}: {planes} planes do not fit a TIFF file; at most {most} do, or save as BigTiff or Raw"
            ),
            Self::Line(oddity) => oddity.fmt(f),
        }
    }
}

/// Checks a workflow's text against the limits in force.
///
/// # Errors
/// Everything that is wrong with it, in the order of the checks; nothing of it is to be sent.
pub fn check(text: &[u8], limits: &StageLimits) -> Result<WorkflowSummary, Vec<WorkflowProblem>> {
    let got = text.len();
    if got > MAX_PAYLOAD_BYTES {
        return Err(vec![WorkflowProblem::TooLong { got }]);
    }
    if text.trim_ascii().is_empty() {
        return Err(vec![WorkflowProblem::Empty]);
    }
    let document = Document::parse(text);
    let oddities = document.oddities().iter().cloned();
    let mut check = Check {
        limits,
        problems: oddities.map(WorkflowProblem::Line).collect(),
    };
    let Some(root) = document.root().section(ROOT) else {
        check.problems.push(WorkflowProblem::NoRoot);
        return Err(check.problems);
    };
    check.outside(&document, root);
    if root.is_empty() {
        let line = root.line();
        check.problems.push(WorkflowProblem::EmptyRoot { line });
        return Err(check.problems);
    }
    let summary = check.sections(root);
    if check.problems.is_empty() {
        Ok(summary)
    } else {
        Err(check.problems)
    }
}

struct Check<'a> {
    limits: &'a StageLimits,
    problems: Vec<WorkflowProblem>,
}

impl Check<'_> {
    fn outside(&mut self, document: &Document, root: Section<'_>) {
        let entries = document.root().entries().map(|entry| entry.line);
        let sections = document.root().sections().map(|section| section.line());
        let others = sections.filter(|line| *line != root.line());
        let outside = entries.chain(others);
        self.problems
            .extend(outside.map(|line| WorkflowProblem::OutsideRoot { line }));
    }

    fn sections(&mut self, root: Section<'_>) -> WorkflowSummary {
        let stack = self.section(root, STACK);
        let option = stack.and_then(|stack| stack.get("Stack option"));
        let option = option.map_or_else(String::new, |entry| entry.value().into_owned());
        let planes = stack.and_then(|stack| self.planes(stack));
        if let Some(stack) = stack {
            self.stack(stack, &option);
        }
        let start = self.position(root, "Start Position", true);
        // A snapshot is taken where it starts.
        let moves = !matches!(option.as_str(), "" | "None" | "Snapshot");
        let end = self.position(root, "End Position", moves);
        let experiment = root.section("Experiment Settings");
        let directory = experiment.map_or_else(String::new, |e| self.directory(e));
        if let (Some(planes), Some(experiment)) = (planes, experiment) {
            self.tiff(root, experiment, planes);
        }
        WorkflowSummary {
            stack_option: PlainText::from_peer(&option),
            planes: planes.map(|(_, planes)| planes),
            start,
            end,
            directory: PlainText::from_peer(&directory),
        }
    }

    fn section<'d>(&mut self, root: Section<'d>, name: &'static str) -> Option<Section<'d>> {
        let section = root.section(name);
        if section.is_none() {
            self.problems.push(WorkflowProblem::NoSection { name });
        }
        section
    }

    /// The number of planes and its line.
    fn planes(&mut self, stack: Section<'_>) -> Option<(usize, u32)> {
        let Some(entry) = stack.get(PLANES) else {
            self.problems.push(WorkflowProblem::NoValue {
                line: stack.line(),
                section: STACK,
                key: PLANES,
            });
            return None;
        };
        let planes = entry
            .number()
            .filter(|planes| planes.fract() == 0.0 && (1.0..=f64::from(i32::MAX)).contains(planes));
        if planes.is_none() {
            self.wrong(&entry, "a whole number from 1 on");
        }
        planes.map(|planes| (entry.line, planes as u32))
    }

    fn stack(&mut self, stack: Section<'_>, option: &str) {
        if let Some(entry) = stack.get("Z stage velocity (mm/s)") {
            // A workflow that takes no stack may have 0 there.
            let takes_stack = !matches!(option, "" | "None" | "Snapshot");
            let (slowest, fastest) = Z_VELOCITY;
            let fits = entry
                .number()
                .is_some_and(|v| v <= fastest && (v >= slowest || (!takes_stack && v >= 0.0)));
            if !fits {
                self.wrong(&entry, "0.001 to 1 mm/s");
            }
        }
        if option == "Tile" {
            for key in ["Stack option settings 1", "Stack option settings 2"] {
                let Some(entry) = stack.get(key) else {
                    self.problems.push(WorkflowProblem::NoValue {
                        line: stack.line(),
                        section: STACK,
                        key,
                    });
                    continue;
                };
                let fits = entry.number().is_some_and(|o| (0.0..=50.0).contains(&o));
                if !fits {
                    self.wrong(&entry, "an overlap of 0 to 50 percent");
                }
            }
        }
    }

    fn position(
        &mut self,
        root: Section<'_>,
        name: &'static str,
        needed: bool,
    ) -> [Option<f64>; 4] {
        let mut position = [None; 4];
        let section = if needed {
            self.section(root, name)
        } else {
            root.section(name)
        };
        let Some(section) = section else {
            return position;
        };
        let keys = ["X (mm)", "Y (mm)", "Z (mm)", "Angle (degrees)"];
        for ((axis, key), place) in Axis::ALL.into_iter().zip(keys).zip(&mut position) {
            let Some(entry) = section.get(key) else {
                if needed {
                    self.problems.push(WorkflowProblem::NoValue {
                        line: section.line(),
                        section: name,
                        key,
                    });
                }
                continue;
            };
            let Some(value) = entry.number() else {
                self.wrong(&entry, "a number");
                continue;
            };
            match self.limits.check(axis, value) {
                Ok(()) => *place = Some(value),
                Err(error) => self.problems.push(WorkflowProblem::Position {
                    line: entry.line,
                    section: name,
                    error,
                }),
            }
        }
        position
    }

    fn directory(&mut self, experiment: Section<'_>) -> String {
        let saves = experiment
            .get("Save image data")
            .is_some_and(|entry| entry.value() != "NotSaved");
        let Some(entry) = experiment.get(DIRECTORY) else {
            if saves {
                self.problems.push(WorkflowProblem::NoValue {
                    line: experiment.line(),
                    section: "Experiment Settings",
                    key: DIRECTORY,
                });
            }
            return String::new();
        };
        let directory = entry.value().into_owned();
        let is_path = directory.contains(['/', '\\'])
            || matches!(directory.as_str(), "." | "..")
            || directory.chars().any(char::is_control);
        if is_path || (saves && directory.is_empty()) {
            self.wrong(&entry, "one directory name without / or \\");
        }
        directory
    }

    /// Classic TIFF ends at 4 GiB.
    fn tiff(&mut self, root: Section<'_>, experiment: Section<'_>, planes: (usize, u32)) {
        let is_tiff = experiment
            .get("Save image data")
            .is_some_and(|entry| entry.value() == "Tiff");
        let Some(camera) = root.section("Camera Settings").filter(|_| is_tiff) else {
            return;
        };
        let side = |key| {
            let side = camera.get(key)?.number()?;
            (1.0..=16_384.0).contains(&side).then_some(side as u64)
        };
        let Some((width, height)) = side("AOI width").zip(side("AOI height")) else {
            return;
        };
        let plane_bytes = width.saturating_mul(height).saturating_mul(2);
        let most = TIFF_BYTES.checked_div(plane_bytes).unwrap_or(u64::MAX);
        let (line, planes) = planes;
        if u64::from(planes) > most {
            self.problems
                .push(WorkflowProblem::TooLongForTiff { line, planes, most });
        }
    }

    fn wrong(&mut self, entry: &Entry<'_>, allowed: &'static str) {
        self.problems.push(WorkflowProblem::Value {
            line: entry.line,
            key: PlainText::from_peer(entry.key),
            value: PlainText::from_peer(&entry.value()),
            allowed,
        });
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
