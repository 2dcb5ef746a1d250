//! The signal of a book on its chart samples, and the position it would have: on paper, since there
//! is no way to place an order here.

use crate::model::Stamp;
use crate::model::order_book::signal::{SignalAction, ZScore};
use crate::ui::Role;
use crate::ui::flow::Item;

use super::{digits, lamp};

/// What the signal said, and the position that follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paper {
    signal: ZScore,
    last: Option<Said>,
}

/// An action of the signal.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Said {
    action: SignalAction,
    mid: f64,
    at: Stamp,
}

impl Paper {
    /// Takes in a mid of the chart.
    pub(super) fn sample(&mut self, mid: f64, at: Stamp) {
        if let Some(action) = self.signal.sample(mid) {
            self.last = Some(Said { action, mid, at });
        }
    }

    /// The tag that is never missing, the distance from the mean, and the position. Prices have so
    /// many decimals.
    pub fn items(&self, decimals: u8, at: Stamp) -> Vec<Item> {
        let z = match self.signal.z() {
            Some(z) => Item::new("z-score", format!("{z:+.2}"), Role::Text),
            None => Item::new("z-score", "waits for samples that move", Role::Dim),
        };
        let (words, role) = match &self.last {
            None => ("flat".to_owned(), Role::Dim),
            Some(said) => {
                let mid = digits::rounded(said.mid, decimals.saturating_add(1));
                let ago = lamp::seconds(at.mono_ns.saturating_sub(said.at.mono_ns));
                match said.action {
                    SignalAction::Buy => (format!("long at {mid} for {ago}"), Role::Value),
                    SignalAction::Sell => (format!("short at {mid} for {ago}"), Role::Value),
                    SignalAction::Close => (format!("flat since {ago}"), Role::Text),
                }
            }
        };
        let tag = Item::new("", "PAPER", Role::Banner);
        vec![tag, z, Item::new("position", words, role)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp {
            mono_ns: seconds * 1_000_000_000,
            unix_ns: 0,
        }
    }

    #[test]
    fn a_position_is_opened_and_closed_on_paper() {
        let mut paper = Paper::default();
        let flat = paper.items(1, at(0));
        assert_eq!(flat[0], Item::new("", "PAPER", Role::Banner));
        assert_eq!(flat[2], Item::new("position", "flat", Role::Dim));
        for second in 0..80 {
            paper.sample(100.0 + (second % 2) as f64, at(second));
        }
        paper.sample(110.0, at(80));
        let short = Item::new("position", "short at 110.00 for 5 s", Role::Value);
        assert_eq!(paper.items(1, at(85))[2], short);
        // Back at the mean.
        paper.sample(100.5, at(81));
        let closed = Item::new("position", "flat since 4 s", Role::Text);
        assert_eq!(paper.items(1, at(85))[2], closed);
        assert_eq!(paper.items(1, at(85))[0], flat[0]);
    }
}
