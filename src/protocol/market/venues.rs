//! The venues that are known, one line each.

use super::{VenueKind, binance, kraken};

/// All of them.
pub const VENUES: &[VenueKind] = &[binance::KIND, kraken::KIND];

/// The venue of this short name.
pub fn by_name(name: &str) -> Option<&'static VenueKind> {
    VENUES.iter().find(|kind| kind.name == name)
}
