//! A mean-reversion signal on sampled mids, and statistics over samples. Floats throughout: none of
//! it goes back into a book.

use std::collections::VecDeque;

/// What a signal says on a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalAction {
    /// Open a long position.
    Buy,
    /// Open a short position.
    Sell,
    /// Close the position that is open.
    Close,
}

/// Signals when the mid is far from its mean, and again when it is back.
///
/// z = (mid - mean) / s over the last `lookback` mids, s their population standard deviation; none
/// while there are not `lookback + 1` samples or s is 0. Source: order-book specification, section
/// 15.
#[derive(Clone, Debug, PartialEq)]
pub struct ZScore {
    lookback: usize,
    entry: f64,
    exit: f64,
    mids: VecDeque<f64>,
    /// Samples taken, up to the number that is needed.
    seen: usize,
    has_position: bool,
}

impl Default for ZScore {
    fn default() -> Self {
        Self::new(60, 2.0, 0.5)
    }
}

impl ZScore {
    /// A signal over `lookback` mids (two at least) that opens beyond `entry` and closes within
    /// `exit` standard deviations.
    pub fn new(lookback: usize, entry: f64, exit: f64) -> Self {
        let lookback = lookback.max(2);
        Self {
            lookback,
            entry,
            exit,
            mids: VecDeque::with_capacity(lookback),
            seen: 0,
            has_position: false,
        }
    }

    /// Takes a sample in. The position that an action opens or closes is taken for granted.
    pub fn sample(&mut self, mid: f64) -> Option<SignalAction> {
        if self.mids.len() == self.lookback {
            self.mids.pop_front();
        }
        self.mids.push_back(mid);
        self.seen = self.seen.saturating_add(1).min(self.lookback + 1);
        let z = self.z()?;
        let action = match (self.has_position, z) {
            (true, z) if z.abs() < self.exit => SignalAction::Close,
            (false, z) if z > self.entry => SignalAction::Sell,
            (false, z) if z < -self.entry => SignalAction::Buy,
            _ => return None,
        };
        self.has_position = !self.has_position;
        Some(action)
    }

    /// The newest mid's distance from the mean, in standard deviations.
    pub fn z(&self) -> Option<f64> {
        if self.seen <= self.lookback {
            return None;
        }
        let count = self.mids.len() as f64;
        let mean = self.mids.iter().sum::<f64>() / count;
        let squares = self.mids.iter().map(|mid| (mid - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        let newest = self.mids.back()?;
        (deviation > 0.0).then(|| (newest - mean) / deviation)
    }
}

/// One sample of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Best bid.
    pub bid: f64,
    /// Best ask.
    pub ask: f64,
}

impl Quote {
    /// (bid + ask) / 2.
    pub fn mid(&self) -> f64 {
        (self.bid + self.ask) / 2.0
    }
}

/// Figures over samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuoteStatistics {
    /// Mean best bid.
    pub mean_bid: f64,
    /// Mean best ask.
    pub mean_ask: f64,
    /// Mean of ask - bid.
    pub mean_spread: f64,
    /// Smallest mid.
    pub min_mid: f64,
    /// Largest mid.
    pub max_mid: f64,
    /// Sample standard deviation (n - 1) of the mid; `None` of a single sample.
    pub volatility: Option<f64>,
}

impl QuoteStatistics {
    /// Over these samples; `None` of nothing.
    pub fn of(quotes: impl Iterator<Item = Quote> + Clone) -> Option<Self> {
        let count = quotes.clone().count();
        if count == 0 {
            return None;
        }
        let n = count as f64;
        let mean = |figure: fn(&Quote) -> f64| quotes.clone().map(|q| figure(&q)).sum::<f64>() / n;
        let mids = quotes.clone().map(|quote| quote.mid());
        let mean_mid = mean(Quote::mid);
        let squares = mids.clone().map(|mid| (mid - mean_mid).powi(2));
        Some(Self {
            mean_bid: mean(|quote| quote.bid),
            mean_ask: mean(|quote| quote.ask),
            mean_spread: mean(|quote| quote.ask - quote.bid),
            min_mid: mids.clone().fold(f64::INFINITY, f64::min),
            max_mid: mids.fold(f64::NEG_INFINITY, f64::max),
            volatility: (count > 1).then(|| (squares.sum::<f64>() / (n - 1.0)).sqrt()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_opens_once_and_the_way_back_closes() {
        let mut signal = ZScore::new(10, 2.0, 0.5);
        let mut actions = Vec::new();
        let calm = [100.0, 101.0].into_iter().cycle();
        let mids = calm
            .clone()
            .take(20)
            .chain([110.0, 111.0])
            .chain(calm.take(20));
        for (i, mid) in mids.enumerate() {
            actions.extend(signal.sample(mid).map(|action| (i, action)));
        }
        assert_eq!(actions.first(), Some(&(20, SignalAction::Sell)));
        assert_eq!(
            actions.get(1).map(|action| action.1),
            Some(SignalAction::Close)
        );
        assert_eq!(actions.len(), 2);
    }

    #[test]
    fn there_is_no_signal_too_early_or_without_movement() {
        let mut signal = ZScore::new(3, 0.1, 0.05);
        assert_eq!([1.0, 2.0, 9.0].map(|mid| signal.sample(mid)), [None; 3]);
        assert_eq!(signal.sample(0.0), Some(SignalAction::Buy));
        let mut still = ZScore::new(3, 0.1, 0.05);
        assert!((0..10).all(|_| still.sample(5.0).is_none() && still.z().is_none()));
    }

    #[test]
    fn statistics_are_over_all_samples() {
        let quotes = [(99.0, 101.0), (101.0, 103.0), (103.0, 107.0)];
        let quotes = quotes.into_iter().map(|(bid, ask)| Quote { bid, ask });
        let found = QuoteStatistics::of(quotes.clone()).unwrap_or_else(|| unreachable!());
        assert_eq!(
            (found.mean_bid, found.min_mid, found.max_mid),
            (101.0, 100.0, 105.0)
        );
        assert!((found.mean_spread - 8.0 / 3.0).abs() < 1e-12);
        assert!((found.volatility.unwrap_or(0.0) - 2.516_611_478_423_583).abs() < 1e-12);
        let one = QuoteStatistics::of(quotes.take(1));
        assert_eq!(one.and_then(|found| found.volatility), None);
        assert_eq!(QuoteStatistics::of([].into_iter()), None);
    }
}
