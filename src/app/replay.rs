//! A recording that is played: what the keys ask of its player, and the line that says where it
//! stands. The line is on every screen, in the same columns whatever happens.

use super::App;
use super::top_line::Piece;
use crate::app::Effect;
use crate::control::Latch;
use crate::intent::Action;
use crate::model::{
    Mark, MarkKind, Pace, ReplayOrder, ReplayState, ReplayStatus, SeekTo, Stamp, StopLevel,
};
use crate::panels::tables::Since;
use crate::ui::Role;
use crate::ui::text::width;
use std::time::Duration;

/// How far a key goes.
const FAR: Duration = Duration::from_secs(10);
/// Less of a difference between the wanted pace and the one that is reached is none.
const NEAR_THOUSANDTHS: u32 = 50;
/// A timeline of fewer columns says nothing.
const BAR_LEAST: u16 = 12;
/// One of more columns is hard to read.
const BAR_MOST: u16 = 60;

impl App {
    /// Takes in where the player stands. After a jump nothing stays of what was shown before it.
    pub(super) fn take_replay(&mut self, status: Box<ReplayStatus>) {
        let before = self.transport.replace(status);
        let Some(now) = &self.transport else { return };
        let told = before.as_ref().map_or(0, |before| before.notice.0);
        let notice = (now.notice.0 > told).then(|| now.notice.1.to_string());
        let since = now.since;
        self.dirty |= before.as_ref().is_none_or(|before| is_seen(before, now));
        if before.is_some_and(|before| before.since != since) {
            self.forget(since);
        }
        if let Some(text) = notice {
            self.say(text, Role::Warning);
            self.dirty = true;
        }
    }

    fn forget(&mut self, since: Stamp) {
        self.facts.forget(since);
        self.held = None;
        self.latch = None::<Latch>;
        self.tables.since = Since::Moment;
        self.dirty = true;
    }

    /// Whether what is stamped so was played before the last jump.
    pub(super) fn is_past(&self, received: Stamp) -> bool {
        let since = self.transport.as_ref().map(|status| status.since);
        since.is_some_and(|since| received.mono_ns < since.mono_ns)
    }

    /// The moment ages are counted to while nothing is held: the present, or that of the recording.
    pub(super) fn data_now(&self) -> Stamp {
        match &self.transport {
            None => self.now,
            Some(status) => Stamp {
                mono_ns: status.since.mono_ns.saturating_add(status.at_ns),
                unix_ns: status.unix_ns,
            },
        }
    }

    /// Whether the recording goes on by itself.
    pub(super) fn is_playing(&self) -> bool {
        let state = self.transport.as_ref().map(|status| status.state);
        state == Some(ReplayState::Playing)
    }

    /// What a key asks of the player.
    pub(super) fn replay_key(&self, action: Action) -> Result<Effect, String> {
        let mark = |kind, forward| ReplayOrder::Seek(SeekTo::Mark { kind, forward });
        self.replay_order(match action {
            Action::StepForward => ReplayOrder::Step { forward: true },
            Action::StepBack => ReplayOrder::Step { forward: false },
            Action::SeekForward => ReplayOrder::Seek(SeekTo::Forward(FAR)),
            Action::SeekBack => ReplayOrder::Seek(SeekTo::Back(FAR)),
            Action::NextFault => mark(MarkKind::Fault, true),
            Action::PreviousFault => mark(MarkKind::Fault, false),
            Action::NextCommand => mark(MarkKind::Command, true),
            Action::PreviousCommand => mark(MarkKind::Command, false),
            Action::Faster => ReplayOrder::Faster,
            Action::Slower => ReplayOrder::Slower,
            Action::Loop => ReplayOrder::Loop(None),
            _ => ReplayOrder::Toggle,
        })
    }

    /// Asks the player, if there is one.
    pub(super) fn replay_order(&self, order: ReplayOrder) -> Result<Effect, String> {
        match self.replay {
            true => Ok(Effect::Replay(order)),
            false => Err("this is live; `ttyscope replay FILE` plays a recording".to_owned()),
        }
    }

    /// Presses the stop, unless there is nothing that could be stopped.
    pub(super) fn press_stop(&self, level: Option<StopLevel>) -> Result<Effect, String> {
        match self.replay {
            false => Ok(Effect::Stop(level)),
            true => {
                let key = self.key_text(Action::Play);
                Err(format!("a replay has nothing to stop; {key} holds it"))
            }
        }
    }

