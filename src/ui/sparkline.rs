//! The last minute in one row.

const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The newest `columns` values, oldest first. A steady rate stands at half height, so that both a
/// peak and a dip show. A zero is the lowest bar, so that silence and absence (a blank) differ.
pub fn sparkline(values: &[u64], columns: u16) -> String {
    let columns = usize::from(columns);
    let shown = values
        .get(values.len().saturating_sub(columns)..)
        .unwrap_or(values);
    let mut sorted: Vec<u64> = values.iter().copied().filter(|value| *value > 0).collect();
    sorted.sort_unstable();
    let usual = sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(0);
    let top = sorted
        .last()
        .copied()
        .unwrap_or(0)
        .max(usual.saturating_mul(2))
        .max(1);
    let mut text = " ".repeat(columns - shown.len());
    text.extend(shown.iter().map(|value| {
        let eighth = (u128::from(*value) * 7).div_ceil(u128::from(top)) as usize;
        EIGHTHS[eighth.min(7)]
    }));
    text
}

/// The newest `columns` values of something that wanders, oldest first, between its own least and
/// largest. What stands still is at half height; `None` is a hole.
pub fn trace<T: Copy + Into<Option<f64>>>(values: &[T], columns: u16) -> String {
    let columns = usize::from(columns);
    let shown = values
        .get(values.len().saturating_sub(columns)..)
        .unwrap_or(values);
    let (least, most) = shown.iter().filter_map(|value| (*value).into()).fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most): (f64, f64), value: f64| (least.min(value), most.max(value)),
    );
    // Halved first: the difference of two huge numbers is no number.
    let span = most / 2.0 - least / 2.0;
    let mut text = " ".repeat(columns - shown.len());
    text.extend(shown.iter().map(|value| {
        let Some(value) = (*value).into() else {
            return ' ';
        };
        let share = match span > 0.0 {
            true => (value / 2.0 - least / 2.0) / span,
            false => 0.5,
        };
        EIGHTHS[((share * 7.0).round() as usize).min(7)]
    }));
    text
}

/// A bar of at most `columns` for `value` of `most`, in eighths of a column.
pub fn bar(value: u64, most: u64, columns: u16) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if most == 0 || value == 0 {
        return String::new();
    }
    let eighths = u128::from(value.min(most)) * u128::from(columns) * 8 / u128::from(most);
    let eighths = (eighths as usize).max(1);
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_bars() {
        let cases: [(&[u64], u16, &str); 5] = [
            (&[], 3, "   "),
            (&[0, 0], 3, " ▁▁"),
            (&[1, 4, 8], 3, "▂▅█"),
            (&[5, 5, 5, 4, 5, 6], 6, "▅▅▅▄▅▆"),
            (&[1_000_000, 1], 2, "█▂"),
        ];
        for (values, columns, shown) in cases {
            assert_eq!(sparkline(values, columns), shown, "{values:?}");
        }
    }

    #[test]
    fn what_wanders_fills_its_own_range() {
        let cases: [(&[Option<f64>], u16, &str); 5] = [
            (&[], 2, "  "),
            (&[Some(5.0), Some(5.0)], 3, " ▅▅"),
            (&[Some(1.0), Some(2.0), Some(8.0)], 3, "▁▂█"),
            (&[Some(9.0), None, Some(8.0)], 3, "█ ▁"),
            (&[Some(-1.0), Some(2.0), Some(1.0)], 2, "█▁"),
        ];
        for (values, columns, shown) in cases {
            assert_eq!(trace(values, columns), shown, "{values:?}");
        }
        assert_eq!(trace(&[f64::MIN, f64::MAX], 2), "▁█");
    }

    #[test]
    fn bars_are_as_long_as_their_share() {
        let cases = [
            ((0, 10), ""),
            ((1, 1_000_000), "▏"),
            ((5, 10), "██"),
            ((10, 10), "████"),
            ((99, 10), "████"),
            ((3, 8), "█▌"),
            ((1, 0), ""),
        ];
        for ((value, most), shown) in cases {
            assert_eq!(bar(value, most, 4), shown, "{value} of {most}");
        }
    }
}
