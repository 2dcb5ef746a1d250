//! The venues that are known, one line each.

use super::{VenueKind, binance, coinbase_advanced, coinbase_exchange, finnhub, kraken, okx};

/// All of them.
pub const VENUES: &[VenueKind] = &[
    binance::KIND,
    kraken::KIND,
    coinbase_advanced::KIND,
    coinbase_exchange::KIND,
    okx::KIND,
    finnhub::KIND,
];

/// The venue of this short name.
pub fn by_name(name: &str) -> Option<&'static VenueKind> {
    VENUES.iter().find(|kind| kind.name == name)
}
