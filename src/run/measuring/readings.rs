//! The numbers about a picture as readings: `image/CAMERA/…`.

use crate::imaging::Measures;
use crate::model::{Frame, PlainText, Reading, Value};

const COUNTS: &str = "counts";
const COUNTS_SQUARED: &str = "counts^2";
const PIXELS: &str = "px";
/// Of fractions and plain numbers.
const ONE: &str = "";

/// All readings of one frame. What it does not have is left out.
///
/// - `share`: how many frames are measured, as [`share`] says it
pub(super) fn of(
    camera: &PlainText,
    measures: &Measures,
    frame: &Frame,
    share: String,
) -> Vec<Reading> {
    let mut readings = Vec::with_capacity(28);
    let mut add = |name: &str, value: Value, unit: &'static str| {
        readings.push(Reading {
            name: format!("image/{camera}/{name}").into(),
            value,
            unit,
        });
    };
    let code = |value: u16| Value::Int(i64::from(value));
    add("min", code(measures.min), COUNTS);
    add("max", code(measures.max), COUNTS);
    add("full_scale", code(measures.full_scale), COUNTS);
    for (name, value, unit) in [
        ("mean", measures.mean, COUNTS),
        ("std_dev", measures.std_dev, COUNTS),
        ("p1", measures.p1, COUNTS),
        ("p50", measures.p50, COUNTS),
        ("p99", measures.p99, COUNTS),
        ("p99.8", measures.p99_8, COUNTS),
        ("saturated", measures.saturated, ONE),
        ("black", measures.black, ONE),
    ] {
        add(name, Value::Float(value), unit);
    }
    if let Some(focus) = &measures.focus {
        let trend = &measures.trends.tenengrad;
        for (name, value, unit) in [
            ("focus/tenengrad", focus.tenengrad, COUNTS_SQUARED),
            ("focus/of_best", trend.of_best(), ONE),
            (
                "focus/laplacian_variance",
                focus.laplacian_variance,
                COUNTS_SQUARED,
            ),
            (
                "focus/normalised_variance",
                focus.normalised_variance,
                COUNTS,
            ),
        ] {
            add(name, Value::Float(value), unit);
        }
    }
    if let Some(noise) = measures.noise {
        add("noise", Value::Float(noise), COUNTS);
    }
    if let Some(drift) = &measures.drift {
        add("drift/x", Value::Float(drift.x_px), PIXELS);
        add("drift/y", Value::Float(drift.y_px), PIXELS);
        add("drift/quality", Value::Float(drift.quality), ONE);
    }
    let spots = i64::from(measures.spots.count);
    add("spots/count", Value::Int(spots), ONE);
    add("spots/threshold", code(measures.spots.threshold), COUNTS);
    let roi = measures.roi;
    // As it is written in the configuration.
    let roi = format!("[{}, {}, {}, {}]", roi.x, roi.y, roi.width, roi.height);
    add("roi", Value::Text(roi.into()), "");
    add("measured", Value::Text(share.into()), "");
    if let Some(number) = frame.number.and_then(|number| i64::try_from(number).ok()) {
        add("frame", Value::Int(number), "");
    }
    readings
}

/// How many frames are measured, in words.
///
/// - `frames`: how many the camera had sent at each of the last measurements, oldest first
pub(super) fn share(frames: impl Iterator<Item = u64> + Clone) -> String {
    let measured = frames.clone().count().saturating_sub(1) as u64;
    let (first, last) = (frames.clone().next(), frames.last());
    let sent = last
        .zip(first)
        .map_or(0, |(last, first)| last.saturating_sub(first));
    if measured == 0 || sent <= measured {
        "every frame".to_owned()
    } else if sent.is_multiple_of(measured) {
        format!("1 of {} frames", sent / measured)
    } else {
        format!("{measured} of {sent} frames")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_says_what_was_measured() {
        let cases: [(&[u64], &str); 7] = [
            (&[], "every frame"),
            (&[9], "every frame"),
            (&[9, 10, 11], "every frame"),
            (&[10, 14], "1 of 4 frames"),
            (&[10, 13, 18], "1 of 4 frames"),
            (&[10, 13, 17], "2 of 7 frames"),
            (&[10, 3], "every frame"),
        ];
        for (frames, want) in cases {
            assert_eq!(share(frames.iter().copied()), want, "{frames:?}");
        }
    }
}
