//! The checksum OKX sent until June 2026, and other deployments still do.
//!
//! Source: order-book specification, section 9, "Checksum".

use crate::model::{Book, decimal};

/// Levels of each side that count.
const LEVELS: usize = 25;

/// CRC-32 over the 25 best levels, bid and ask by turns, in the venue's texts joined by colons.
///
/// The venue writes numbers without zeros at the end of their decimals, so a text is told from the
/// integer alone. `text` is used again to spare the allocation.
pub(super) fn of(book: &Book, text: &mut Vec<u8>) -> i32 {
    text.clear();
    let mut bids = book.bids().take(LEVELS);
    let mut asks = book.asks().take(LEVELS);
    let scales = book.scales();
    loop {
        let pair = [bids.next(), asks.next()];
        if pair == [None, None] {
            break;
        }
        for level in pair.into_iter().flatten() {
            push(text, i128::from(level.price), scales.price);
            push(text, level.size, scales.size);
        }
    }
    text.pop();
    // The venue reads the same 32 bits as a signed number.
    crc32fast::hash(text).cast_signed()
}

/// Appends the venue's text of a number, and a colon.
fn push(text: &mut Vec<u8>, units: i128, scale: u8) {
    decimal::push(text, units, scale);
    if scale > 0 {
        while text.last() == Some(&b'0') {
            text.pop();
        }
        if text.last() == Some(&b'.') {
            text.pop();
        }
    }
    text.push(b':');
}
