//! What stands above and below the tables: what is wrong, the workflow, the commands.

use super::KnownInstrument;
use super::sections::{AGE_WIDE, age};
use crate::model::{Activity, CommandState, Stamp, Workflow, WorkflowState};
use crate::panels::commands::{Commands, KnownCommand};
use crate::panels::facts::SourceFacts;
use crate::ui::table::Cell;
use crate::ui::text::{fit, width, wrap};
use crate::ui::{Role, number, sparkline::bar};

/// Pieces of a line, from the left, with one blank between two.
pub(super) type Line = Vec<Cell>;

/// What has to be known before anything below it is read.
pub(super) fn head(known: &KnownInstrument, at: Stamp, room: u16) -> Vec<Line> {
    let mut lines = Vec::new();
    if !known.is_current() {
        let text = format!(
            "? link lost: all of this was last said {} ago",
            age(known.received, at)
        );
        say(&mut lines, &text, Role::Warning, room);
    } else if known.state.activity == Activity::Disconnected {
        let text = "✕ its control program has lost the hardware";
        say(&mut lines, text, Role::Error, room);
    }
    if let Some(workflow) = &known.state.workflow {
        lines.extend(workflow_lines(workflow, known.is_current(), room));
    }
    lines
}

fn say(lines: &mut Vec<Line>, text: &str, role: Role, room: u16) {
    let wrapped = wrap(text, room, 2);
    lines.extend(wrapped.into_iter().map(|line| vec![Cell::new(line, role)]));
}

fn workflow_lines(workflow: &Workflow, is_current: bool, room: u16) -> Vec<Line> {
    let (glyph, role) = match workflow.state {
        WorkflowState::Starting => ("◌", Role::Starting),
        WorkflowState::Running if is_current => ("▸", Role::Warning),
        WorkflowState::Running | WorkflowState::Unknown => ("?", Role::Warning),
        WorkflowState::Ended => ("✓", Role::Dim),
        WorkflowState::Stopped => ("■", Role::Text),
        WorkflowState::Failed => ("✕", Role::Error),
    };
    let mut state = match (workflow.state, is_current) {
        (WorkflowState::Running, false) => "? was running".to_owned(),
        (state, _) => format!("{glyph} {}", state.as_str()),
    };
    let is_over = matches!(
        workflow.state,
        WorkflowState::Ended | WorkflowState::Stopped | WorkflowState::Failed
    );
    if let Some(counts) = counts(workflow).filter(|_| is_over) {
        state.push_str(&format!(", {}", counts.trim_start()));
    }
    let label = "workflow";
    let name = workflow
        .name
        .as_ref()
        .map_or("started elsewhere", |name| name.as_str());
    let taken = width(label) + width(&state) + 2;
    let mut lines = vec![vec![
        Cell::new(label, Role::Dim),
        Cell::new(fit(name, room.saturating_sub(taken)), Role::Text),
        Cell::new(state, role),
    ]];
    if !is_over {
        lines.extend(progress(workflow, room));
    }
    lines
}

/// Pictures taken, of how many.
fn counts(workflow: &Workflow) -> Option<String> {
    let count = number::count;
    match (workflow.acquired, workflow.expected) {
        (Some(acquired), Some(expected)) => {
            let wide = width(&count(expected));
            let missing = wide.saturating_sub(width(&count(acquired)));
            let blanks = " ".repeat(usize::from(missing));
            Some(format!("{blanks}{}/{}", count(acquired), count(expected)))
        }
        (Some(acquired), None) => Some(format!("{} taken", count(acquired))),
        (None, Some(expected)) => Some(format!("{} to take", count(expected))),
        (None, None) => None,
    }
}

/// `120/400 ███░░░ 30 %  saved 118`: the bar is the first to leave, then what was saved.
fn progress(workflow: &Workflow, room: u16) -> Option<Line> {
    const LEAST_BAR: u16 = 5;
    const MOST_BAR: u16 = 40;
    let saved = workflow
        .saved
        .map(|saved| format!("saved {}", number::count(saved)));
    let Some(done) = counts(workflow) else {
        return saved.map(|saved| vec![Cell::new(saved, Role::Text)]);
    };
    let mut line = vec![Cell::new(done, Role::Value)];
    let mut left = room.saturating_sub(line_width(&line));
    if let Some(saved) = saved.filter(|saved| width(saved) < left) {
        left -= width(&saved) + 1;
        line.push(Cell::new(saved, Role::Text));
    }
    if let (Some(acquired), Some(expected @ 1..)) = (workflow.acquired, workflow.expected) {
        let percent = u128::from(acquired.min(expected)) * 100 / u128::from(expected);
        let percent = format!("{percent:>3} %");
        if let Some(bar_wide) = left.checked_sub(width(&percent) + 2)
            && bar_wide >= LEAST_BAR
        {
            let wide = bar_wide.min(MOST_BAR);
            let full = bar(acquired, expected, wide);
            let rest = "░".repeat(usize::from(wide.saturating_sub(width(&full))));
            line.insert(1, Cell::new(full + &rest, Role::Graph));
            line.insert(2, Cell::new(percent, Role::Text));
        }
    }
    Some(line)
}

fn line_width(line: &Line) -> u16 {
    let texts: u16 = line.iter().map(|cell| width(&cell.text)).sum();
    texts + u16::try_from(line.len().saturating_sub(1)).unwrap_or(0)
}

/// A command: what was asked, how it stands, how long it has stood so; and why, where that matters.
pub(super) struct CommandRow {
    /// Command, state and age.
    pub cells: Vec<Cell>,
    /// Why it is not done.
    why: Option<Cell>,
}

