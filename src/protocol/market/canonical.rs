//! One number for a whole book: the CRC-32 of its canonical text. Two readers of one stream agree
//! on it or one of them is wrong.

use crate::model::decimal;
use crate::model::{Book, Level, Scales};

/// CRC-32 (IEEE) of [`push_text`] of `book`; `text` is room to work in.
pub fn crc32(book: &Book, scales: Scales, text: &mut Vec<u8>) -> u32 {
    text.clear();
    push_text(book, scales, text);
    crc32fast::hash(text)
}

/// Writes `price:size,price:size,...|price:size,...`: bids best first, a bar, asks best first,
/// every number with exactly the decimals of `scales`, which are those of the instrument. A number
/// that has more is written with all it has. Source: order-book specification, section 3.
pub fn push_text(book: &Book, scales: Scales, text: &mut Vec<u8>) {
    push_side(book.bids(), book.scales(), scales, text);
    text.push(b'|');
    push_side(book.asks(), book.scales(), scales, text);
}

fn push_side<'a>(
    levels: impl Iterator<Item = &'a Level>,
    own: Scales,
    wanted: Scales,
    text: &mut Vec<u8>,
) {
    for (i, level) in levels.enumerate() {
        if i > 0 {
            text.push(b',');
        }
        push_number(i128::from(level.price), own.price, wanted.price, text);
        text.push(b':');
        push_number(level.size, own.size, wanted.size, text);
    }
}

/// Writes `units` of `10^-own` with `wanted` decimals, or as many more as it needs.
fn push_number(mut units: i128, mut own: u8, wanted: u8, text: &mut Vec<u8>) {
    while own > wanted && units.checked_rem(10) == Some(0) {
        units = units.checked_div(10).unwrap_or(units);
        own = own.saturating_sub(1);
    }
    match decimal::rescale(units, own, wanted) {
        Some(units) => decimal::push(text, units, wanted),
        None => decimal::push(text, units, own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_decimals_of_the_instrument() {
        let mut book = Book::new(Scales { price: 1, size: 3 });
        let level = |price, size| Level { price, size };
        book.replace(&[level(1000, 2000), level(995, 1250)], &[level(1005, 5)]);
        for (scales, want) in [
            (
                Scales { price: 1, size: 3 },
                "100.0:2.000,99.5:1.250|100.5:0.005",
            ),
            (
                Scales { price: 2, size: 4 },
                "100.00:2.0000,99.50:1.2500|100.50:0.0050",
            ),
            (Scales { price: 0, size: 0 }, "100:2,99.5:1.25|100.5:0.005"),
        ] {
            let mut text = Vec::new();
            push_text(&book, scales, &mut text);
            assert_eq!(String::from_utf8_lossy(&text), want);
        }
        let mut text = Vec::new();
        assert_eq!(
            crc32(&Book::default(), Scales::default(), &mut text),
            crc32fast::hash(b"|")
        );
    }
}