    /// What the player does, in a word, where there is room for no more.
    pub(super) fn replay_words(&self) -> Option<&'static str> {
        let status = self.transport.as_ref()?;
        Some(match status.state {
            ReplayState::Playing => "▸",
            ReplayState::Paused => "‖ paused:",
            ReplayState::Seeking => "… seeking:",
            ReplayState::Ended => "■ ended:",
        })
    }

    /// The line of the player for so many columns. What it does and where it is stay longest.
    pub(super) fn replay_line(&self, columns: u16) -> Vec<Piece> {
        let Some(status) = &self.transport else {
            return Vec::new();
        };
        let mut line = vec![("REPLAY".to_owned(), Role::Banner)];
        let (sign, word, role) = match status.state {
            ReplayState::Playing => ("▸", "", Role::Good),
            ReplayState::Paused => ("‖", "paused", Role::Held),
            ReplayState::Seeking => ("…", "seeking", Role::Starting),
            ReplayState::Ended => ("■", "ended", Role::Held),
        };
        let pace = pace_words(status);
        let state = match word {
            "" => format!(" {sign} {pace}"),
            word => format!(" {sign} {word} {pace}"),
        };
        // As wide as the widest, so that what follows stands still.
        line.push((format!("{state:<22}"), role));
        line.push((place_words(status), Role::Value));
        let moment = format!("  {}", moment(status.unix_ns));
        let mut more = vec![(moment, Role::Text)];
        if status.parts > 1 {
            let text = format!("  part {}/{}", status.part, status.parts);
            more.push((text, Role::Text));
        }
        if status.loops {
            more.push(("  loop".to_owned(), Role::Text));
        }
        if status.unreadable > 0 {
            let text = format!("  {} unreadable", status.unreadable);
            more.push((text, Role::Warning));
        }
        if let Some(looked) = status.looked_through {
            let text = format!("  looking through {:>2}%", looked / 10_000);
            more.push((text, Role::Dim));
        }
        for piece in more {
            if line_width(&line) + width(&piece.0) <= columns {
                line.push(piece);
            }
        }
        let room = columns.saturating_sub(line_width(&line) + 2).min(BAR_MOST);
        if room >= BAR_LEAST
            && let Some(whole_ns) = status.whole_ns.filter(|whole| *whole > 0)
        {
            line.push(("  ".to_owned(), Role::Text));
            line.extend(bar(status, whole_ns, room));
        }
        line
    }
}

/// Whether the line looks different.
fn is_seen(before: &ReplayStatus, now: &ReplayStatus) -> bool {
    let moves_on = now.state == ReplayState::Playing;
    let is_same_time = match moves_on {
        true => before.at_ns / 1_000_000_000 == now.at_ns / 1_000_000_000,
        false => before.at_ns == now.at_ns,
    };
    let rest = |status: &ReplayStatus| ReplayStatus {
        at_ns: 0,
        unix_ns: 0,
        achieved: status.achieved.map(|pace| pace / 100),
        ..status.clone()
    };
    !is_same_time || rest(before) != rest(now)
}

fn line_width(line: &[Piece]) -> u16 {
    let widths = line.iter().map(|(text, _)| width(text));
    widths.fold(0, u16::saturating_add)
}

/// The wanted pace, and the one that is reached where that is another.
fn pace_words(status: &ReplayStatus) -> String {
    let reached = status.achieved.filter(|reached| match status.pace {
        Pace::Max => true,
        Pace::Thousandths(wanted) => {
            let difference = u64::from(reached.abs_diff(wanted)) * 1_000;
            difference >= u64::from(wanted) * u64::from(NEAR_THOUSANDTHS)
        }
    });
    match reached {
        None => status.pace.to_string(),
        Some(reached) => {
            let times = f64::from(reached) / 1e3;
            let digits = if times < 99.95 { 1 } else { 0 };
            format!("{} ({times:.digits$}x)", status.pace)
        }
    }
}

/// The place and the whole. While it stands, to the millisecond: steps may be smaller than a second.
fn place_words(status: &ReplayStatus) -> String {
    let stands = status.state != ReplayState::Playing;
    let whole = match status.whole_ns {
        Some(whole) => clock(whole, stands),
        None => "--:--:--".to_owned(),
    };
    let place = clock(status.at_ns, stands);
    format!("{place:<12} / {whole}")
}

fn clock(ns: u64, fine: bool) -> String {
    let seconds = ns / 1_000_000_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let whole = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    match fine {
        true => format!("{whole}.{:03}", ns / 1_000_000 % 1_000),
        false => whole,
    }
}

/// A moment in UTC, to the second. Source of the date: Howard Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms", `civil_from_days`.
fn moment(unix_ns: u64) -> String {
    let seconds = unix_ns / 1_000_000_000;
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let time = clock(seconds % 86_400 * 1_000_000_000, false);
    format!("{year:04}-{month:02}-{day:02} {time}Z")
}

/// The whole time as a bar: where it is, where faults are, where commands were given. Of several
/// things in one column the place comes first, then the fault.
fn bar(status: &ReplayStatus, whole_ns: u64, columns: u16) -> Vec<Piece> {
    let last = u128::from(columns.saturating_sub(1));
    let column = |ns: u64| {
        let column = u128::from(ns.min(whole_ns)) * last / u128::from(whole_ns.max(1));
        usize::try_from(column).unwrap_or(0)
    };
    let mut cells = vec![('─', Role::Dim); usize::from(columns)];
    let mut put = |ns: u64, sign: char, role: Role| {
        if let Some(cell) = cells.get_mut(column(ns)) {
            *cell = (sign, role);
        }
    };
    for (kind, sign, role) in [
        (MarkKind::Command, '▲', Role::Value),
        (MarkKind::Fault, '✕', Role::Error),
    ] {
        let marks = status.marks.iter().filter(|mark: &&Mark| mark.kind == kind);
        for mark in marks {
            put(mark.at_ns, sign, role);
        }
    }
    put(status.at_ns, '●', Role::Held);
    let mut pieces: Vec<Piece> = Vec::new();
    for (sign, role) in cells {
        match pieces.last_mut() {
            Some((text, same)) if *same == role => text.push(sign),
            _ => pieces.push((sign.to_string(), role)),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_with_their_date() {
        for (unix_s, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (1_795_183_402, "2026-11-20 14:03:22Z"),
            (4_102_444_799, "2099-12-31 23:59:59Z"),
        ] {
            assert_eq!(moment(unix_s * 1_000_000_000), text);
        }
    }
}