impl CommandRow {
    /// Why it is not done, in at most so many lines.
    pub fn why(&self, room: u16, lines: usize) -> Vec<Line> {
        let Some(why) = &self.why else {
            return Vec::new();
        };
        let line = |text| vec![Cell::new("", Role::Text), Cell::new(text, why.role)];
        let lines = wrap(&why.text, room.saturating_sub(2), lines);
        lines.into_iter().map(line).collect()
    }
}

/// Columns from which the state of a command is said in full.
const FULL_WORDS: u16 = 56;

/// The commands, the open ones first (oldest on top), then what became of the last ones.
pub(super) fn commands(source: &SourceFacts, at: Stamp, room: u16) -> Vec<CommandRow> {
    let commands = &source.commands;
    let all = commands.open().chain(commands.ended());
    all.map(|known| command_row(known, at, room)).collect()
}

/// Lines for the reason of a failure, if there is room for all of them.
pub(super) const WHY_LINES: usize = 2;

fn command_row(known: &KnownCommand, at: Stamp, room: u16) -> CommandRow {
    let report = &known.report;
    let (glyph, role) = match report.state {
        CommandState::Queued => ("◌", Role::Starting),
        // Nothing more will be heard of it, and nothing proves it.
        CommandState::Sent | CommandState::Acknowledged if report.is_final => ("○", Role::Dim),
        CommandState::Sent | CommandState::Acknowledged => ("▸", Role::Starting),
        CommandState::Done => ("✓", Role::Dim),
        CommandState::Failed => ("✕", Role::Error),
        CommandState::Stopped => ("■", Role::Dim),
        CommandState::Refused => ("✕", Role::Warning),
        CommandState::Unknown => ("?", Role::Warning),
    };
    let state = match report.state {
        CommandState::Acknowledged if room < FULL_WORDS => "acked",
        state => state.as_str(),
    };
    // One that waits is as old as its wait; one that has ended as its end.
    let since = match report.is_final {
        true => known.changed,
        false => known.queued.or(known.sent).unwrap_or(known.changed),
    };
    let text_room = CommandWidths::of(room).command.saturating_sub(2);
    let text = format!("{glyph} {}", whole_words(&report.command, text_room));
    let text_role = match role {
        Role::Dim => Role::Dim,
        _ => Role::Text,
    };
    // Also where a stopped axis stands.
    let is_unlike_asked = matches!(
        report.state,
        CommandState::Failed
            | CommandState::Stopped
            | CommandState::Refused
            | CommandState::Unknown
    );
    let why = report.detail.as_ref().filter(|_| is_unlike_asked);
    CommandRow {
        cells: vec![
            Cell::new(text, text_role),
            Cell::new(state, role),
            Cell::new(age(since, at), Role::Dim),
        ],
        why: why.map(|why| Cell::new(why.as_str(), role)),
    }
}

/// Columns of a command, its state and its age: always the same in so much room, so that states
/// stand still. The age is the first to leave, then the state, which the glyph says too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CommandWidths {
    pub command: u16,
    /// Zero where it has left.
    pub state: u16,
    /// Zero where it has left.
    pub age: u16,
}

impl CommandWidths {
    /// In so many columns for all of it.
    pub fn of(room: u16) -> Self {
        const MOST: u16 = 60;
        const GAP: u16 = 2;
        let (state, age) = match room {
            0..24 => (0, 0),
            24..34 => (7, 0),
            34..FULL_WORDS => (7, AGE_WIDE),
            _ => (12, AGE_WIDE),
        };
        let gaps = GAP * (u16::from(state > 0) + u16::from(age > 0));
        Self {
            command: room.saturating_sub(state + age + gaps).min(MOST),
            state,
            age,
        }
    }

    /// How many there are.
    pub fn columns(self) -> usize {
        1 + usize::from(self.state > 0) + usize::from(self.age > 0)
    }
}

/// The beginning of a text that is too long, without a word cut: half a number would be another
/// number.
fn whole_words(text: &str, room: u16) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let cut = fit(text, room);
    let kept = cut.strip_suffix('…').unwrap_or(&cut);
    let ends_whole = text
        .get(kept.len()..)
        .is_some_and(|rest| rest.starts_with(' '));
    match kept.rfind(' ') {
        Some(space) if !ends_whole => format!("{}…", &kept[..space]),
        _ => cut,
    }
}

/// How many commands are not shown because there were too many of them at once.
pub(super) fn forgotten(commands: &Commands) -> Option<String> {
    match commands.forgotten() {
        0 => None,
        many => Some(format!("{} not shown", number::count(many))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_a_command_is_not_cut() {
        let cases = [
            ("move z to 12.5 mm", 17, "move z to 12.5 mm"),
            ("move z to 12.5 mm", 14, "move z to…"),
            ("move z to 12.5 mm", 15, "move z to 12.5…"),
            ("move z to 12.5 mm", 10, "move z to…"),
            ("move", 3, "mo…"),
        ];
        for (text, room, shown) in cases {
            assert_eq!(whole_words(text, room), shown, "{room}");
        }
    }

    #[test]
    fn progress_loses_its_bar_before_its_numbers() {
        let workflow = Workflow {
            name: None,
            state: WorkflowState::Running,
            acquired: Some(120),
            expected: Some(4_000),
            saved: Some(118),
        };
        let text = |room| {
            let line = progress(&workflow, room).unwrap_or_default();
            let texts: Vec<String> = line.into_iter().map(|cell| cell.text).collect();
            texts.join(" ")
        };
        assert_eq!(text(40), "  120/4 000 ▎░░░░░░░░░░░   3 % saved 118");
        assert_eq!(text(34), "  120/4 000 ▏░░░░░   3 % saved 118");
        assert_eq!(text(25), "  120/4 000 saved 118");
        assert_eq!(text(12), "  120/4 000");
    }
}
