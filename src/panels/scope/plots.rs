//! The numbers about a picture, and what its histogram marks.

pub mod draw;

use crate::imaging::{Measures, Picture};
use crate::ui::grid::Number;
use crate::ui::{Role, number};

/// From this share of saturated pixels on it is said in words: what is measured there is wrong.
const MUCH_SATURATED: f64 = 0.01;
/// From this share on the number is marked.
const SOME_SATURATED: f64 = 0.001;
/// A picture this black shows nothing.
const ALL_BLACK: f64 = 0.999;

/// The numbers about a picture, the most important first. What has not been measured is a dash.
pub fn numbers(picture: &Picture) -> Vec<Number> {
    let measures = picture.measures.as_deref();
    let count = |value: f64| number::count(value.round().clamp(0.0, 1e9) as u64);
    let text = |value: fn(&Measures) -> f64| measures.map_or("-".to_owned(), |m| count(value(m)));
    let (least, most) = picture.value_range;
    let (least, most) = measures.map_or((least, most), |m| (m.min, m.max));
    let plain = |label, value: String| Number::new(label, value, Role::Text);
    let saturated = measures.map_or(0.0, |m| m.saturated);
    let sat_role = match saturated >= SOME_SATURATED {
        true => Role::Warning,
        false => Role::Text,
    };
    let mut numbers = vec![
        plain("min", number::count(least.into())),
        plain("p50", text(|m| m.p50)),
        plain("max", number::count(most.into())),
        plain("p1", text(|m| m.p1)),
        plain("p99.8", text(|m| m.p99_8)),
        Number::new(
            "sat",
            measures.map_or("-".to_owned(), |m| percent(m.saturated)),
            sat_role,
        ),
        focus(measures),
        plain(
            "noise",
            measures
                .and_then(|m| m.noise)
                .map_or("-".to_owned(), |noise| format!("{noise:.1}")),
        ),
        plain("spots", text(|m| m.spots.count.into())),
    ];
    let drift = measures.and_then(|m| m.drift.as_ref());
    numbers.push(match drift {
        Some(drift) => plain("drift", format!("{:+.1}", drift.x_px))
            .with_text(format!("{:+.1} px", drift.y_px)),
        None => plain("drift", "-".to_owned()).with_text(""),
    });
    numbers.push(plain("mean", text(|m| m.mean)));
    numbers.push(plain("sd", text(|m| m.std_dev)));
    numbers
}

/// How sharp it is, as a share of the best since the region was chosen.
fn focus(measures: Option<&Measures>) -> Number {
    let scored = measures.filter(|m| m.focus.is_some() && !m.trends.tenengrad.recent().is_empty());
    let Some(measures) = scored else {
        return Number::new("focus", "-", Role::Text).with_trend(Vec::new());
    };
    let trend = &measures.trends.tenengrad;
    let recent = trend.recent().iter().map(|score| f64::from(*score));
    Number::new("focus", format!("{:.3}", trend.of_best()), Role::Value)
        .with_trend(recent.collect())
}

/// A share in six columns.
fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p < 0.01 => "<.01 %".to_owned(),
        p if p < 9.995 => format!("{p:.2} %"),
        p => format!("{p:.0} %"),
    }
}

/// What has to be said of a picture whose values are no good.
pub fn warning(picture: &Picture) -> Option<String> {
    let measures = picture.measures.as_deref()?;
    if measures.saturated >= MUCH_SATURATED {
        let share = percent(measures.saturated);
        return Some(format!("▲ saturated: {share} of the pixels"));
    }
    let share = percent(measures.black);
    (measures.black >= ALL_BLACK).then(|| format!("▲ black: {share} of the pixels are 0"))
}

/// The column of a histogram that a value is in; to its left or right for one that is outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the smallest value.
    Left,
    /// In this column.
    At(u16),
    /// Above the largest value.
    Right,
}

/// Where `value` is among `columns` between `from` and `to`, the latter not included.
pub fn place(value: u16, (from, to): (u32, u32), columns: u16) -> Place {
    let value = u32::from(value);
    let span = to.saturating_sub(from).max(1);
    match value.checked_sub(from) {
        None => Place::Left,
        Some(_) if value >= to => Place::Right,
        Some(above) => {
            let column = u64::from(above) * u64::from(columns) / u64::from(span);
            Place::At(u16::try_from(column).unwrap_or(columns))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_take_six_columns() {
        let cases = [
            (0.0, "0 %"),
            (1e-9, "<.01 %"),
            (0.000_2, "0.02 %"),
            (0.012_34, "1.23 %"),
            (0.099_9, "9.99 %"),
            (0.099_99, "10 %"),
            (1.0, "100 %"),
        ];
        for (share, shown) in cases {
            assert_eq!(percent(share), shown);
        }
    }

    #[test]
    fn a_value_has_its_column() {
        let cases = [
            (95, Place::Left),
            (96, Place::At(0)),
            (195, Place::At(9)),
            (145, Place::At(4)),
            (196, Place::Right),
        ];
        for (value, at) in cases {
            assert_eq!(place(value, (96, 196), 10), at, "{value}");
        }
        assert_eq!(place(5, (5, 5), 10), Place::Right);
    }
}
