//! The depth of a book over time: one column per sample, prices in bins of some ticks.

pub mod draw;

use super::known::{DepthColumn, KnownBook};
use super::panel::MarketPanel;
use crate::model::Stamp;

/// What stood in the bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Ticks in a bin.
    pub ticks: i64,
    /// Height of a bin, in `10^-price_scale`.
    pub step: i64,
    /// The lower edge of the topmost bin, in `10^-price_scale`.
    pub top: i64,
    /// Oldest first; `None` where the book was not live.
    pub columns: Vec<Option<Column>>,
    /// The fullest bin of all.
    pub most: f32,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Sizes from the topmost bin down.
    pub sizes: Vec<f32>,
    /// The bin of the best ask, if it is among the rows.
    pub ask: Option<usize>,
    /// The bin of the best bid, if it is among the rows.
    pub bid: Option<usize>,
}

/// Levels of the newest sample that decide how much has to be seen.
const WANTED_LEVELS: usize = 10;

/// The newest `columns` samples in `rows` bins of at least `group` ticks, around the newest mid.
/// `None` before there is a sample.
pub fn heat(book: &KnownBook, group: i64, columns: usize, rows: usize) -> Option<Heat> {
    let skipped = book.depth_columns().saturating_sub(columns);
    let shown: Vec<Option<&DepthColumn>> = book.depths().skip(skipped).collect();
    let newest = shown.iter().rev().find_map(|column| *column)?;
    let mid = best(&newest.bids).checked_add(best(&newest.asks))? / 2;
    let tick = book.view.tick.max(1);
    let far = shown
        .iter()
        .flatten()
        .flat_map(|column| [best(&column.bids), best(&column.asks)])
        .chain(wanted(&newest.bids))
        .chain(wanted(&newest.asks))
        .map(|price| price.abs_diff(mid))
        .max()?;
    let half = u64::try_from(rows / 2).ok()?.max(1);
    let needed = far.div_ceil(half).div_ceil(tick.unsigned_abs());
    let ticks = rounded_up(needed).max(group);
    let step = tick.checked_mul(ticks)?;
    let top_bin = mid.div_euclid(step) + i64::try_from(rows / 2).ok()?;
    let row = |price: i64| -> Option<usize> {
        let row = usize::try_from(top_bin.checked_sub(price.div_euclid(step))?).ok()?;
        (row < rows).then_some(row)
    };
    let columns: Vec<Option<Column>> = shown
        .into_iter()
        .map(|column| {
            let column = column?;
            let mut sizes = vec![0.0_f32; rows];
            for (price, size) in column.bids.iter().chain(&column.asks) {
                if let Some(row) = row(*price) {
                    sizes[row] += size;
                }
            }
            Some(Column {
                sizes,
                ask: row(best(&column.asks)),
                bid: row(best(&column.bids)),
            })
        })
        .collect();
    let sizes = columns.iter().flatten().flat_map(|column| &column.sizes);
    Some(Heat {
        ticks,
        step,
        top: top_bin.checked_mul(step)?,
        most: sizes.copied().fold(0.0, f32::max),
        columns,
    })
}

fn best(side: &[(i64, f32)]) -> i64 {
    side.first().map_or(0, |(price, _)| *price)
}

fn wanted(side: &[(i64, f32)]) -> impl Iterator<Item = i64> {
    side.iter().take(WANTED_LEVELS).map(|(price, _)| *price)
}

/// The least of 1, 2, 5, 10, 20 and so on that is not below `ticks`.
fn rounded_up(ticks: u64) -> i64 {
    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
    let usual = MarketPanel::groupings().find(|group| *group >= ticks);
    usual.unwrap_or_else(|| {
        let mut group = 10_000_i64;
        while group < ticks {
            group = group.saturating_mul(10);
        }
        group
    })
}

/// How long the samples reach back at `at`, in seconds.
pub fn reaches_back_s(book: &KnownBook, columns: usize, at: Stamp) -> u64 {
    let shown = book.depth_columns().min(columns);
    let oldest = book.samples().rev().nth(shown.saturating_sub(1));
    oldest.map_or(0, |sample| {
        at.mono_ns.saturating_sub(sample.at_ns) / 1_000_000_000
    })
}
