//! Counters by name: what recordings, tables and scripts call them.

use super::{BookCounters, FeedCounters};

/// Lists the fields of a struct of counters once, for reading and for writing.
macro_rules! named {
    ($kind:ty, $count:literal, $($field:ident),+ $(,)?) => {
        impl $kind {
            /// The names, in the order of [`Self::named`].
            pub const NAMES: [&'static str; $count] = [$(stringify!($field)),+];

            /// Every counter with its name.
            pub fn named(&self) -> [(&'static str, u64); $count] {
                [$((stringify!($field), self.$field)),+]
            }

            /// Adds what another one counted.
            pub fn add(&mut self, other: &Self) {
                $(self.$field = self.$field.saturating_add(other.$field);)+
            }

            /// The counter of this name, to be changed.
            pub fn named_mut(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($field) => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

named!(
    BookCounters,
    26,
    snapshots_applied,
    snapshots_rejected,
    snapshots_unneeded,
    updates_applied,
    updates_buffered,
    buffered_dropped,
    duplicates,
    out_of_order,
    gaps,
    keepalives,
    seq_resets,
    ignored_desync,
    crc_ok,
    crc_fail,
    crc_skipped,
    crossed,
    crossed_desyncs,
    deletes_of_absent_levels,
    resyncs,
    schema_errors,
    venue_errors,
    trades,
    price_updates,
    late,
    repeated_frames,
    http_errors,
);

named!(
    FeedCounters,
    16,
    frames,
    parse_errors,
    schema_errors,
    unknown,
    venue_errors,
    control,
    heartbeats,
    pings,
    foreign_symbol,
    connections,
    closes,
    duplicates,
    out_of_order,
    gaps,
    repeated_frames,
    http_errors,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_found_by_its_name() {
        let mut counters = BookCounters::default();
        for (name, value) in BookCounters::NAMES.into_iter().zip(1..) {
            *counters.named_mut(name).unwrap() = value;
        }
        assert!(counters.named().into_iter().map(|(_, n)| n).eq(1..=26));
        // All fields are listed: 26 numbers of 8 bytes.
        assert_eq!(size_of::<BookCounters>(), 26 * 8);
        assert_eq!(size_of::<FeedCounters>(), 16 * 8);
        assert_eq!(counters.named_mut("no such"), None);
        let once = counters;
        counters.add(&once);
        assert_eq!((counters.snapshots_applied, counters.http_errors), (2, 52));
    }
}
