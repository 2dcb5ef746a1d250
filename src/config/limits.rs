//! Limits of axes as they are written: in a table of the file, and in a URL.

use std::collections::BTreeMap;

use crate::model::Limits;
use crate::model::text::printable;

/// `AXIS:MIN..MAX`, as it stands in a URL.
pub(super) fn parse_limit(written: &str) -> Result<(String, Limits), String> {
    let wrong = || {
        format!(
            "limit={}: write limit=AXIS:MIN..MAX in the unit of the axis, e.g. limit=X:0..25000",
            printable(written)
        )
    };
    // What is behind the last colon are numbers; an axis may have one in its name.
    let (axis, range) = written.rsplit_once(':').ok_or_else(wrong)?;
    let (min, max) = range.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let limits = limits_from(axis, &[number(min)?, number(max)?])?;
    Ok((axis.to_owned(), limits))
}

/// The two numbers of an axis.
pub(super) fn limits_from(axis: &str, numbers: &[f64]) -> Result<Limits, String> {
    if axis.trim().is_empty() || axis.chars().any(char::is_control) {
        return Err(format!("limits: {axis:?} is no name of an axis"));
    }
    let wrong = |problem: &str| {
        Err(format!(
            "limits of {axis}: {problem}; write {axis} = [MIN, MAX], in the unit of the axis"
        ))
    };
    let [min, max] = *numbers else {
        return wrong(&format!("there are two numbers, not {}", numbers.len()));
    };
    if !min.is_finite() || !max.is_finite() {
        return wrong("both are plain numbers");
    }
    match Limits::new(min, max) {
        Some(limits) => Ok(limits),
        None => wrong(&format!("{min} is more than {max}")),
    }
}

/// Adds the limits of an axis; of several none would be the one that counts.
pub(super) fn add_limit(
    limits: &mut BTreeMap<String, Limits>,
    axis: String,
    limit: Limits,
) -> Result<(), String> {
    if limits.keys().any(|known| known.eq_ignore_ascii_case(&axis)) {
        return Err(format!("limits of {axis} are there twice; leave one out"));
    }
    limits.insert(axis, limit);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_two_finite_numbers_in_order() {
        for (written, axis, min, max) in [
            ("X:0..25000", "X", 0.0, 25_000.0),
            ("Z:-1.5..1e3", "Z", -1.5, 1_000.0),
            ("a:b:-2..-2", "a:b", -2.0, -2.0),
        ] {
            let expected = Limits { min, max };
            assert_eq!(parse_limit(written), Ok((axis.to_owned(), expected)));
        }
        for (written, part) in [
            ("X", "write limit=AXIS:MIN..MAX"),
            ("X:5", "write limit=AXIS:MIN..MAX"),
            ("X:..5", "write limit=AXIS:MIN..MAX"),
            ("X:1,5..2", "write limit=AXIS:MIN..MAX"),
            ("X:5..1", "5 is more than 1"),
            ("X:0..inf", "plain numbers"),
            ("X:nan..1", "plain numbers"),
            ("X:0..1e999", "plain numbers"),
            (":0..1", "no name of an axis"),
            ("\u{1b}[2J", "write limit="),
        ] {
            let problem = parse_limit(written).unwrap_err();
            assert!(problem.contains(part), "{written}: {problem}");
            assert!(!problem.contains('\u{1b}'));
        }
    }
}
