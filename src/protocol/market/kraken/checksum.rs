//! The text of Kraken's checksum.

use crate::model::{Book, decimal};

/// Writes the ten best asks (low to high), then the ten best bids (high to low), price before size.
///
/// The text is that of the wire without the point and the zeros in front, which is the integer
/// itself where it is counted with the venue's own decimals.
pub(super) fn push_text(book: &Book, levels: usize, text: &mut Vec<u8>) {
    for level in book.asks().take(levels).chain(book.bids().take(levels)) {
        decimal::push(text, i128::from(level.price), 0);
        decimal::push(text, level.size, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Level, Scales};

    #[test]
    fn zeros_at_the_end_count_and_zeros_in_front_do_not() {
        let level = |price, size| Level { price, size };
        let mut book = Book::new(Scales { price: 7, size: 8 });
        book.replace(
            &[
                level(1_733_790, 100_000_000_000),
                level(1_733_730, 382_763_003_305),
            ],
            &[
                level(1_734_050, 41_723_335_166),
                level(1_734_060, 355_216_003_981),
                level(1_734_140, 3_882_104_070),
            ],
        );
        let mut text = Vec::new();
        push_text(&book, 10, &mut text);
        assert_eq!(
            String::from_utf8_lossy(&text),
            "173405041723335166173406035521600398117341403882104070\
             17337901000000000001733730382763003305"
        );
        assert_eq!(crc32fast::hash(&text), 384_428_410);
        text.clear();
        push_text(&Book::default(), 10, &mut text);
        assert_eq!(crc32fast::hash(&text), 0);
    }
}
