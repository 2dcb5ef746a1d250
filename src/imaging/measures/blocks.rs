//! Three rows of a picture in blocks of columns, so that sums of a block fit small integers.

/// Hands over the rows in blocks of at most `columns` inner columns, each with the one before and
/// the one behind. All three of one length; nothing of rows shorter than three.
pub(super) fn in_blocks(rows: [&[u16]; 3], columns: usize, mut each: impl FnMut([&[u16]; 3])) {
    let width = rows[1].len();
    let mut from = 0;
    while from + 2 < width {
        let to = (from + columns + 2).min(width);
        each(rows.map(|row| &row[from..to]));
        from = to - 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_inner_column_is_in_one_block_with_its_neighbours() {
        for width in 0..12_u16 {
            let row: Vec<u16> = (0..width).collect();
            let mut inner = Vec::new();
            in_blocks([&row; 3], 4, |[above, here, below]| {
                assert!(above == here && here == below && here.len() <= 6);
                inner.extend_from_slice(&here[1..here.len() - 1]);
            });
            let want: Vec<u16> = (1..width.saturating_sub(1)).collect();
            assert_eq!(inner, want);
        }
    }
}
