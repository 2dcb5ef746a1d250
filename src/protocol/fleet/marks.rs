//! What happened to a fleet's figures, and when: restarts, lost pushes, clocks that jumped.

use crate::model::{FleetMark, FleetTotals, Stamp};

/// Marks that are kept.
const MOST: usize = 64;

/// The marks, newest last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Marks(Vec<FleetMark>);

impl Marks {
    /// One more.
    pub(super) fn add(&mut self, at: Stamp, text: String) {
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(FleetMark {
            at,
            text: text.into(),
        });
    }

    /// All of them.
    pub(super) fn all(&self) -> &[FleetMark] {
        &self.0
    }
}

/// The turns as the pushes tell them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turns {
    /// The newest.
    pub(super) last: Option<u64>,
    /// Turns from one push to the next, once two came.
    step: Option<u64>,
}

/// Steps that a server may have: it pushes on every turn, or on every sixth.
///
/// Source: statistics-feed specification, section 2.
const STEPS: [u64; 2] = [1, 6];

impl Turns {
    /// The next turn that was pushed; says what its number shows beyond that.
    pub(super) fn take(&mut self, turn: u64) -> Option<String> {
        let last = self.last.replace(turn)?;
        let Some(step) = turn.checked_sub(last) else {
            self.step = None;
            return Some(format!("restart: turn {last} → {turn}"));
        };
        let usual = self.step;
        match (step, usual) {
            (0, _) => None,
            (step, Some(usual)) if step == usual => None,
            // Fewer turns between pushes lose nothing; the first step teaches.
            (step, usual) if STEPS.contains(&step) && usual.is_none_or(|usual| step < usual) => {
                self.step = Some(step);
                None
            }
            (step, Some(usual)) if STEPS.contains(&step) => {
                self.step = Some(step);
                Some(format!(
                    "turn {last} → {turn}: pushes lost, or from now on every {step} turns instead of {usual}"
                ))
            }
            (step, usual) => {
                let usual = usual.unwrap_or(1).max(1);
                let lost = step.saturating_sub(1).checked_div(usual).unwrap_or(0);
                let many = if lost == 1 { "push" } else { "pushes" };
                Some(format!("turn {last} → {turn}: {lost} {many} lost"))
            }
        }
    }
}

/// What falling totals show; `None` where none fell.
pub(super) fn fallen(before: &FleetTotals, now: &FleetTotals) -> Option<String> {
    let pairs = [
        ("attempts", before.attempts, now.attempts),
        ("succeeded", before.succeeded, now.succeeded),
        ("failed", before.failed, now.failed),
        ("rate-limited", before.limited, now.limited),
    ];
    pairs.into_iter().find_map(|(name, before, now)| {
        let (before, now) = (before?, now?);
        (now < before).then(|| format!("{name} {before} → {now}"))
    })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_turn_shows_restarts_and_losses() {
        let cases: [(&[u64], &[&str]); 8] = [
            (&[1, 2, 3, 4], &[]),
            (&[6, 12, 18], &[]),
            (&[5, 5, 6], &[]),
            (&[1, 2, 5], &["turn 2 → 5: 2 pushes lost"]),
            (&[6, 12, 24], &["turn 12 → 24: 1 push lost"]),
            (&[59, 60, 1, 2], &["restart: turn 60 → 1"]),
            (&[6, 12, 13, 14], &[]),
            (
                &[1, 2, 8, 14],
                &["turn 2 → 8: pushes lost, or from now on every 6 turns instead of 1"],
            ),
        ];
        for (turns, marks) in cases {
            let mut state = Turns::default();
            let found: Vec<String> = turns.iter().filter_map(|turn| state.take(*turn)).collect();
            assert_eq!(found, marks, "{turns:?}");
        }
    }

    #[test]
    fn marks_are_bounded_and_the_oldest_goes() {
        let mut marks = Marks::default();
        for n in 0..MOST + 3 {
            marks.add(Stamp::default(), n.to_string());
        }
        assert_eq!(marks.all().len(), MOST);
        assert_eq!(&*marks.all()[0].text, "3");
    }
}
